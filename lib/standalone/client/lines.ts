/**
 * Splits bytes into lines of text.
 *
 * @module
 */

/**
 * Splits bytes into lines. The time is linear, however the bytes are cut.
 *
 * @param chunks UTF-8. Invalid bytes become U+FFFD.
 * @returns Each line without its end (LF or CRLF). The last line needs no end.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let parts: string[] = [];
  for await (const chunk of chunks) {
    const [first = "", ...rest] = decoder.decode(chunk, { stream: true }).split("\n");
    parts.push(first);
    for (const next of rest) {
      yield withoutReturn(parts.join(""));
      parts = [next];
    }
  }
  parts.push(decoder.decode());
  const last = parts.join("");
  if (last !== "") yield withoutReturn(last);
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
