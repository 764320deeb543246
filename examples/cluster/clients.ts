/**
 * Clients of the chat: they reconnect, send numbered messages, and remember the messages that they received.
 *
 * @module
 */
import { reconnecting, type ReconnectingConnection, type WebSocketConnection } from "@sluice/websocket";

/** A numbered message that a client sent. */
export interface Said {
  /** Its text: the author and the number. */
  readonly text: string;
  /** The server that it was sent to; `undefined` while it waits for a connection. */
  server: string | undefined;
  /** When it was sent; while it waits, when `say` was called. */
  at: number;
}

/** A client. */
export interface Client {
  /** Its connection. */
  readonly connection: ReconnectingConnection;
  /** The server that it is connected to, or was last. */
  readonly server: string | undefined;
  /** Whether it is connected and has caught up. */
  readonly back: boolean;
  /** When it was connected, each time, and to which server. */
  readonly moves: readonly { readonly at: number; readonly server: string }[];
  /** The messages that it sent. */
  readonly said: readonly Said[];
  /** The messages that it received, each once, and whether each came from a server's history. */
  readonly heard: ReadonlyMap<string, { readonly caughtUp: boolean }>;
  /** How many messages it received twice, except those that a server's history repeated. */
  readonly duplicates: number;
  /** Sends the next message. If there is no connection, the message waits for one. */
  say(): void;
}

/** What a server sends. */
interface FromServer {
  readonly server?: string;
  readonly live?: true;
  readonly id?: string;
  readonly text?: string;
}

/**
 * Starts a client.
 *
 * @param name Its name, which is also its cookie.
 * @param url Where it connects.
 */
export function createClient(name: string, url: string): Client {
  const said: Said[] = [];
  const heard = new Map<string, { caughtUp: boolean }>();
  const ids = new Set<string>();
  const moves: { at: number; server: string }[] = [];
  let live = false;
  let duplicates = 0;

  const named = new URL(url);
  named.searchParams.set("name", name);
  const connection = reconnecting(named, {
    headers: { Cookie: `sluice=${name}` },
    delay: { first: 400, most: 2_000 },
    async onConnect(socket) {
      live = false;
      moves.push({ at: performance.now(), server: await serverOf(socket) });
    },
    // A client reconnects after every close code, such as 1001, and after a lost connection.
    shouldReconnect: () => true,
  });
  const back = () => connection.state === "open" && live;

  const hear = ({ id, text, live: caughtUp }: FromServer) => {
    if (caughtUp === true) live = true;
    if (id === undefined || text === undefined) return;
    // The history repeats messages that were received before. Their ids show this.
    if (!heard.has(text)) heard.set(text, { caughtUp: !live });
    else if (live || !ids.has(id)) duplicates++;
    ids.add(id);
  };
  void (async () => {
    for await (const message of connection) hear(JSON.parse(String(message)));
  })().catch(() => {}); // `closed` says why

  return {
    connection,
    get server() {
      return moves.at(-1)?.server;
    },
    get back() {
      return back();
    },
    moves,
    said,
    heard,
    get duplicates() {
      return duplicates;
    },
    say() {
      const open = connection.socket?.readyState === 1;
      const message: Said = {
        text: `${name} says ${said.length + 1}`,
        server: open ? moves.at(-1)?.server : undefined,
        at: performance.now(),
      };
      said.push(message);
      const handed = () => {
        if (message.server !== undefined) return;
        message.server = moves.at(-1)?.server;
        message.at = performance.now();
      };
      // If the connection is lost after it took the message, `send` rejects. The message may have arrived.
      connection.send(message.text).then(handed, handed);
    },
  };
}

/** Returns the name of the server, which is in its first message. The loop over the connection reads the messages after it. */
async function serverOf(socket: WebSocketConnection): Promise<string> {
  const { value } = await socket[Symbol.asyncIterator]().next();
  const { server }: FromServer = JSON.parse(String(value));
  if (server === undefined) throw new Error(`The first message of the server has no name: ${value}`);
  return server;
}
