/**
 * The way to a server: TCP or a Unix socket, a proxy, TLS. What differs between runtimes is a {@linkcode Dialer}.
 *
 * @module
 */
import { ConnectionError } from "../errors.ts";
import type { ByteConnection } from "../transport/transport.ts";
import { denoDialer } from "./deno_dialer.ts";
import { closeOnFailure, type Dialer, type TlsOptions } from "./dialer.ts";
import { nodeDialer } from "./node_dialer.ts";
import type { Proxy } from "./proxy/proxy.ts";
import { openTunnel, type TunnelLimits } from "./proxy/tunnel.ts";
import { authority, type HostAndPort, hostAndPort, type Target } from "./target.ts";

/** How to get to a server. */
export interface DialOptions {
  /** For a wss URL. `caCerts` hold for a proxy too. */
  tls: TlsOptions;
  /** What to go through. A Unix socket is connected to directly. */
  proxy: Proxy | undefined;
  /** The limits of the proxy's answer. */
  limits: TunnelLimits;
}

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
  return await closeOnFailure(conn, signal, async () => {
    await openTunnel(conn, proxy, to, limits);
    return conn;
  });
}

async function open(to: HostAndPort | { readonly path: string }, signal: AbortSignal): Promise<ByteConnection> {
  const name = "path" in to ? to.path : authority(to);
  return await asConnectionError(dialer.open(to, signal), `Cannot connect to ${name}`);
}

async function secure(
  conn: ByteConnection,
  options: TlsOptions & { serverName: string },
  signal: AbortSignal,
): Promise<ByteConnection> {
  const { alpnProtocols = ["http/1.1"] } = options;
  const securing = dialer.secure(conn, { ...options, alpnProtocols }, signal);
  return await asConnectionError(securing, `Cannot speak TLS with ${options.serverName}`);
}

/** A missing permission is thrown unchanged, because it is not a fault of the network. */
async function asConnectionError<T>(step: Promise<T>, message: string): Promise<T> {
  try {
    return await step;
  } catch (cause) {
    if (cause instanceof Error && cause.name === "NotCapable") throw cause;
    throw new ConnectionError(message, { cause });
  }
}
