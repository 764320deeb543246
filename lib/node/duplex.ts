/**
 * A connection as a Node stream, for `node:tls`.
 *
 * @module
 */
import type { Duplex } from "node:stream";
import { type ByteConnection, transportOf, writeAll } from "../transport/transport.ts";

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
