/**
 * A Node socket as a connection's transport: read when asked, written with the socket's own backpressure, each half ended apart.
 *
 * @module
 */
import type { Duplex } from "node:stream";
import { defer } from "../async.ts";
import { ConnectionError } from "../errors.ts";
import { like } from "../option_kinds.ts";
import type { ByteConnection } from "./transport.ts";
import type { Address } from "./transport.ts";

/** What `net.Socket` and `tls.TLSSocket` have besides a `Duplex`, as far as it matters here. */
export interface SocketFacts {
  /** The peer's IP address. */
  readonly remoteAddress?: string | undefined;
  /** The peer's port. */
  readonly remotePort?: number | undefined;
  /** Our IP address. */
  readonly localAddress?: string | undefined;
  /** Our port. */
  readonly localPort?: number | undefined;
  /** Whether it is a TLS socket. */
  readonly encrypted?: boolean;
  /** Turns off Nagle's algorithm. */
  setNoDelay?(noDelay?: boolean): unknown;
  /** Drops an idle socket, where not 0. */
  setTimeout?(timeout: number): unknown;
}

const SOCKET = like("a socket of node:net or node:tls", { methods: ["on", "read", "write", "end", "destroy"] });

/** The sockets that belong to a connection. */
const TAKEN = new WeakSet<Duplex>();

/** Whether a socket belongs to a connection: only one may read it, and answer its request. */
export function isTaken(socket: Duplex): boolean {
  return TAKEN.has(socket);
}

/**
 * Makes a connection of a socket, for `accept` on a server of `node:net` or `node:tls`, and for `connect` with a socket of one's own.
 *
 * @example A server of `node:net`
 * ```ts
 * import { createServer } from "node:net";
 * import { accept, connect } from "@sluice/websocket";
 * import { nodeConnection } from "@sluice/websocket/node";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const server = createServer(async (socket) => {
 *   const connection = await accept(nodeConnection(socket));
 *   for await (const message of connection) await connection.send(message);
 * });
 * await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
 * const address = server.address();
 * assert(typeof address === "object" && address !== null);
 *
 * const socket = await connect(`ws://127.0.0.1:${address.port}`);
 * await socket.send("hello");
 * assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
 * await socket.close();
 * await new Promise((closed) => server.close(closed));
 * ```
 *
 * @param socket A socket that nothing else reads, with or without TLS. It belongs to the connection from here on.
 * @returns The connection.
 * @throws {TypeError} If the socket belongs to a connection already: `serveNode` and `acceptNode` cannot share one.
 */
export function nodeConnection(socket: Duplex & SocketFacts): ByteConnection {
  SOCKET.check(socket, "the socket");
  if (isTaken(socket)) throw new TypeError("Cannot take the socket: it belongs to another connection");
  TAKEN.add(socket);
  const reading = readerOf(socket);
  // A TLS server's socket would end our side with the peer's, before the answer to its close frame.
  socket.allowHalfOpen = true;
  // The HTTP server's time for requests is over; ours begins.
  socket.setTimeout?.(0);
  return {
    read: reading,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        // A Node socket takes all of it, and calls back when the operating system has.
        socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
      }),
    closeWrite: () =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) return resolve(); // which `end` would not tell of
        socket.end((error?: Error | null) => error ? reject(error) : resolve());
      }),
    close: () => void socket.destroy(),
    setNoDelay: (noDelay) => void socket.setNoDelay?.(noDelay),
    ...addressesOf(socket),
    secure: socket.encrypted === true,
  };
}

/** Reads on demand: a socket that is not read fills its buffer of 64 KiB (Node's high-water mark) and then stops the peer. */
function readerOf(socket: Duplex): ByteConnection["read"] {
  let rest = new Uint8Array(0);
  let failure: Error | undefined;
  let changed = defer<void>();
  const wake = () => {
    changed.resolve();
    changed = defer();
  };
  socket.on("readable", wake);
  socket.on("end", wake);
  socket.on("close", wake);
  // For good: an `error` event without a listener would end the process.
  socket.on("error", (error: Error) => {
    failure ??= error;
    wake();
  });
  return async (buffer) => {
    for (;;) {
      if (rest.length === 0) rest = socket.read() ?? rest;
      if (rest.length > 0) {
        const part = rest.subarray(0, buffer.length);
        buffer.set(part);
        rest = rest.subarray(part.length);
        return part.length;
      }
      if (failure !== undefined) throw failure;
      if (socket.readableEnded) return null;
      if (socket.destroyed) throw new ConnectionError("The socket was closed");
      await changed.promise;
    }
  };
}

/** Both ends of a socket, where it has addresses. */
export function addressesOf(socket: SocketFacts): { remoteAddr?: Address; localAddr?: Address } {
  const remoteAddr = addressOf(socket.remoteAddress, socket.remotePort);
  const localAddr = addressOf(socket.localAddress, socket.localPort);
  return { ...(remoteAddr && { remoteAddr }), ...(localAddr && { localAddr }) };
}

/** A Unix socket has no addresses here, and neither has one that is closed already. */
function addressOf(hostname: string | undefined, port: number | undefined): Address | undefined {
  return hostname === undefined || port === undefined ? undefined : { transport: "tcp", hostname, port };
}
