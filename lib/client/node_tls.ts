/**
 * TLS over any connection with `node:tls`, with a client certificate if one is given.
 *
 * @module
 */
import type { Duplex } from "node:stream";
import type { SecureContext, TLSSocket } from "node:tls";
import { duplexOf, nodeConnection } from "../transport/node_connection.ts";
import type { ByteConnection } from "../transport/transport.ts";
import { closeOnFailure, type SecureOptions } from "./dialer.ts";

/** The modules of Node that are needed. Deno has them at once; Node 20.0 needs `import()`. */
export interface TlsModules {
  readonly events: { readonly EventEmitter: typeof import("node:events") };
  readonly net: typeof import("node:net");
  readonly stream: { readonly Duplex: typeof Duplex };
  readonly tls: typeof import("node:tls");
}

/**
 * Starts TLS on a connection, as described for `Dialer.secure`.
 *
 * @param modules The modules of Node.
 * @param conn The connection. It then belongs to this function.
 * @param options The certificates and protocols.
 * @param signal Aborts the TLS handshake, and closes the connection.
 * @param below The connection as a Node stream, if there is one. It is faster than a stream made from the connection.
 * @returns The encrypted connection, with the addresses of the one below.
 * @throws {Error} The error of `node:tls`.
 */
export async function startNodeTls(
  { events, net, stream, tls }: TlsModules,
  conn: ByteConnection,
  options: SecureOptions,
  signal: AbortSignal,
  below: Duplex = duplexOf(conn, stream),
): Promise<ByteConnection> {
  const { serverName, alpnProtocols } = options;
  let socket: TLSSocket | undefined;
  const close = () => {
    socket?.destroy();
    below.destroy(); // at once, because the socket alone would delay it
  };
  return await closeOnFailure({ close }, signal, async () => {
    socket = tls.connect({
      socket: below,
      host: serverName,
      // RFC 6066 §3: an IP address is verified, but not sent.
      ...(net.isIP(serverName) === 0 && { servername: serverName }),
      secureContext: secureContextOf(tls, options),
      ALPNProtocols: alpnProtocols,
      rejectUnauthorized: true, // regardless of the environment
    });
    // Pending reads and writes reject by themselves. An `error` event without a listener would end the process.
    for (const one of [below, socket]) one.on("error", () => {});
    await events.EventEmitter.once(socket, "secureConnect", { signal });
    const { remoteAddr, localAddr } = conn;
    return { ...nodeConnection(socket), close, ...(remoteAddr && { remoteAddr }), ...(localAddr && { localAddr }) };
  });
}

/**
 * Trusts `caCerts` in addition to the system's. The option `ca` would replace the system's certificates, and listing those needs
 * `--allow-sys=ca` in Deno.
 */
function secureContextOf(tls: TlsModules["tls"], { caCerts = [], cert, key }: SecureOptions): SecureContext {
  const identity = cert === undefined ? {} : { cert, key };
  const secureContext = tls.createSecureContext(identity);
  for (const caCert of caCerts) secureContext.context.addCACert(caCert);
  return secureContext;
}
