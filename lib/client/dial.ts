/**
 * The way to a server: TCP or a Unix socket, a proxy, TLS. What differs between runtimes is a {@linkcode Dialer}.
 *
 * @module
 */
import { ConnectionError } from "../errors.ts";
import type { ByteConnection } from "../transport/transport.ts";
import { denoDialer } from "./deno_dialer.ts";
import { holding } from "./holding.ts";
import { nodeDialer } from "./node_dialer.ts";
import type { Proxy } from "./proxy/proxy.ts";
import { openTunnel, type TunnelLimits } from "./proxy/tunnel.ts";
import { authority, type HostAndPort, hostAndPort, type Target } from "./target.ts";

/** What TLS needs to know. */
export interface TlsOptions {
  /**
   * Certificates in PEM that are trusted besides the system's. With a client certificate, over a Unix socket and through a proxy
   * that TLS is spoken to, they are trusted instead of the system's, as `node:tls` has it.
   */
  caCerts?: string[];
  /** The client's certificate chain in PEM, for servers that ask for one. It needs `key`. */
  cert?: string;
  /** The private key of `cert` in PEM. */
  key?: string;
  /** The protocols to offer (ALPN, RFC 7301), the best first. @default {["http/1.1"]} */
  alpnProtocols?: string[];
  /** The name that the server's certificate must have, and that the server is told (SNI). @default the URL's host */
  serverName?: string;
}

/** How to get to a server. */
export interface DialOptions {
  /** For a wss URL. `caCerts` hold for a proxy too. */
  tls: TlsOptions;
  /** What to go through. A Unix socket is connected to directly. */
  proxy: Proxy | undefined;
  /** The limits of the proxy's answer. */
  limits: TunnelLimits;
}

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

/** {@linkcode TlsOptions} with all defaults filled in. */
export type SecureOptions = TlsOptions & Required<Pick<TlsOptions, "serverName" | "alpnProtocols">>;

/**
 * Takes what is TLS's from among other options.
 *
 * @throws {TypeError} If there is a certificate without its key, or a key without its certificate.
 */
export function pickTlsOptions({ caCerts, cert, key, alpnProtocols, serverName }: TlsOptions): TlsOptions {
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError(`Cannot use ${cert === undefined ? "key without cert" : "cert without key"}`);
  }
  return {
    ...(caCerts && { caCerts }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
    ...(alpnProtocols && { alpnProtocols }),
    ...(serverName !== undefined && { serverName }),
  };
}

/** The dialer of this runtime. */
export const dialer: Dialer = "Deno" in globalThis ? denoDialer : nodeDialer;

/**
 * Connects to a server, as far as the handshake of WebSocket.
 *
 * @param target Where to.
 * @param options How to get there.
 * @param signal Gives up, and leaves no connection.
 * @returns The connection. Its addresses are those of the TCP connection, so the peer's may be the proxy's.
 * @throws {HandshakeError} If an HTTP proxy refuses.
 * @throws {ConnectionError} If there is no connection, or no TLS on it, with the cause.
 */
export async function dial(target: Target, options: DialOptions, signal: AbortSignal): Promise<ByteConnection> {
  const { url, path } = target;
  const { tls, proxy } = options;
  const to = hostAndPort(url);
  const conn = path !== undefined
    ? await open({ path }, signal)
    : proxy !== undefined
    ? await openThrough(proxy, to, options, signal)
    : await open(to, signal);
  if (url.protocol === "ws:") return conn;
  return await secure(conn, { ...tls, serverName: tls.serverName ?? to.hostname }, signal);
}

/** The proxy is not shown the client's certificate: that is for the server. */
async function openThrough(
  proxy: Proxy,
  to: HostAndPort,
  { tls: { caCerts }, limits }: DialOptions,
  signal: AbortSignal,
): Promise<ByteConnection> {
  const plain = await open(proxy, signal);
  const conn = proxy.secure
    ? await secure(plain, { ...(caCerts && { caCerts }), serverName: proxy.hostname }, signal)
    : plain;
  return await holding(conn, signal, async () => {
    await openTunnel(conn, proxy, to, limits);
    return conn;
  });
}

async function open(to: HostAndPort | { readonly path: string }, signal: AbortSignal): Promise<ByteConnection> {
  const name = "path" in to ? to.path : authority(to);
  return await orNotConnected(dialer.open(to, signal), `Cannot connect to ${name}`);
}

async function secure(
  conn: ByteConnection,
  options: TlsOptions & { serverName: string },
  signal: AbortSignal,
): Promise<ByteConnection> {
  const { alpnProtocols = ["http/1.1"] } = options;
  const securing = dialer.secure(conn, { ...options, alpnProtocols }, signal);
  return await orNotConnected(securing, `Cannot speak TLS with ${options.serverName}`);
}

/** A missing permission is told as it is: it is no fault of the network. */
async function orNotConnected<T>(step: Promise<T>, message: string): Promise<T> {
  try {
    return await step;
  } catch (cause) {
    if (cause instanceof Error && cause.name === "NotCapable") throw cause;
    throw new ConnectionError(message, { cause });
  }
}
