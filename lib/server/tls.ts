/**
 * TLS for servers, with `node:tls`. `Deno.listenTls` echoes at least a quarter faster, but its connections cannot be dropped
 * during the TLS handshake: Deno 2.9 keeps the TCP connection until the client sends something, and no method closes it.
 *
 * @module
 */
import type { SecureContext } from "node:tls";
import { builtinModules } from "../builtin_modules.ts";
import { isObject, kind } from "../option_kinds.ts";
import { duplexOf, nodeConnection } from "../transport/node_connection.ts";
import type { ByteConnection } from "../transport/transport.ts";

/** A certificate and its key. */
export interface TlsCertificate {
  /** The certificate chain in PEM. */
  readonly cert: string;
  /** The private key in PEM. */
  readonly key: string;
}

/**
 * Returns the certificate for a handshake. You can return a new certificate at any time, so you can renew it without a restart.
 *
 * @param serverName The name that the client asks for (SNI, RFC 6066 §3), in lower case; `undefined` if it sends none, for
 *   example when it connects to an IP address.
 * @returns The certificate. Return the same object while the certificate is the same, because each object is parsed once. Return
 *   `undefined` for an unknown name; the client then gets the certificate for `undefined`.
 */
export type CertificateFor = (serverName: string | undefined) => TlsCertificate | undefined;

const CERTIFICATE = kind(
  "an object with cert and key in PEM, and not a promise",
  (value) => isObject(value) && "cert" in value && "key" in value,
);

/**
 * Creates a function that starts TLS on connections.
 *
 * @param certificateFor Returns the certificate. It is called once here, so that a mistake shows at once.
 * @param report Gets the error if `certificateFor` throws during a handshake or returns an unusable certificate; that handshake
 *   fails.
 * @returns A function that starts TLS on a connection and returns at once; the handshake continues during the first read. Closing
 *   the TLS connection ends the underlying connection at once. The function throws if `certificateFor` throws or returns an unusable
 *   certificate.
 * @throws {TypeError} If the certificate is missing, the certificate or the key is malformed, or the two do not belong together.
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
      CERTIFICATE.check(certificate, "the result of certificate()");
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
          // If the client sent no name, Deno calls this with "", and Node does not call it.
          const certificate = name === "" ? undefined : certificateFor(name.toLowerCase());
          done(null, certificate === undefined ? secureContext : contextOf(certificate));
        } catch (error) {
          report(error);
          below.destroy(); // because `done` with an error leaves the client waiting
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
        below.destroy(); // at once, because the socket alone would delay it
      },
      secure: true,
      ...(remoteAddr && { remoteAddr }),
      ...(localAddr && { localAddr }),
    };
  };
}

/**
 * Checks a certificate and its key, as `serve` does. `node:tls` reports nothing here and then fails every handshake.
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
