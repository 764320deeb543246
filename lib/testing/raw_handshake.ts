/**
 * The opening handshake by hand (RFC 6455 §1.3), with any mistakes that a test needs.
 *
 * @module
 */

/** Header fields by name; `undefined` omits a field. Names are compared exactly: `host` and `Host` are different fields. */
export type HeadFields = Readonly<Record<string, string | undefined>>;

/** The key of RFC 6455 §1.3. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/**
 * Returns a valid request to open a WebSocket, with the given changes.
 *
 * @param fields Changes to its header fields.
 * @param line Its first line.
 * @returns The request's head.
 */
export function requestText(fields: HeadFields = {}, line = "GET / HTTP/1.1"): string {
  return headText(line, {
    Host: "127.0.0.1",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
    ...fields,
  });
}

/**
 * Returns a valid response that opens a WebSocket, with the given changes.
 *
 * @param request The request's head, which contains the key.
 * @param fields Changes to the header fields.
 * @param line The first line.
 * @returns The response's head.
 */
export async function responseText(
  request: string,
  fields: HeadFields = {},
  line = "HTTP/1.1 101 Switching Protocols",
): Promise<string> {
  const key = fieldOf(request, "Sec-WebSocket-Key") ?? "";
  const bytes = new TextEncoder().encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-1", bytes));
  return headText(line, {
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Accept": btoa(String.fromCharCode(...digest)),
    ...fields,
  });
}

function headText(line: string, fields: HeadFields): string {
  const lines = Object.entries(fields).filter(([, value]) => value !== undefined).map((field) => field.join(": "));
  return [line, ...lines, "", ""].join("\r\n");
}

/**
 * Returns the value of a header field.
 *
 * @param head The head of a request or a response.
 * @param name The field's name, in any case.
 * @returns The value of the first such field; `undefined` if there is none.
 */
export function fieldOf(head: string, name: string): string | undefined {
  const start = `${name.toLowerCase()}:`;
  const line = head.split("\r\n").slice(1).find((line) => line.toLowerCase().startsWith(start));
  return line?.slice(start.length).trim();
}
