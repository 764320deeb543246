/**
 * A Node socket as a transport: it is read on demand, written with the socket's own backpressure, and each half is ended
 * separately. And the reverse: a connection as a Node stream, for `node:tls`.
 *
 * @module
 */
import type { Duplex } from "node:stream";
import { defer } from "../async.ts";
import { ConnectionError } from "../errors.ts";
import { like } from "../option_kinds.ts";
import { type Address, type ByteConnection, transportOf, writeAll } from "./transport.ts";

/** The members of `net.Socket` and `tls.TLSSocket`, besides those of `Duplex`, that are used here. */
export interface SocketFacts {
  /** The peer's IP address. */
  readonly remoteAddress?: string | undefined;
  /** The peer's port. */
  readonly remotePort?: number | undefined;
  /** The local IP address. */
  readonly localAddress?: string | undefined;
  /** The local port. */
  readonly localPort?: number | undefined;
  /** Whether it is a TLS socket. */
  readonly encrypted?: boolean;
  /** Turns off Nagle's algorithm. */
  setNoDelay?(noDelay?: boolean): unknown;
  /** Drops an idle socket, if not 0. */
  setTimeout?(timeout: number): unknown;
}

const SOCKET = like("a socket of node:net or node:tls", { methods: ["on", "read", "write", "end", "destroy"] });

/** The sockets that belong to a connection. */
const TAKEN = new WeakSet<Duplex>();

/** Whether a socket belongs to a connection. Only one connection may read it and answer its request. */
export function isTaken(socket: Duplex): boolean {
  return TAKEN.has(socket);
}

/**
 * Makes a connection from a socket, for `accept` on a server of `node:net` or `node:tls`, and for `connect` with your own socket.
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
 * @param socket A socket that nothing else reads, with or without TLS. The connection owns it from now on.
 * @returns The connection.
 * @throws {TypeError} If the socket already belongs to a connection: `serveNode` and `acceptNode` cannot share one.
 */
export function nodeConnection(socket: Duplex & SocketFacts): ByteConnection {
  SOCKET.check(socket, "the socket");
  if (isTaken(socket)) throw new TypeError("Cannot take the socket: it belongs to another connection");
  TAKEN.add(socket);
  const reading = readerOf(socket);
  // Without this, the socket of a TLS server would end its side together with the peer's, before the reply to the close frame.
  socket.allowHalfOpen = true;
  // Disable the HTTP server's timeout for requests. The connection has its own.
  socket.setTimeout?.(0);
  return {
    read: reading,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        // A Node socket takes all the bytes, and calls back when the operating system has them.
        socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
      }),
    closeWrite: () =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) return resolve(); // `end` would not report this
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
  // This listener stays: an `error` event without a listener would end the process.
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

/** The addresses of both ends of a socket, if it has them. */
export function addressesOf(socket: SocketFacts): { remoteAddr?: Address; localAddr?: Address } {
  const remoteAddr = addressOf(socket.remoteAddress, socket.remotePort);
  const localAddr = addressOf(socket.localAddress, socket.localPort);
  return { ...(remoteAddr && { remoteAddr }), ...(localAddr && { localAddr }) };
}

/** A Unix socket has no addresses here, nor does a socket that is already closed. */
function addressOf(hostname: string | undefined, port: number | undefined): Address | undefined {
  return hostname === undefined || port === undefined ? undefined : { transport: "tcp", hostname, port };
}

/**
 * Makes a Node stream from a connection, which it then owns.
 *
 * @param conn The connection.
 * @param stream The module `node:stream`, which not every runtime has.
 * @returns The stream. Each of its halves ends separately, and `destroy` closes the connection at once.
 */
export function duplexOf(conn: ByteConnection, stream: { readonly Duplex: typeof Duplex }): Duplex {
  const transport = transportOf(conn);
  return new stream.Duplex({
    read() {
      transport.read().then((bytes) => void this.push(bytes), (error) => void this.destroy(error));
    },
    write(chunk: Uint8Array<ArrayBuffer>, _, done) {
      writeAll(transport, chunk).then(() => done(), done);
    },
    final(done) {
      transport.closeWrite().then(() => done(), done);
    },
    destroy(error, done) {
      transport.close();
      done(error);
    },
  });
}
