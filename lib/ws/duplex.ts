/**
 * A socket as a Node stream.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { Duplex, type DuplexOptions } from "node:stream";
import type { RawData } from "./message_data.ts";
import type { WebSocket } from "./websocket.ts";

/** A stream whose `read()` gives all that there is, as in Node. In Deno 2.9 it gives one chunk, and no event tells of the others. */
class SocketStream extends Duplex {
  override read(size?: number | null): ReturnType<Duplex["read"]> {
    const first: unknown = super.read(size ?? undefined);
    if (typeof size === "number" || this.readableFlowing || !(first instanceof Buffer)) return first;
    const chunks = [first];
    while (this.readableLength > 0) {
      const more: unknown = super.read();
      if (!(more instanceof Buffer)) break;
      chunks.push(more);
    }
    return chunks.length === 1 ? first : Buffer.concat(chunks);
  }
}

/**
 * Makes a Node stream of a socket. Each chunk that you write is sent as a message, and each message can be read. Backpressure
 * works in both directions: the socket is paused while the stream is not read, and a write completes when the data was written.
 *
 * @example An echo through streams
 * ```ts
 * import { createWebSocketStream, WebSocket, WebSocketServer } from "@sluice/websocket/ws";
 * import { assert, assertEquals } from "@std/assert";
 * import { once } from "node:events";
 *
 * const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
 * server.on("connection", (socket) => {
 *   const stream = createWebSocketStream(socket);
 *   stream.pipe(stream);
 * });
 * await once(server, "listening");
 * const address = server.address();
 * assert(typeof address === "object" && address !== null);
 *
 * const stream = createWebSocketStream(new WebSocket(`ws://127.0.0.1:${address.port}`), { encoding: "utf8" });
 * stream.write("hello");
 * assertEquals(await once(stream, "data"), ["hello"]);
 * stream.end();
 * await once(stream, "close");
 * await new Promise((closed) => server.close(closed));
 * ```
 *
 * @param socket The socket, which need not be open yet.
 * @param options The options of the stream. With `readableObjectMode`, text messages are strings.
 * @returns The stream. Ending it closes the socket, and `destroy` terminates the socket.
 */
export function createWebSocketStream(socket: WebSocket, options: DuplexOptions = {}): Duplex {
  // After an error the socket closes by itself, with a close frame that has the reason.
  let failed = false;
  const whenOpen = (action: () => void) => {
    if (socket.readyState === socket.CONNECTING) socket.once("open", action);
    else action();
  };
  const duplex = new SocketStream({
    ...options,
    autoDestroy: false,
    emitClose: false,
    objectMode: false,
    writableObjectMode: false,
    read() {
      if (socket.isPaused) socket.resume();
    },
    write(chunk, _, done) {
      whenOpen(() => socket.send(chunk, done));
    },
    final(done) {
      whenOpen(() => {
        if (socket.readyState === socket.CLOSED) return done();
        socket.once("close", () => done());
        socket.close();
      });
    },
    destroy(error, done) {
      const end = () => {
        done(error);
        queueMicrotask(() => duplex.emit("close"));
      };
      if (socket.readyState === socket.CLOSED) return end();
      socket.once("close", end);
      if (!failed) socket.terminate();
    },
  });
  socket.on("message", (data: RawData, isBinary) => {
    const chunk = !isBinary && duplex.readableObjectMode ? data.toString() : data;
    if (!duplex.push(chunk)) socket.pause();
  });
  socket.once("error", (error) => {
    failed = true;
    if (!duplex.destroyed) duplex.destroy(error);
  });
  socket.once("close", () => {
    if (!duplex.destroyed) duplex.push(null);
  });
  duplex.on("end", () => {
    if (!duplex.destroyed && duplex.writableFinished) duplex.destroy();
  });
  duplex.on("finish", () => {
    if (!duplex.destroyed && duplex.readableEnded) duplex.destroy();
  });
  return duplex;
}
