/**
 * People who chat: clients that come back, say numbered messages, and remember what they heard.
 *
 * @module
 */
import { reconnecting, type ReconnectingConnection, type WebSocketConnection } from "@sluice/websocket";

/** A numbered message, from when a connection took it. */
export interface Said {
  /** What it says: its author and its number. */
  readonly text: string;
  /** The server that it was handed to; `undefined` while it waits for a connection. */
  server: string | undefined;
  /** When it was handed over, or said if it waits. */
  at: number;
}

/** One of them. */
export interface Client {
  /** Its connection. */
  readonly connection: ReconnectingConnection;
  /** The server that it is connected to, or was last. */
  readonly server: string | undefined;
  /** Whether it is connected and has caught up. */
  readonly back: boolean;
  /** When it was connected, each time, and to which server. */
  readonly moves: readonly { readonly at: number; readonly server: string }[];
  /** What it said. */
  readonly said: readonly Said[];
  /** What it heard: once each, with whether it came out of a server's history. */
  readonly heard: ReadonlyMap<string, { readonly caughtUp: boolean }>;
  /** Messages that it heard again, and not because a server's history had them as well. */
  readonly duplicates: number;
  /** Says the next message. While there is no connection it waits for one. */
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
    // A client that gets 1001, or loses its server, reconnects; nothing here is final.
    shouldReconnect: () => true,
  });
  const back = () => connection.state === "open" && live;

  const hear = ({ id, text, live: caughtUp }: FromServer) => {
    if (caughtUp === true) live = true;
    if (id === undefined || text === undefined) return;
    // The history repeats what was heard before: that is what ids are for.
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
      // A connection that was lost after it took the message rejects: it may have arrived or not.
      connection.send(message.text).then(handed, handed);
    },
  };
}

/** The first thing that a server says. What comes behind it is left to who reads the connection. */
async function serverOf(socket: WebSocketConnection): Promise<string> {
  const { value } = await socket[Symbol.asyncIterator]().next();
  const { server }: FromServer = JSON.parse(String(value));
  if (server === undefined) throw new Error(`The server did not say who it is, but ${value}`);
  return server;
}
