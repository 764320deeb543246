/**
 * Lines of text out of bytes.
 *
 * @module
 */

/**
 * Splits bytes into lines, in time that grows with their number however they are cut.
 *
 * @param chunks UTF-8; what is none becomes U+FFFD.
 * @returns Each line without its end, which is LF or CRLF; the last one needs none.
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
