/**
 * TLS over any connection, with a client certificate where one is wanted, by `node:tls`.
 *
 * @module
 */
import type { Duplex } from "node:stream";
import type { SecureContext, TLSSocket } from "node:tls";
import { duplexOf } from "../node/duplex.ts";
import { nodeConnection } from "../transport/node_connection.ts";
import type { ByteConnection } from "../transport/transport.ts";
import { closeOnFailure, type SecureOptions } from "./dialer.ts";

/** Node's own modules that this is made of: Deno has them at once, Node 20.0 with `import()` alone. */
export interface TlsModules {
  readonly events: { readonly EventEmitter: typeof import("node:events") };
  readonly net: typeof import("node:net");
  readonly stream: { readonly Duplex: typeof Duplex };
  readonly tls: typeof import("node:tls");
}

/**
 * Puts TLS on a connection. The contract is that of `Dialer.secure`.
 *
 * @param modules Node's own.
 * @param conn The connection, which is taken over.
 * @param options What to check and to offer.
 * @param signal Gives up, and closes the connection.
 * @param below The connection as a Node stream, where there is one: it is faster than one that is made of it.
 * @returns The encrypted connection, with the addresses of the one below.
 * @throws {Error} What `node:tls` found wrong.
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
    below.destroy(); // at once: the socket would take its turn
  };
  return await closeOnFailure({ close }, signal, async () => {
    socket = tls.connect({
      socket: below,
      host: serverName,
      // RFC 6066 §3: an address is checked, but not sent.
      ...(net.isIP(serverName) === 0 && { servername: serverName }),
      secureContext: secureContextOf(tls, options),
      ALPNProtocols: alpnProtocols,
      rejectUnauthorized: true, // whatever the environment says
    });
    // Pending reads and writes reject by themselves. An `error` event without a listener would end the process.
    for (const one of [below, socket]) one.on("error", () => {});
    await events.EventEmitter.once(socket, "secureConnect", { signal });
    const { remoteAddr, localAddr } = conn;
    return { ...nodeConnection(socket), close, ...(remoteAddr && { remoteAddr }), ...(localAddr && { localAddr }) };
  });
}

/** Trusts `caCerts` besides the system's: `ca` would take their place, and to list the system's Deno wants `--allow-sys=ca`. */
function secureContextOf(tls: TlsModules["tls"], { caCerts = [], cert, key }: SecureOptions): SecureContext {
  const identity = cert === undefined ? {} : { cert, key };
  const secureContext = tls.createSecureContext(identity);
  for (const caCert of caCerts) secureContext.context.addCACert(caCert);
  return secureContext;
}
