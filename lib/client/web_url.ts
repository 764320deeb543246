/**
 * URLs as the web's constructors take them.
 *
 * @module
 */
import { parseWebSocketUrl } from "../handshake/client_handshake.ts";

/**
 * Gets a URL record (WHATWG websockets, "get a URL record"): relative to `location`, where there is one.
 *
 * @param url An absolute URL, ws, wss, http or https; or a relative one, where the program has a `location`.
 * @returns A new URL, ws or wss.
 * @throws {DOMException} `SyntaxError` if it does not parse, has another scheme, or has a fragment.
 */
export function resolveUrl(url: string | URL): URL {
  const text = `${url}`; // whatever it is: to Web IDL it is a string
  const base = globalThis.location?.href;
  return parseWebSocketUrl(base !== undefined && URL.canParse(text, base) ? new URL(text, base) : text);
}
