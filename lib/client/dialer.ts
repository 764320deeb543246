/**
 * The functions that a client needs from its runtime.
 *
 * @module
 */
import type { ByteConnection } from "../transport/transport.ts";
import type { HostAndPort } from "./target.ts";

/** The options of TLS. */
export interface TlsOptions {
  /** Certificates in PEM to trust, in addition to the system's. */
  caCerts?: string[];
  /** The client's certificate chain in PEM, for servers that request one. Requires `key`. */
  cert?: string;
  /** The private key of `cert` in PEM. */
  key?: string;
  /** The protocols to offer (ALPN, RFC 7301), the preferred one first. @default {["http/1.1"]} */
  alpnProtocols?: string[];
  /** The host name to send to the server (SNI) and to verify its certificate against. @default {the URL's host} */
  serverName?: string;
}

/** {@linkcode TlsOptions} with all defaults filled in. */
export type SecureOptions = TlsOptions & Required<Pick<TlsOptions, "serverName" | "alpnProtocols">>;

/** The functions of a runtime. Only its implementations use Deno or Node. */
export interface Dialer {
  /**
   * Connects, without TLS and without Nagle's algorithm.
   *
   * @param to A host and a port, or the path of a Unix socket.
   * @param signal Aborts connecting, and leaves no connection open.
   */
  open(to: HostAndPort | { readonly path: string }, signal: AbortSignal): Promise<ByteConnection>;
  /**
   * Starts TLS on a connection, and resolves when the peer's certificate was verified.
   *
   * @param conn A connection of `open` or `secure`. It then belongs to this function, which closes it on failure.
   * @param options The certificates and protocols.
   * @param signal Aborts the TLS handshake, and closes the connection.
   */
  secure(conn: ByteConnection, options: SecureOptions, signal: AbortSignal): Promise<ByteConnection>;
  /** Reads an environment variable. */
  env(name: string): string | undefined;
}

/**
 * Does work over a connection, and closes the connection at once if the signal is aborted or the work fails.
 *
 * @param conn The connection.
 * @param signal Ends the work.
 * @param work The work. If the signal is aborted, its reads and writes fail.
 * @returns The result of the work.
 */
export async function closeOnFailure<T>(
  conn: { close(): void },
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const close = () => {
    try {
      conn.close();
    } catch {
      // It was already closed, or has become a TLS connection, which is then closed instead.
    }
  };
  signal.addEventListener("abort", close);
  try {
    signal.throwIfAborted();
    const result = await work();
    signal.throwIfAborted();
    return result;
  } catch (error) {
    close();
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}
