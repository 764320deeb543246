/**
 * What may be shown on a terminal, and how.
 *
 * @module
 */

/**
 * Makes text harmless to a terminal: control characters but tab and line feed become `\x1b` and the like, as do the characters
 * that turn the direction of text.
 *
 * A terminal obeys what is written to it: a peer could rewrite what is on the screen, retitle the window, set the clipboard, and
 * with some terminals have text typed in as if by the user. C1 controls (U+0080 to U+009F) do the same as an escape, and
 * direction overrides make text read as what it is not.
 *
 * @param text Anything.
 * @returns What can be shown.
 */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}

// deno-lint-ignore no-control-regex -- these are what it looks for
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text in one line that is harmless to a terminal. */
export function oneLine(text: string): string {
  return escapeControls(text).replaceAll(/[\t\n]+/g, " ");
}

/** The colours, by what they are for. */
export interface Style {
  /** What is less important. */
  readonly dim: (text: string) => string;
  /** What came from the peer. */
  readonly incoming: (text: string) => string;
  /** What went wrong. */
  readonly error: (text: string) => string;
}

/** The colours of a terminal; none where there is no terminal or where they are not wanted. */
export function createStyle(colors: boolean): Style {
  const color = (code: number) => (text: string) => colors ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { dim: color(2), incoming: color(36), error: color(31) };
}

/**
 * Bytes as `hexdump -C` shows them: an offset, sixteen bytes, and what of them is ASCII.
 *
 * @param bytes The bytes.
 * @returns A line for each sixteen of them, with no end of line behind the last; an empty string for no bytes.
 */
export function hexView(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const digits = Array.from({ length: 16 }, (_, i) => row[i]?.toString(16).padStart(2, "0") ?? "  ");
    const ascii = Array.from(row, (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".").join("");
    const offset = at.toString(16).padStart(8, "0");
    lines.push(`${offset}  ${digits.slice(0, 8).join(" ")}  ${digits.slice(8).join(" ")}  |${ascii}|`);
  }
  return lines.join("\n");
}
