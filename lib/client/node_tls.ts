/**
 * TLS over any connection, with a client certificate where one is wanted, by `node:tls`.
 *
 * @module
 */
import { once } from "node:events";
import { isIP } from "node:net";
import { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import { nodeConnection } from "../node/node_connection.ts";
import type { ByteConnection } from "../pipeline/sockets/transport.ts";
import type { SecureOptions } from "./dial.ts";
import { holding } from "./holding.ts";

/** The largest TLS record: RFC 8446 §5.2. */
const RECORD = 5 + 16 * 1024 + 256;

/**
 * Puts TLS on a connection. The contract is that of `Dialer.secure`.
 *
 * @param conn The connection, which is taken over.
 * @param options What to check and to offer.
 * @param signal Gives up, and closes the connection.
 * @param below The connection as a Node stream, where there is one: it is faster than one that is made of it.
 * @returns The encrypted connection, with the addresses of the one below.
 * @throws {Error} What `node:tls` found wrong.
 */
export async function startNodeTls(
  conn: ByteConnection,
  options: SecureOptions,
  signal: AbortSignal,
  below: Duplex = duplexOf(conn),
): Promise<ByteConnection> {
  const { serverName, caCerts, cert, key, alpnProtocols } = options;
  let socket: TLSSocket | undefined;
  const close = () => {
    socket?.destroy();
    below.destroy(); // at once: the socket would take its turn
  };
  return await holding({ close }, signal, async () => {
    socket = connect({
      socket: below,
      host: serverName,
      // RFC 6066 §3: an address is checked, but not sent.
      ...(isIP(serverName) === 0 && { servername: serverName }),
      ...(caCerts !== undefined && { ca: caCerts }),
      ...(cert !== undefined && { cert, key }),
      ALPNProtocols: alpnProtocols,
      rejectUnauthorized: true, // whatever the environment says
    });
    // Who reads, writes or waits is told. An `error` event without a listener would end the process.
    for (const stream of [below, socket]) stream.on("error", () => {});
    await once(socket, "secureConnect", { signal });
    const { remoteAddr, localAddr } = conn;
    return { ...nodeConnection(socket), close, ...(remoteAddr && { remoteAddr }), ...(localAddr && { localAddr }) };
  });
}

/** A connection as a Node stream. */
function duplexOf(conn: ByteConnection): Duplex {
  const buffer = new Uint8Array(RECORD);
  const writeAll = async (bytes: Uint8Array) => {
    for (let written = 0; written < bytes.length;) written += await conn.write(bytes.subarray(written));
  };
  return new Duplex({
    read() {
      conn.read(buffer).then(
        (count) => void this.push(count === null ? null : buffer.slice(0, count)),
        (error) => void this.destroy(error),
      );
    },
    write: (bytes, _, done) => void writeAll(bytes).then(() => done(), done),
    final: (done) => void (conn.closeWrite?.() ?? Promise.resolve()).then(() => done(), done),
    destroy(error, done) {
      conn.close();
      done(error);
    },
  });
}
