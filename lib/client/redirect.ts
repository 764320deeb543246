/**
 * The target of a redirect (RFC 9110 §15.4), and what is not sent to it.
 *
 * @module
 */
import { HandshakeError } from "../errors.ts";
import { quoteUrl } from "../handshake/client_handshake.ts";
import { fieldValues, singleValue, toHeaders } from "../handshake/http_fields.ts";
import type { ResponseHead } from "../handshake/http_head.ts";
import type { TlsOptions } from "./dialer.ts";
import { parseTarget, type Target } from "./target.ts";

/** One handshake in a chain of redirects. */
export interface Hop {
  /** The target. */
  readonly target: Target;
  /** The application's header fields. */
  readonly headers: Headers;
  /** The options of TLS. */
  readonly tls: TlsOptions;
}

/** The statuses of redirects that a GET follows. 300 and 304 to 306 are not among them. */
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Header fields with credentials or for one host. RFC 9110 §15.4 says to reconsider such fields. */
const FIELDS_OF_ORIGIN = ["authorization", "cookie", "host", "proxy-authorization"];

/** Whether a response is a redirect. */
export function isRedirect(head: Pick<ResponseHead, "status" | "fields">): boolean {
  return REDIRECTS.has(head.status) && fieldValues(head.fields, "location").length > 0;
}

/**
 * Follows a redirect. To the same scheme, host and port everything is sent. To others the following is not sent: `Authorization`,
 * `Cookie`, `Host`, the URL's user and password, the client's certificate, and `serverName`, which named this server
 * (CVE-2026-42498, aiohttp#13180). The subprotocols are always sent. Credentials in `Location` itself are ignored.
 *
 * @param hop The handshake that got the redirect.
 * @param head The response.
 * @returns The next handshake.
 * @throws {HandshakeError} If `Location` is not exactly one WebSocket URL, or leads from wss to ws or away from a Unix socket.
 */
export function redirected({ target, headers, tls }: Hop, head: Pick<ResponseHead, "status" | "fields">): Hop {
  const refuse = (message: string) =>
    new HandshakeError(message, { status: head.status, headers: toHeaders(head.fields) });
  const location = singleValue(head.fields, "Location", refuse) ?? "";
  const { url: from, path } = target;
  const to = locate(location, from);
  if (to === undefined) throw refuse(`Header Location is ${quoteUrl(location)}, not the URL of a WebSocket`);
  if (from.protocol === "wss:" && to.protocol === "ws:") throw refuse("Server redirects from wss to ws");
  const same = from.protocol === to.protocol && from.host === to.host;
  if (path !== undefined && !same) throw refuse(`Server redirects from a Unix socket to ${quoteUrl(to)}`);

  to.username = same ? from.username : "";
  to.password = same ? from.password : "";
  if (same) return { target: parseTarget(to, path), headers, tls };
  const kept = new Headers(headers);
  for (const name of FIELDS_OF_ORIGIN) kept.delete(name);
  const { serverName: _name, cert: _cert, key: _key, ...rest } = tls;
  return { target: parseTarget(to), headers: kept, tls: rest };
}

/** Resolves `Location`, which may be relative. Its fragment is for the viewer of a page (RFC 9110 §10.2.2). */
function locate(location: string, from: URL): URL | undefined {
  if (!URL.canParse(location, from)) return undefined;
  const url = new URL(location, from);
  url.hash = "";
  return ["ws:", "wss:", "http:", "https:"].includes(url.protocol) ? parseTarget(url).url : undefined;
}
