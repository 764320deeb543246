/**
 * The opening handshake by hand, RFC 6455 §1.3, with whatever a test wants to be wrong about it.
 *
 * @module
 */

/** Header fields by name; `undefined` leaves a field out. A name stands for itself: `host` is another field than `Host`. */
export type HeadFields = Readonly<Record<string, string | undefined>>;

/** The key of RFC 6455 §1.3. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/**
 * A request to open a WebSocket that is in order, but for what is said.
 *
 * @param fields What is different about its header fields.
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
 * The answer that opens a WebSocket, in order but for what is said.
 *
 * @param request The request's head, for its key.
 * @param fields What is different about the header fields.
 * @param line The first line.
 * @returns The answer's head.
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
 * The value of a header field.
 *
 * @param head The head of a request or an answer.
 * @param name The field's name, in any case.
 * @returns The value of the first such field; `undefined` where there is none.
 */
export function fieldOf(head: string, name: string): string | undefined {
  const start = `${name.toLowerCase()}:`;
  const line = head.split("\r\n").slice(1).find((line) => line.toLowerCase().startsWith(start));
  return line?.slice(start.length).trim();
}
