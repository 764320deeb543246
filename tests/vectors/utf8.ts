/**
 * UTF-8, right and wrong: the sequences of Autobahn's chapter 6, which are Markus Kuhn's stress test, and a few more.
 *
 * @module
 */

/** A text that must be read. */
export interface ValidUtf8 {
  /** What it shows. */
  name: string;
  /** Its bytes. */
  hex: string;
  /** What it says. */
  text: string;
}

/** Bytes that must be refused. */
export interface InvalidUtf8 {
  /** What it shows. */
  name: string;
  /** The bytes. */
  hex: string;
  /** Where the first byte stands that cannot be right; the length where the bytes only end too early. */
  at: number;
}

/** Texts that must be read. */
export const VALID_UTF8: readonly ValidUtf8[] = [
  { name: "nothing", hex: "", text: "" },
  { name: "6.2.1: some of Latin-1", hex: "48656c6c6f2dc2b540c39fc3b6c3a4", text: "Hello-µ@ßöä" },
  { name: "6.5.1: kosme", hex: "cebae1bdb9cf83cebcceb5", text: "κ\u{1f79}σμε" },
  { name: "6.7.1: first of 1 byte", hex: "00", text: "\0" },
  { name: "6.7.2: first of 2 bytes", hex: "c280", text: "\u{80}" },
  { name: "6.7.3: first of 3 bytes", hex: "e0a080", text: "\u{800}" },
  { name: "6.7.4: first of 4 bytes", hex: "f0908080", text: "\u{10000}" },
  { name: "6.9.1: last of 1 byte", hex: "7f", text: "\x7f" },
  { name: "6.9.2: last of 2 bytes", hex: "dfbf", text: "\u{7ff}" },
  { name: "6.9.3: last of 3 bytes", hex: "efbfbf", text: "\u{ffff}" },
  { name: "6.9.4: last of 4 bytes", hex: "f48fbfbf", text: "\u{10ffff}" },
  { name: "6.11.1: last before the surrogates", hex: "ed9fbf", text: "\u{d7ff}" },
  { name: "6.11.2: first after the surrogates", hex: "ee8080", text: "\u{e000}" },
  { name: "6.11.3: the replacement character", hex: "efbfbd", text: "\u{fffd}" },
  { name: "last that E0 leads", hex: "e0bfbf", text: "\u{fff}" },
  { name: "first that E1 leads", hex: "e18080", text: "\u{1000}" },
  { name: "last that EC leads", hex: "ecbfbf", text: "\u{cfff}" },
  { name: "last that F0 leads", hex: "f0bfbfbf", text: "\u{3ffff}" },
  { name: "first that F1 leads", hex: "f1808080", text: "\u{40000}" },
  { name: "last that F3 leads", hex: "f3bfbfbf", text: "\u{fffff}" },
  { name: "first that F4 leads", hex: "f4808080", text: "\u{100000}" },
  ...["fdd0", "fdef", "fffe", "ffff"].map((code) => nonCharacter(parseInt(code, 16))),
  ...Array.from({ length: 16 }, (_, plane) => [0xfffe, 0xffff].map((low) => nonCharacter((plane + 1) * 0x10000 + low)))
    .flat(),
  ...[0xfff9, 0xfffa, 0xfffb, 0xfffc].map((code) => ({
    name: `6.23: the special U+${code.toString(16)}`,
    hex: threeBytes(code),
    text: String.fromCodePoint(code),
  })),
  { name: "a byte order mark, which is kept", hex: "efbbbf61", text: "\u{feff}a" },
  { name: "a byte order mark alone", hex: "efbbbf", text: "\u{feff}" },
  { name: "characters of every length", hex: "61c3a9e282acf0908d88", text: "aé€𐍈" },
];

/** Bytes that must be refused. */
export const INVALID_UTF8: readonly InvalidUtf8[] = [
  { name: "6.3.1: a surrogate inside a text", hex: "cebae1bdb9cf83cebcceb5eda080656469746564", at: 12 },
  { name: "6.4.1: above 10FFFF inside a text", hex: "cebae1bdb9cf83cebcceb5f490808065646974656400", at: 12 },
  { name: "6.8.1: first of 5 bytes", hex: "f888808080", at: 0 },
  { name: "6.8.2: first of 6 bytes", hex: "fc8480808080", at: 0 },
  { name: "6.10.1: last of 4 bytes", hex: "f7bfbfbf", at: 0 },
  { name: "6.10.2: last of 5 bytes", hex: "fbbfbfbfbf", at: 0 },
  { name: "6.10.3: last of 6 bytes", hex: "fdbfbfbfbfbf", at: 0 },
  { name: "6.11.5: first above 10FFFF", hex: "f4908080", at: 1 },
  { name: "6.12.1: the first continuation byte alone", hex: "80", at: 0 },
  { name: "6.12.2: the last continuation byte alone", hex: "bf", at: 0 },
  {
    name: "6.12.8: all continuation bytes",
    hex: Array.from({ length: 64 }, (_, i) => hexByte(0x80 + i)).join(""),
    at: 0,
  },
  { name: "a continuation byte after a whole character", hex: "c3a980", at: 2 },
  ...[
    { lead: "C0 to DF", from: 0xc0, to: 0xdf },
    { lead: "E0 to EF", from: 0xe0, to: 0xef },
    { lead: "F0 to F7", from: 0xf0, to: 0xf7 },
    { lead: "F8 to FB", from: 0xf8, to: 0xfb },
    { lead: "FC and FD", from: 0xfc, to: 0xfd },
  ].map(({ lead, from, to }, i) => ({
    name: `6.13.${i + 1}: ${lead}, each followed by a space`,
    hex: Array.from({ length: to - from + 1 }, (_, i) => hexByte(from + i) + "20").join(""),
    at: [0, 1, 1, 0, 0][i]!, // C0, F8 and FC lead nothing; E0 and F0 do
  })),
  { name: "6.14.1: C0, which leads nothing", hex: "c0", at: 0 },
  { name: "6.14.2: 3 bytes less one, overlong", hex: "e080", at: 1 },
  { name: "6.14.3: 4 bytes less one, overlong", hex: "f08080", at: 1 },
  { name: "6.14.4: 5 bytes less one", hex: "f8808080", at: 0 },
  { name: "6.14.5: 6 bytes less one", hex: "fc80808080", at: 0 },
  { name: "6.14.6: 2 bytes less one", hex: "df", at: 1 },
  { name: "6.14.7: 3 bytes less one", hex: "efbf", at: 2 },
  { name: "3 bytes less two", hex: "e2", at: 1 },
  { name: "4 bytes less one", hex: "f48fbf", at: 3 },
  { name: "4 bytes less two", hex: "f090", at: 2 },
  { name: "4 bytes less three", hex: "f1", at: 1 },
  { name: "2 bytes cut by a character", hex: "c361", at: 1 },
  { name: "3 bytes cut by a character", hex: "e28261", at: 2 },
  { name: "4 bytes cut by a character", hex: "f0908d61", at: 3 },
  { name: "3 bytes cut by another lead", hex: "e282e282ac", at: 2 },
  { name: "6.15.1: incomplete sequences in a row", hex: "dfefbff7bfbffbbfbfbffdbfbfbfbf", at: 1 },
  { name: "6.16.1: FE", hex: "fe", at: 0 },
  { name: "6.16.2: FF", hex: "ff", at: 0 },
  { name: "6.16.3: FE and FF", hex: "fefeffff", at: 0 },
  { name: "6.17.1: a slash in 2 bytes", hex: "c0af", at: 0 },
  { name: "6.17.2: a slash in 3 bytes", hex: "e080af", at: 1 },
  { name: "6.17.3: a slash in 4 bytes", hex: "f08080af", at: 1 },
  { name: "6.17.4: a slash in 5 bytes", hex: "f8808080af", at: 0 },
  { name: "6.17.5: a slash in 6 bytes", hex: "fc80808080af", at: 0 },
  { name: "6.18.1: the greatest overlong of 2 bytes", hex: "c1bf", at: 0 },
  { name: "6.18.2: the greatest overlong of 3 bytes", hex: "e09fbf", at: 1 },
  { name: "6.18.3: the greatest overlong of 4 bytes", hex: "f08fbfbf", at: 1 },
  { name: "6.18.4: the greatest overlong of 5 bytes", hex: "f887bfbfbf", at: 0 },
  { name: "6.18.5: the greatest overlong of 6 bytes", hex: "fc83bfbfbfbf", at: 0 },
  { name: "6.19.1: NUL in 2 bytes", hex: "c080", at: 0 },
  { name: "6.19.2: NUL in 3 bytes", hex: "e08080", at: 1 },
  { name: "6.19.3: NUL in 4 bytes", hex: "f0808080", at: 1 },
  { name: "6.19.4: NUL in 5 bytes", hex: "f880808080", at: 0 },
  { name: "6.19.5: NUL in 6 bytes", hex: "fc8080808080", at: 0 },
  ...["eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"].map((hex, i) => ({
    name: `6.20.${i + 1}: a surrogate`,
    hex,
    at: 1,
  })),
  ...["eda080", "edadbf", "edae80", "edafbf"].flatMap((high) => ["edb080", "edbfbf"].map((low) => high + low)).map((
    hex,
    i,
  ) => ({ name: `6.21.${i + 1}: a pair of surrogates`, hex, at: 1 })),
];

function nonCharacter(code: number): ValidUtf8 {
  const hex = code < 0x10000
    ? threeBytes(code)
    : hexByte(0xf0 | (code >> 18)) + hexByte(0x80 | ((code >> 12) & 0x3f)) + "bf" + hexByte(0x80 | (code & 0x3f));
  return { name: `6.22: the noncharacter U+${code.toString(16)}`, hex, text: String.fromCodePoint(code) };
}

function threeBytes(code: number): string {
  return hexByte(0xe0 | (code >> 12)) + hexByte(0x80 | ((code >> 6) & 0x3f)) + hexByte(0x80 | (code & 0x3f));
}

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
