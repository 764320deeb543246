/**
 * What a runtime has to give for a client to connect.
 *
 * @module
 */
import type { ByteConnection } from "../transport/transport.ts";
import type { HostAndPort } from "./target.ts";

/** What TLS needs to know. */
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

/** What a runtime has to give: this is all that knows of Deno, or of Node. */
export interface Dialer {
  /**
   * Connects, without TLS and without Nagle's algorithm.
   *
   * @param to A host and a port, or the path of a Unix socket.
   * @param signal Gives up, and leaves no connection.
   */
  open(to: HostAndPort | { readonly path: string }, signal: AbortSignal): Promise<ByteConnection>;
  /**
   * Puts TLS on a connection, and resolves when the peer's certificate is found good.
   *
   * @param conn What `open` or `secure` gave. It is taken over: closed if this fails.
   * @param options What to check and to offer.
   * @param signal Gives up, and closes the connection.
   */
  secure(conn: ByteConnection, options: SecureOptions, signal: AbortSignal): Promise<ByteConnection>;
  /** Reads a variable of the environment. */
  env(name: string): string | undefined;
}

/**
 * Does work over a connection, which is closed at once if the signal comes, and if the work fails.
 *
 * @param conn The connection.
 * @param signal Ends the work.
 * @param work What is to be done. It sees the connection fail when the signal comes.
 * @returns What the work resolves to.
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
      // It was closed before, or has become a TLS connection, which is then held in its place.
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
