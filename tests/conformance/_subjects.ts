/**
 * Who is under test: our server with each kind of application, and our client. Both echo.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { reconnecting } from "../../lib/client/reconnecting.ts";
import { WebSocket } from "../../lib/client/websocket.ts";
import { WebSocketStream } from "../../lib/client/websocket_stream.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import type { CloseInfo, WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { nextTask } from "../../lib/async.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { serve } from "../../lib/server/serve.ts";
import { RawPeer } from "../_support/raw_peer.ts";
import { soon } from "../_support/wait.ts";
import { type Chop, Wire } from "./_wire.ts";

/** How a connection ended for the application: what `closed` of a connection says, or an event. */
export type Ending = Pick<CloseInfo, "closeCode" | "wasClean" | "error">;

/** One connection to it. */
export interface Opened extends Disposable {
  /** The peer's side. */
  readonly wire: Wire;
  /** How the connection ended for the application. */
  readonly closed: Promise<Ending>;
}

/** An endpoint under test. */
export interface Subject extends AsyncDisposable {
  /** Opens a connection to it, or has it open one, on which a read brings at most what a write of `chop` brings. */
  open(chop: Chop): Promise<Opened>;
}

/** How to make one. */
export interface SubjectKind {
  readonly name: string;
  readonly role: "server" | "client";
  /** Whether large cases are run with it as well, and small ones octet-wise too. */
  readonly thorough: boolean;
  /** Whether its messages wait in a queue of its own, whose answers come too late for a close frame in the same read. */
  readonly queues?: boolean;
  create(): Subject;
}

/**
 * A connection of which a read brings at most `most` bytes. To write a byte at a time does not do that: the writes are over before
 * the event loop turns, and 20 000 of them were read in 7 reads.
 */
function throttled(conn: Deno.TcpConn, most: number): Deno.TcpConn {
  return intercepted(conn, "read", (buffer: Uint8Array) => conn.read(buffer.subarray(0, most)));
}

/** An object with another method in the place of one. */
function intercepted<T extends object>(object: T, method: keyof T, instead: T[keyof T]): T {
  return new Proxy(object, {
    get(target, name) {
      if (name === method) return instead;
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function echoPulled(socket: Pick<WebSocketConnection, "send"> & AsyncIterable<Message>): Promise<void> {
  for await (const message of socket) await socket.send(message);
}

async function echoBatches(socket: WebSocketConnection): Promise<void> {
  for await (const batch of socket.batches) for (const message of batch) await socket.send(message);
}

/** Each message is read as a stream, and sent as one. */
async function echoStreamed(socket: WebSocketConnection): Promise<void> {
  for await (const { type, readable } of socket.messages()) {
    const chunks: Message[] = [];
    for await (const chunk of readable) chunks.push(chunk);
    await socket.send(type === "text" ? chunks.join("") : await new Blob(chunks).arrayBuffer());
  }
}

/** The applications that ask for messages, by the way in which they do. */
export const PULLING: Readonly<Record<string, (socket: WebSocketConnection) => Promise<void>>> = {
  "for await": echoPulled,
  "readable": (socket) => socket.readable.pipeTo(socket.writable),
  "batches": echoBatches,
  "messages()": echoStreamed,
};

const bytesOf = (chop: Chop): number => typeof chop === "number" ? chop : Infinity;

function server(
  handler: (opened: (socket: WebSocketConnection) => void) => WebSocketHandler,
  options: { lendPayloads?: boolean } = {},
): Subject {
  let next = Promise.withResolvers<WebSocketConnection>();
  let most = Infinity;
  const errors: unknown[] = [];
  const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const listener = intercepted(tcp, "accept", async () => throttled(await tcp.accept(), most));
  const server = serve(
    { listener, ...options, onError: (error) => errors.push(error) },
    handler((socket) => next.resolve(socket)),
  );
  const { port } = tcp.addr;
  return {
    async open(chop) {
      next = Promise.withResolvers();
      most = bytesOf(chop);
      const peer = await RawPeer.connect(port);
      const { closed } = await soon(next.promise, "The handler");
      return { wire: new Wire(peer.conn, "client"), closed, [Symbol.dispose]: () => peer.close() };
    },
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      assertEquals(errors, [], "what a peer does is no error of the application's");
    },
  };
}

/** Connects to the peer at `url`, over a connection that is given or one of its own, and echoes. */
type EchoingClient = (url: string, over: { conn?: Deno.TcpConn }) => Promise<{ closed: Promise<Ending> }>;

function client(connects: EchoingClient, { dials = false } = {}): Subject {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  return {
    async open(chop) {
      const over = dials ? {} : { conn: throttled(await Deno.connect({ hostname: "127.0.0.1", port }), bytesOf(chop)) };
      const accept = async () => {
        const peer = new RawPeer(await listener.accept(), "server");
        await peer.answer();
        return peer;
      };
      const [{ closed }, peer] = await Promise.all([connects(`ws://127.0.0.1:${port}/`, over), accept()]);
      return { wire: new Wire(peer.conn, "server"), closed, [Symbol.dispose]: () => peer.close() };
    },
    [Symbol.asyncDispose]() {
      listener.close();
      return Promise.resolve();
    },
  };
}

const connected: EchoingClient = async (url, over) => {
  const socket = await connect(url, over);
  const echoed = echoPulled(socket).catch((error) => {
    // The iterator throws the connection's end, and `send` InvalidStateError while it closes; nothing else.
    assert(error instanceof DOMException || socket.readyState !== 1, error);
  });
  const closed = socket.closed.then(async (info) => {
    await echoed;
    return info;
  });
  return { closed };
};

const reconnected: EchoingClient = (url) => {
  const connection = reconnecting(url, { shouldReconnect: () => false });
  void echoPulled(connection).catch(() => {});
  return Promise.resolve(connection);
};

const webSocket: EchoingClient = async (url, over) => {
  const socket = new WebSocket(url, over);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => socket.send(data);
  const closed = new Promise<Ending>((resolve) => {
    let error: unknown;
    socket.addEventListener("error", (event) => error = "error" in event ? event.error : event);
    socket.onclose = ({ code: closeCode, wasClean }) => resolve({ closeCode, wasClean, error });
  });
  await new Promise((resolve) => socket.onopen = resolve);
  return { closed };
};

const webSocketStream: EchoingClient = async (url, over) => {
  const stream = new WebSocketStream(url, over);
  const { readable, writable } = await stream.opened;
  void readable.pipeTo(writable, { preventClose: true }).catch(() => {});
  const closed = stream.closed.then(
    ({ closeCode }) => ({ closeCode, wasClean: true }),
    ({ closeCode, cause: error }) => ({ closeCode: closeCode ?? 1006, wasClean: false, error }),
  );
  return { closed };
};

/** All of them. */
export const SUBJECTS: readonly SubjectKind[] = [
  {
    name: "our server with callbacks",
    role: "server",
    thorough: true,
    create: () => server((opened) => ({ open: opened, message: (socket, data) => socket.send(data) })),
  },
  {
    name: "our server with callbacks that wait",
    role: "server",
    thorough: false,
    create: () =>
      server((opened) => ({
        open: opened,
        async message(socket, data) {
          await nextTask();
          await socket.send(data);
        },
      })),
  },
  {
    name: "our server with callbacks that are lent payloads",
    role: "server",
    thorough: false,
    create: () =>
      server((opened) => ({ open: opened, message: (socket, data) => void socket.send(data) }), { lendPayloads: true }),
  },
  ...Object.entries(PULLING).map(([name, echo]): SubjectKind => ({
    name: `our server with ${name}`,
    role: "server",
    thorough: false,
    create: () =>
      server((opened) => (socket) => {
        opened(socket);
        return echo(socket);
      }),
  })),
  { name: "our client", role: "client", thorough: true, create: () => client(connected) },
  {
    name: "our client that reconnects",
    role: "client",
    thorough: false,
    queues: true,
    create: () => client(reconnected, { dials: true }),
  },
  { name: "our WebSocket", role: "client", thorough: false, create: () => client(webSocket) },
  { name: "our WebSocketStream", role: "client", thorough: false, create: () => client(webSocketStream) },
];
