/**
 * TLS on the server's side, by `node:tls`. `Deno.listenTls` echoes a quarter faster and more, but what it accepts cannot be dropped:
 * Deno 2.9 keeps the TCP connection of a TLS handshake that is not over, whatever is called, for as long as its client says nothing.
 *
 * @module
 */
import { builtinModules } from "../builtin_modules.ts";
import { duplexOf } from "../node/duplex.ts";
import { nodeConnection } from "../transport/node_connection.ts";
import type { ByteConnection } from "../transport/transport.ts";

/** A certificate, and its key. */
export interface TlsCertificate {
  /** The certificate chain in PEM. */
  readonly cert: string;
  /** The private key in PEM. */
  readonly key: string;
}

/**
 * Makes what puts TLS on connections.
 *
 * @param certificate Is shown to every client.
 * @returns Puts TLS on a connection, at once: the handshake goes on while it is first read. To close it ends the one below at once.
 * @throws {TypeError} If the certificate or the key is none, or they do not belong together.
 */
export function createTls({ cert, key }: TlsCertificate): (conn: ByteConnection) => ByteConnection {
  const load = builtinModules("serve over TLS");
  const stream = load("node:stream");
  const { TLSSocket, createSecureContext } = load("node:tls");
  checkPair(load("node:crypto"), { cert, key });
  const secureContext = createSecureContext({ cert, key });
  return (conn) => {
    const below = duplexOf(conn, stream);
    const socket = new TLSSocket(below, { isServer: true, secureContext });
    // Readers and writers get the error. An `error` event without a listener would end the process.
    for (const one of [below, socket]) one.on("error", () => {});
    const { remoteAddr, localAddr } = conn;
    return {
      ...nodeConnection(socket),
      close() {
        socket.destroy();
        below.destroy(); // at once: the socket would take its turn
      },
      secure: true,
      ...(remoteAddr && { remoteAddr }),
      ...(localAddr && { localAddr }),
    };
  };
}

/** `node:tls` would say nothing here, and fail every handshake. */
function checkPair(crypto: typeof import("node:crypto"), { cert, key }: TlsCertificate): void {
  let pair = false;
  try {
    pair = new crypto.X509Certificate(cert).checkPrivateKey(crypto.createPrivateKey(key));
  } catch (cause) {
    throw new TypeError("Cannot serve over TLS: cert or key is not in PEM", { cause });
  }
  if (!pair) throw new TypeError("Cannot serve over TLS: key is not the key of cert");
}
