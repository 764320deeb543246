/**
 * Who is under test: our server with each kind of application, and our client. Both echo.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import type { CloseInfo, WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { serve } from "../../lib/server/serve.ts";
import { RawPeer } from "../_support/raw_peer.ts";
import { soon } from "../_support/wait.ts";
import { type Chop, Wire } from "./_wire.ts";

/** One connection to it. */
export interface Opened extends Disposable {
  /** The peer's side. */
  readonly wire: Wire;
  /** How the connection ended for the application. */
  readonly closed: Promise<CloseInfo>;
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
  /** Whether its application asks for messages, so that a failure in the same read is there before its reply. */
  readonly pulls: boolean;
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

async function echoPulled(socket: WebSocketConnection): Promise<void> {
  for await (const message of socket) await socket.send(message);
}

const bytesOf = (chop: Chop): number => typeof chop === "number" ? chop : Infinity;

function server(handler: (opened: (socket: WebSocketConnection) => void) => WebSocketHandler): Subject {
  let next = Promise.withResolvers<WebSocketConnection>();
  let most = Infinity;
  const errors: unknown[] = [];
  const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const listener = intercepted(tcp, "accept", async () => throttled(await tcp.accept(), most));
  const server = serve(
    { listener, onError: (error) => errors.push(error) },
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

function client(): Subject {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return {
    async open(chop) {
      const conn = throttled(await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port }), bytesOf(chop));
      const accept = async () => {
        const peer = new RawPeer(await listener.accept(), "server");
        await peer.answer();
        return peer;
      };
      const [socket, peer] = await Promise.all([connect("ws://127.0.0.1/", { conn }), accept()]);
      const echoed = echoPulled(socket).catch((error) => {
        // The iterator throws the connection's end, and `send` InvalidStateError while it closes; nothing else.
        assert(error instanceof DOMException || socket.readyState !== 1, error);
      });
      const closed = socket.closed.then(async (info) => {
        await echoed;
        return info;
      });
      return { wire: new Wire(peer.conn, "server"), closed, [Symbol.dispose]: () => peer.close() };
    },
    [Symbol.asyncDispose]() {
      listener.close();
      return Promise.resolve();
    },
  };
}

/** All of them. */
export const SUBJECTS: readonly SubjectKind[] = [
  {
    name: "our server with callbacks",
    role: "server",
    pulls: false,
    create: () => server((opened) => ({ open: opened, message: (socket, data) => socket.send(data) })),
  },
  {
    name: "our server with for await",
    role: "server",
    pulls: true,
    create: () =>
      server((opened) => (socket) => {
        opened(socket);
        return echoPulled(socket);
      }),
  },
  { name: "our client", role: "client", pulls: true, create: client },
];
