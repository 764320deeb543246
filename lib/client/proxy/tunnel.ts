/**
 * Turns a connection to a proxy into a connection to the server behind it.
 *
 * @module
 */
import { ConnectionError } from "../../errors.ts";
import { basicCredentials, percentDecode } from "../../handshake/client_handshake.ts";
import { fieldValues } from "../../handshake/http_fields.ts";
import { type HeadLimits, ResponseHeadParser, serializeRequestHead } from "../../handshake/http_head.ts";
import type { Limits } from "../../limits.ts";
import { readHead, readOn, writeHead } from "../../transport/opening.ts";
import { type ByteConnection, type Transport, transportOf } from "../../transport/transport.ts";
import { refusal, reworded } from "../refusal.ts";
import { authority, type HostAndPort } from "../target.ts";
import type { Proxy } from "./proxy.ts";
import { Socks5Handshake } from "./socks5.ts";

/** The limits of a proxy's response. */
export type TunnelLimits = HeadLimits & Pick<Limits, "maxErrorBodyBytes">;

/**
 * Asks a proxy to open a tunnel.
 *
 * @param conn The connection to the proxy. Afterwards it leads to the server; no other code may use it before.
 * @param proxy The proxy.
 * @param to The server.
 * @param limits The limits of the proxy's response.
 * @throws {HandshakeError} If an HTTP proxy refuses, with its status, header fields and the start of the body.
 * @throws {ConnectionError} If a SOCKS proxy refuses, or the connection is lost.
 */
export async function openTunnel(
  conn: ByteConnection,
  proxy: Proxy,
  to: HostAndPort,
  limits: TunnelLimits,
): Promise<void> {
  const transport = transportOf(conn);
  try {
    const rest = proxy.protocol === "http"
      ? await openHttpTunnel(transport, proxy, to, limits)
      : await openSocksTunnel(transport, proxy, to);
    // WebSocket and TLS servers wait for the client first, so these bytes cannot be the server's.
    if (rest.length > 0) throw new ConnectionError(`Proxy sent ${rest.length} bytes behind its answer`);
  } catch (error) {
    throw reworded(error, (message) => `Cannot connect to ${authority(to)} through ${proxy.href}: ${message}`);
  }
}

/** RFC 9110 §9.3.6. The bytes after the head of a 2xx response belong to the tunnel, whatever its header fields say. */
async function openHttpTunnel(
  transport: Transport,
  proxy: Proxy,
  to: HostAndPort,
  limits: TunnelLimits,
): Promise<Uint8Array> {
  await writeHead(transport, connectRequest(proxy, to));
  const parser = new ResponseHeadParser(limits);
  const head = await readHead(transport, parser);
  const { rest } = parser;
  if (head.status >= 200 && head.status <= 299) return rest;
  const message = `Proxy answered ${head.status}, not 2xx`;
  throw await refusal(message, head, { transport, rest, max: limits.maxErrorBodyBytes });
}

/**
 * Returns the bytes of a CONNECT request. `Authorization` and `Cookie` of the handshake are for the server, and are never sent
 * here.
 */
export function connectRequest(proxy: Proxy, to: HostAndPort): Uint8Array<ArrayBuffer> {
  const [host = authority(to)] = fieldValues(proxy.headers, "host");
  const credentials = basicCredentials(proxy);
  const given = fieldValues(proxy.headers, "proxy-authorization").length > 0;
  return serializeRequestHead({
    method: "CONNECT",
    target: authority(to),
    version: "HTTP/1.1",
    fields: [
      ["Host", host],
      ...(credentials === undefined || given ? [] : [["Proxy-Authorization", credentials] as const]),
      ...proxy.headers.filter(([name]) => name !== "host"),
    ],
  });
}

async function openSocksTunnel(transport: Transport, proxy: Proxy, to: HostAndPort): Promise<Uint8Array> {
  const [username, password] = [percentDecode(proxy.username), percentDecode(proxy.password)];
  const handshake = new Socks5Handshake(to, username === "" && password === "" ? undefined : { username, password });
  await writeHead(transport, handshake.greeting());
  while (!handshake.complete) {
    const answer = handshake.push(await readOn(transport));
    if (answer.length > 0) await writeHead(transport, answer);
  }
  return handshake.rest;
}
