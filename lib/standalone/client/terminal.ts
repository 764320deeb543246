/**
 * What may be shown on a terminal, and how.
 *
 * @module
 */

/**
 * Makes text harmless to a terminal: control characters except tab and line feed are replaced with `\x1b` and the like, and so
 * are characters that change the direction of text.
 *
 * A terminal obeys what is written to it. A peer could rewrite the screen, change the window's title, set the clipboard, and on
 * some terminals have text typed as if by the user. C1 controls (U+0080 to U+009F) work like an escape, and direction overrides
 * make text look like something else.
 *
 * @param text Any text.
 * @returns Text that is safe to show.
 */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}

// deno-lint-ignore no-control-regex -- these are what it looks for
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Returns text as one line that is harmless to a terminal. */
export function oneLine(text: string): string {
  return escapeControls(text).replaceAll(/[\t\n]+/g, " ");
}

/** The colours by purpose. */
export interface Style {
  /** Less important text. */
  readonly dim: (text: string) => string;
  /** Text from the peer. */
  readonly incoming: (text: string) => string;
  /** Errors. */
  readonly error: (text: string) => string;
}

/** Returns the colours of a terminal, or no colours. */
export function createStyle(colors: boolean): Style {
  const color = (code: number) => (text: string) => colors ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { dim: color(2), incoming: color(36), error: color(31) };
}

/**
 * Shows bytes as `hexdump -C` does: an offset, sixteen bytes, and their ASCII characters.
 *
 * @param bytes The bytes.
 * @returns A line for each sixteen bytes, without a line end behind the last; an empty string for no bytes.
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
