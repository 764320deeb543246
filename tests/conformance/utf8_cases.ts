/**
 * What the Autobahn test suite's category 6 asks of an endpoint: text that is UTF-8 and text that is not, as data.
 *
 * @module
 */
import { Opcode } from "../../lib/pipeline/frames/frame.ts";
import { fromHex } from "../_support/bytes.ts";
import { utf8 } from "../_support/frames.ts";
import { ping, pong, text } from "../_support/raw_peer.ts";
import { type Case, echo, fragments, more, NOT_UTF8, start, textOf } from "./_case.ts";

const KOSME = "cebae1bdb9cf83cebcceb5";
/** A surrogate in a text that is in order but for it. */
export const SURROGATE = fromHex(KOSME + "eda080" + "656469746564");
/** The same with U+110000, which is too high: F4 may lead, but 90 may not follow. */
const TOO_HIGH = fromHex(KOSME + "f4908080" + "656469746564");
const MIXED = utf8("Hello-µ@ßöäüàá-UTF-8!!");
const NONE = new Uint8Array(0);

/**
 * 6.4, §8.1: the connection fails while the rest is still to come. The suite lets an endpoint wait for the whole message
 * (NON-STRICT); we are strict, because what cannot become text need not be stored. That the first part was accepted is seen by the
 * pong behind it, but inside a frame, where no ping may stand.
 */
function failFast(id: string, how: string, cuts: readonly [number, number]): Case {
  const [accepted, refused] = [TOO_HIGH.subarray(0, cuts[0]), TOO_HIGH.subarray(...cuts)];
  const inFragments = how === "by fragments";
  return {
    id,
    title: `fails fast ${how}, before the rest is sent, at ${
      cuts[1] - cuts[0] === 1 ? "the byte that cannot follow" : "a character above U+10FFFF"
    }`,
    steps: inFragments
      ? [{ send: [start(accepted), ping("accepted")] }, { expect: [pong("accepted")] }, { send: [more(refused)] }]
      : [{ begin: textOf(accepted), length: TOO_HIGH.length }, { proceed: refused }],
    end: NOT_UTF8,
  };
}

/** 6.1 to 6.4. */
const fragmented: Case[] = [
  { id: "6.1.1", title: "echoes an empty text", steps: echo(text("")) },
  {
    id: "6.1.2",
    title: "echoes an empty text in three fragments",
    steps: echo(text(""), [start(NONE), more(NONE), more(NONE, true)]),
  },
  {
    id: "6.1.3",
    title: "echoes a text between empty fragments",
    steps: echo(text("middle frame payload"), [start(NONE), more(utf8("middle frame payload")), more(NONE, true)]),
  },
  { id: "6.2.1", title: "echoes characters of two bytes", steps: echo(textOf(MIXED)) },
  {
    id: "6.2.2",
    title: "echoes a text that is cut between characters",
    steps: echo(textOf(MIXED), [start(MIXED.subarray(0, 15)), more(MIXED.subarray(15), true)]),
  },
  {
    id: "6.2.3",
    title: "echoes a text that is cut inside characters, a fragment for each byte",
    steps: echo(textOf(MIXED), fragments(Opcode.TEXT, MIXED, 1)),
  },
  {
    id: "6.2.4",
    title: "echoes characters of two and three bytes, a fragment for each byte",
    steps: echo(textOf(fromHex(KOSME)), fragments(Opcode.TEXT, fromHex(KOSME), 1)),
  },
  {
    id: "6.3.1",
    title: "fails at a surrogate in a text",
    steps: [{ send: [textOf(SURROGATE)] }],
    end: NOT_UTF8,
  },
  {
    id: "6.3.2",
    title: "fails at a surrogate in a text, a fragment for each byte",
    steps: [{ send: fragments(Opcode.TEXT, SURROGATE, 1) }],
    end: NOT_UTF8,
  },
  failFast("6.4.1", "by fragments", [11, 15]),
  failFast("6.4.2", "by fragments", [12, 13]),
  failFast("6.4.3", "inside one frame", [11, 15]),
  failFast("6.4.4", "inside one frame", [12, 13]),
];

const hexByte = (byte: number): string => byte.toString(16).padStart(2, "0");
const hexOf = (...codes: number[]): string => codes.map((code) => encode(String.fromCodePoint(code))).join("");
const encode = (characters: string): string => Array.from(utf8(characters), hexByte).join("");
/** Each of some bytes, with a space behind it. */
const lonely = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, i) => hexByte(from + i) + "20").join("");
/** Bytes that are not UTF-8 up to their end: each lacks its last byte. */
const CUT_SHORT = ["c0", "e080", "f08080", "f8808080", "fc80808080", "df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf"];
/** A lead that is followed as if there were longer forms, for lengths from 2 to 6. */
const LONGER = (
  last: string,
): string[] => [`c0${last}`, ...["e0", "f080", "f88080", "fc808080"].map((l) => `${l}80${last}`)];

/** 6.5 to 6.23: Markus Kuhn's stress test. A row for each sequence. */
const SEQUENCES: readonly { title: string; valid: (bytes: string) => boolean; sequences: readonly string[] }[] = [
  {
    title: "characters of every length",
    valid: () => true,
    sequences: [...["$", "¢", "€", "\u{24b62}"].map((character) => encode(`hello${character}world`)), KOSME],
  },
  {
    title: "the start of a text",
    // Those that end between characters.
    valid: (bytes) => [2, 5, 7, 9, 11].includes(bytes.length / 2),
    sequences: Array.from({ length: KOSME.length / 2 }, (_, i) => KOSME.slice(0, 2 * i + 2)),
  },
  {
    title: "the first of a length",
    valid: () => true,
    sequences: ["00", "c280", "e0a080", "f0908080"],
  },
  { title: "the first of 5 or 6 bytes", valid: () => false, sequences: ["f888808080", "fc8480808080"] },
  { title: "the last of a length", valid: () => true, sequences: ["7f", "dfbf", "efbfbf", "f48fbfbf"] },
  {
    title: "the last of 4, 5 or 6 bytes, too high",
    valid: () => false,
    sequences: ["f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"],
  },
  {
    title: "a bound",
    valid: (bytes) => bytes !== "f4908080",
    sequences: ["ed9fbf", "ee8080", "efbfbd", "f48fbfbf", "f4908080"],
  },
  {
    title: "continuation bytes alone",
    valid: () => false,
    sequences: [
      "80",
      "bf",
      ...[2, 3, 4, 5, 6].map((count) => "80bf".repeat(3).slice(0, 2 * count)),
      Array.from({ length: 64 }, (_, i) => hexByte(0x80 + i)).join(""),
    ],
  },
  {
    title: "first bytes alone",
    valid: () => false,
    sequences: [
      lonely(0xc0, 0xdf),
      lonely(0xe0, 0xef),
      lonely(0xf0, 0xf7),
      lonely(0xf8, 0xfb),
      lonely(0xfc, 0xfd),
    ],
  },
  { title: "a sequence without its last byte", valid: () => false, sequences: CUT_SHORT },
  { title: "sequences without their last bytes in a row", valid: () => false, sequences: [CUT_SHORT.join("")] },
  { title: "impossible bytes", valid: () => false, sequences: ["fe", "ff", "fefeffff"] },
  { title: "an overlong slash", valid: () => false, sequences: LONGER("af") },
  {
    title: "the highest overlong sequence of a length",
    valid: () => false,
    sequences: ["c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"],
  },
  { title: "an overlong NUL", valid: () => false, sequences: LONGER("80") },
  {
    title: "a surrogate",
    valid: () => false,
    sequences: ["eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"],
  },
  {
    title: "a pair of surrogates",
    valid: () => false,
    sequences: ["eda080", "edadbf", "edae80", "edafbf"].flatMap((high) =>
      ["edb080", "edbfbf"].map((low) => high + low)
    ),
  },
  {
    title: "a noncharacter, which is UTF-8",
    valid: () => true,
    sequences: Array.from({ length: 17 }, (_, plane) => [0xfffe, 0xffff].map((low) => hexOf(plane * 0x10000 + low)))
      .flat(),
  },
  {
    title: "a special character",
    valid: () => true,
    sequences: Array.from({ length: 7 }, (_, i) => hexOf(0xfff9 + i)),
  },
];

const sequences: Case[] = SEQUENCES.flatMap(({ title, valid, sequences }, group) =>
  sequences.map((bytes, i): Case => {
    const message = textOf(fromHex(bytes));
    const shown = bytes.length > 24 ? `${bytes.slice(0, 24)}...` : bytes;
    return {
      id: `6.${group + 5}.${i + 1}`,
      title: `${valid(bytes) ? "echoes" : "fails at"} ${title}: ${shown}`,
      ...(valid(bytes) ? { steps: echo(message) } : { steps: [{ send: [message] }], end: NOT_UTF8 }),
    };
  })
);

/** The rows of category 6. */
export const UTF8_CASES: readonly Case[] = [...fragmented, ...sequences];
