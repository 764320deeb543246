/**
 * Connects to a server: over TCP or a Unix socket, a proxy, and TLS. A {@linkcode Dialer} covers the differences between
 * runtimes.
 *
 * @module
 */
import { noteNotOpened } from "../descriptors.ts";
import { ConnectionError } from "../errors.ts";
import type { ByteConnection } from "../transport/transport.ts";
import { denoDialer } from "./deno_dialer.ts";
import { closeOnFailure, type Dialer, type TlsOptions } from "./dialer.ts";
import { nodeDialer } from "./node_dialer.ts";
import type { Proxy } from "./proxy/proxy.ts";
import { openTunnel, type TunnelLimits } from "./proxy/tunnel.ts";
import { authority, type HostAndPort, hostAndPort, type Target } from "./target.ts";

/** The options of the route to a server. */
export interface DialOptions {
  /** The TLS options for a wss URL. `caCerts` apply to a proxy too. */
  tls: TlsOptions;
  /** The proxy to connect through. A Unix socket is always connected to directly. */
  proxy: Proxy | undefined;
  /** The limits of the proxy's response. */
  limits: TunnelLimits;
}

/**
 * Picks the TLS options from all options.
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

/** Returns the dialer of this runtime. */
export const dialer: Dialer = "Deno" in globalThis ? denoDialer : nodeDialer;

/**
 * Connects to a server, up to the opening handshake.
 *
 * @param target The server.
 * @param options The proxy and TLS.
 * @param signal Aborts connecting, and leaves no connection open.
 * @returns The connection. Its addresses are those of the TCP connection, so the remote address may be that of the proxy.
 * @throws {HandshakeError} If an HTTP proxy refuses.
 * @throws {ConnectionError} If the connection or its TLS handshake fails, with the cause.
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

/** The client's certificate is sent to the server only, not to the proxy. */
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
  return await asConnectionError(dialer.open(to, signal), () => `Cannot connect to ${name}`);
}

async function secure(
  conn: ByteConnection,
  options: TlsOptions & { serverName: string },
  signal: AbortSignal,
): Promise<ByteConnection> {
  const { alpnProtocols = ["http/1.1"] } = options;
  const securing = dialer.secure(conn, { ...options, alpnProtocols }, signal);
  return await asConnectionError(securing, (cause) => `Cannot speak TLS with ${options.serverName}${reasonOf(cause)}`);
}

/** A missing permission is thrown unchanged, because it is not a network error. */
async function asConnectionError<T>(step: Promise<T>, message: (cause: unknown) => string): Promise<T> {
  try {
    return await step;
  } catch (cause) {
    if (cause instanceof Error && cause.name === "NotCapable") throw cause;
    const error = new ConnectionError(message(cause), { cause });
    noteNotOpened(error);
    throw error;
  }
}

/** The first line of the cause: a refused certificate and a wrong host name look the same without it. */
function reasonOf(cause: unknown): string {
  const [line = ""] = cause instanceof Error ? cause.message.split("\n", 1) : [];
  return line === "" ? "" : `: ${line}`;
}
