/**
 * The client's end: a connection, a handshake, and a WebSocket connection or the server's refusal.
 *
 * @module
 */
import { ConnectionError, HandshakeError } from "../errors.ts";
import type { Extension, ExtensionProcessor } from "../extensions/extension.ts";
import { confirmExtensions, describeExtensions, offerExtensions } from "../extensions/negotiation.ts";
import {
  type PerMessageDeflateOptions,
  withPerMessageDeflate,
} from "../extensions/permessage_deflate/permessage_deflate.ts";
import { toHeaders } from "../handshake/http_fields.ts";
import type { ExtensionOffer } from "../handshake/extension_header.ts";
import { type ResponseHead, ResponseHeadParser } from "../handshake/http_head.ts";
import { checkUpgradeResponse, createUpgradeRequest, parseWebSocketUrl } from "../handshake/client_handshake.ts";
import { type Limits, resolveLimits } from "../limits.ts";
import { GrowingBuffer } from "../pipeline/bytes/growing_buffer.ts";
import { Connection } from "../pipeline/sockets/connection.ts";
import { readHead, withDeadline, writeHead } from "../pipeline/sockets/opening.ts";
import { type ByteConnection, type BytePair, type Transport, transportOf } from "../pipeline/sockets/transport.ts";
import type { WebSocketConnection } from "../pipeline/sockets/websocket_connection.ts";

/** How a client connects. */
export interface ConnectOptions<Data = unknown> extends Partial<Limits> {
  /** The subprotocols, the best first. */
  protocols?: string | readonly string[];
  /** Extensions to offer, such as one of your own. */
  extensions?: readonly Extension[];
  /** Whether to offer compression (RFC 7692). @default {false} */
  perMessageDeflate?: boolean | PerMessageDeflateOptions;
  /** More header fields of the request, such as `Cookie` or `Authorization`. */
  headers?: HeadersInit;
  /** Connects through the Unix socket at this path; the URL still gives the host and the resource. */
  path?: string;
  /** A connection of your own instead: a `Deno.Conn` or a pair of byte streams. It belongs to the WebSocket from here on. */
  conn?: ByteConnection | BytePair;
  /** Certificates in PEM that are trusted besides the system's. */
  caCerts?: string[];
  /** What the application keeps with the connection, as `socket.data`. */
  data?: Data;
  /** Gives up connecting. Once the connection is open it does nothing. */
  signal?: AbortSignal;
}

/** A refusal's body may take this long: one that says no length may end with the connection, or never. */
const ERROR_BODY_TIME = 1_000;

/**
 * Opens a WebSocket connection.
 *
 * @example Ask an echo server
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, (socket) => socket.readable.pipeTo(socket.writable));
 * const socket = await connect(`${server.url}/echo`);
 * await socket.send("hello");
 * for await (const message of socket) {
 *   assertEquals(message, "hello");
 *   break;
 * }
 * assertEquals((await socket.close()).wasClean, true);
 * ```
 *
 * @typeParam Data What the application keeps with the connection.
 * @param url An absolute URL: ws or wss; http and https stand for them.
 * @param options What to ask for, the limits and the way there.
 * @returns The open connection.
 * @throws {HandshakeError} If the server did not answer as it must, with its status, header fields and the start of the body.
 * @throws {ConnectionError} If there is no connection, or it ended too early.
 * @throws {DOMException} `SyntaxError` for a bad URL or subprotocol; the signal's reason if that was aborted.
 */
export async function connect<Data = unknown>(
  url: string | URL,
  options: ConnectOptions<Data> = {},
): Promise<WebSocketConnection<Data>> {
  const limits = resolveLimits(options);
  const parsed = parseWebSocketUrl(url);
  const protocols = typeof options.protocols === "string" ? [options.protocols] : options.protocols ?? [];
  const extensions = withPerMessageDeflate(options);
  const request = createUpgradeRequest({
    url: parsed,
    protocols,
    extensions: offerExtensions(extensions),
    headers: options.headers ?? [],
  });

  const giveUp = new AbortController();
  let transport: Transport | undefined;
  const open = async (): Promise<Connection<Data>> => {
    const conn = options.conn ?? await dial(parsed, options, giveUp.signal);
    transport = transportOf(conn);
    if (giveUp.signal.aborted) transport.close();
    await writeHead(transport, request.bytes);
    const parser = new ResponseHeadParser(limits);
    const head = await readHead(transport, parser);
    if (head.status !== 101) throw await refused(head, transport, { rest: parser.rest, max: limits.maxErrorBodyBytes });
    const offeredExtensions = extensions.map(({ name }) => name);
    const agreed = await checkUpgradeResponse(head, { key: request.key, protocols, offeredExtensions });
    const extensionProcessors = confirm(agreed.extensions, extensions, head);
    return new Connection<Data>({
      role: "client",
      url: parsed.href,
      protocol: agreed.protocol,
      extensions: describeExtensions(extensionProcessors),
      extensionProcessors,
      headers: toHeaders(head.fields),
      remoteAddr: "remoteAddr" in conn ? conn.remoteAddr : undefined,
      localAddr: "localAddr" in conn ? conn.localAddr : undefined,
      data: options.data,
      transport,
      limits,
      rest: parser.rest,
    });
  };

  const time = limits.handshakeTimeout;
  const late = () => new ConnectionError(`The handshake took more than ${time} ms`);
  try {
    return await withDeadline(open(), { time, late, signal: options.signal });
  } catch (error) {
    giveUp.abort(error);
    transport?.close();
    throw error;
  }
}

/** An answer that an extension refuses fails the handshake (RFC 6455 §4.1). */
function confirm(
  answer: readonly ExtensionOffer[],
  extensions: readonly Extension[],
  head: ResponseHead,
): ExtensionProcessor[] {
  try {
    return confirmExtensions(answer, extensions);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new HandshakeError(message, { status: head.status, headers: toHeaders(head.fields), cause });
  }
}

async function dial(
  url: URL,
  options: Pick<ConnectOptions, "path" | "caCerts">,
  signal: AbortSignal,
): Promise<Deno.Conn> {
  const { path, caCerts } = options;
  const secure = url.protocol === "wss:";
  const hostname = url.hostname.startsWith("[") ? url.hostname.slice(1, -1) : url.hostname;
  const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
  try {
    if (path !== undefined) return await Deno.connect({ transport: "unix", path });
    if (!secure) return await Deno.connect({ hostname, port, signal });
    // `connectTls` takes no signal: who comes too late is closed by the caller.
    return await Deno.connectTls({ hostname, port, ...(caCerts === undefined ? {} : { caCerts }) });
  } catch (cause) {
    if (cause instanceof Deno.errors.NotCapable) throw cause;
    throw new ConnectionError(`Cannot connect to ${path ?? `${hostname}:${port}`}`, { cause });
  }
}

/** The server's refusal, with as much of its body as comes before its end or the limit. */
async function refused(
  head: ResponseHead,
  transport: Transport,
  { rest, max }: { rest: Uint8Array; max: number },
): Promise<HandshakeError> {
  const headers = toHeaders(head.fields);
  const length = Math.min(Number(headers.get("content-length") ?? max) || 0, max);
  const body = new GrowingBuffer();
  const read = async () => {
    for (let bytes: Uint8Array | null = rest; bytes !== null; bytes = await transport.read()) {
      body.append(bytes.subarray(0, length - body.length));
      if (body.length >= length) break;
    }
  };
  try {
    await withDeadline(read(), { time: ERROR_BODY_TIME, late: () => new ConnectionError("The body did not end") });
  } catch {
    // The status says more than how the connection ended.
  }
  return new HandshakeError(`Server answered ${head.status}, not 101`, {
    status: head.status,
    headers,
    body: body.take(),
  });
}
