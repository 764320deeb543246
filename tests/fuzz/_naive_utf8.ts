/**
 * UTF-8 by its definition, Unicode 15, §3.9: the oracle for the validator and the decoder.
 *
 * @module
 */

/** Decodes by arithmetic on code points; `undefined` where the bytes are not UTF-8. */
export function naiveDecode(bytes: Uint8Array): string | undefined {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at]!;
    const [size, bits, least] = lead < 0x80
      ? [1, lead, 0]
      : lead < 0xc0
      ? [0, 0, 0]
      : lead < 0xe0
      ? [2, lead - 0xc0, 0x80]
      : lead < 0xf0
      ? [3, lead - 0xe0, 0x800]
      : lead < 0xf8
      ? [4, lead - 0xf0, 0x10000]
      : [0, 0, 0];
    const more = [...bytes.slice(at + 1, at + size)];
    if (size === 0 || more.length < size - 1 || more.some((byte) => byte < 0x80 || byte > 0xbf)) return undefined;
    const code = more.reduce((sum, byte) => sum * 64 + byte - 0x80, bits);
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
    text += String.fromCodePoint(code);
    at += size;
  }
  return text;
}

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether the platform decodes the bytes with something behind them. What may follow is a range, so its ends are enough. */
function mayGoOn(bytes: Uint8Array): boolean {
  return [[], [0x80], [0xbf], [0x80, 0x80], [0xbf, 0xbf], [0x80, 0x80, 0x80], [0xbf, 0xbf, 0xbf]].some((end) => {
    try {
      STRICT.decode(Uint8Array.of(...bytes, ...end));
      return true;
    } catch {
      return false;
    }
  });
}

/** Where the first byte stands after which nothing can make the text right, or -1. */
export function naiveFirstBad(bytes: Uint8Array): number {
  // No longer beginning of a text that is lost can be right, so halving finds the shortest.
  let [right, wrong] = [0, bytes.length + 1];
  while (wrong - right > 1) {
    const middle = (right + wrong) >> 1;
    if (mayGoOn(bytes.subarray(0, middle))) right = middle;
    else wrong = middle;
  }
  return wrong > bytes.length ? -1 : wrong - 1;
}
