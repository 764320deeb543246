/**
 * TLS on the server's side, by `node:tls`. `Deno.listenTls` echoes a quarter faster and more, but what it accepts cannot be dropped:
 * Deno 2.9 keeps the TCP connection of a TLS handshake that is not over, whatever is called, for as long as its client says nothing.
 *
 * @module
 */
import type { SecureContext } from "node:tls";
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
 * Gives the certificate for a handshake. The next handshake sees a new one, so a certificate is renewed without a restart.
 *
 * @param serverName The name that the client asks for (SNI, RFC 6066 §3), in lower case; `undefined` if it asks for none, as a client
 *   does that connects to an IP address.
 * @returns The certificate: the same object for as long as it is the same certificate, as it is parsed once for each object. `undefined`
 *   for a name that is not known: the client then gets the certificate for `undefined`.
 */
export type CertificateFor = (serverName: string | undefined) => TlsCertificate | undefined;

/**
 * Makes what puts TLS on connections.
 *
 * @param certificateFor Gives the certificate. It is asked once here, so that a mistake shows at the call.
 * @param report Gets the error if `certificateFor` throws during a handshake, or gives what cannot be used; that handshake fails.
 * @returns Puts TLS on a connection, at once: the handshake goes on while it is first read. To close it ends the one below at once.
 *   It throws where `certificateFor` does, or gives what cannot be used.
 * @throws {TypeError} If there is no certificate, the certificate or the key is none, or they do not belong together.
 */
export function createTls(
  certificateFor: CertificateFor,
  report: (error: unknown) => void,
): (conn: ByteConnection) => ByteConnection {
  const load = builtinModules("serve over TLS");
  const stream = load("node:stream");
  const { TLSSocket, createSecureContext } = load("node:tls");
  const crypto = load("node:crypto");
  const contexts = new WeakMap<TlsCertificate, SecureContext>();
  const contextOf = (certificate: TlsCertificate): SecureContext => {
    let context = contexts.get(certificate);
    if (context === undefined) {
      const { cert, key } = certificate;
      checkPair(crypto, { cert, key });
      context = createSecureContext({ cert, key });
      contexts.set(certificate, context);
    }
    return context;
  };
  const byDefault = () => {
    const certificate = certificateFor(undefined);
    if (certificate === undefined) {
      throw new TypeError("Cannot serve over TLS: there is no certificate for clients that name no host");
    }
    return contextOf(certificate);
  };
  byDefault();
  return (conn) => {
    const secureContext = byDefault();
    const below = duplexOf(conn, stream);
    const socket = new TLSSocket(below, {
      isServer: true,
      secureContext,
      SNICallback(name, done) {
        try {
          // Deno asks for "" where the client sent no name, Node does not ask.
          const certificate = name === "" ? undefined : certificateFor(name.toLowerCase());
          done(null, certificate === undefined ? secureContext : contextOf(certificate));
        } catch (error) {
          report(error);
          below.destroy(); // as `done` with an error leaves the client waiting
        }
      },
    });
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

/**
 * Checks a certificate and its key, as `serve` does. `node:tls` would say nothing here, and fail every handshake.
 *
 * @param certificate The certificate and the key.
 * @throws {TypeError} If one of them is not in PEM, or they do not belong together.
 */
export function checkCertificate(certificate: TlsCertificate): void {
  checkPair(builtinModules("serve over TLS")("node:crypto"), certificate);
}

function checkPair(crypto: typeof import("node:crypto"), { cert, key }: TlsCertificate): void {
  let pair = false;
  try {
    pair = new crypto.X509Certificate(cert).checkPrivateKey(crypto.createPrivateKey(key));
  } catch (cause) {
    throw new TypeError("Cannot serve over TLS: cert or key is not in PEM", { cause });
  }
  if (!pair) throw new TypeError("Cannot serve over TLS: key is not the key of cert");
}
