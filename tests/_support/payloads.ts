/**
 * Payloads as Autobahn's compression cases name them, the same in every run: text and bytes that compress well, badly and not
 * at all.
 *
 * @module
 */
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { below, randomBytes, seeded } from "./random.ts";

const KiB = 1024;

/** The sizes of Autobahn's cases 12 and 13, in bytes. */
export const PAYLOAD_SIZES: readonly number[] = [
  16,
  64,
  256,
  KiB,
  ...[4, 8, 16, 32, 64, 128].map((size) => size * KiB),
];

const LARGEST = 128 * KiB;
const WORDS =
  ("the of and to in that was it his he with is as for had you not be on at by which have or from this him but all she " +
    "they were my are me one their so an said them we who would been will no when there if more out up into do any your what has " +
    "man could other than our some very time upon about may its only now little like then such great must made after before never")
    .split(" ");

/** Text whose characters all take one byte, so that any size can be cut from it. */
function texts(make: (i: number) => string): string {
  let text = "";
  for (let i = 0; text.length < LARGEST; i++) text += make(i);
  return text;
}

const random = seeded(7692);
const pick = <T>(list: readonly T[]): T => list[below(random, list.length)]!;

const json = texts((i) =>
  JSON.stringify({
    id: i,
    user: `${pick(WORDS)}_${below(random, 1000)}`,
    price: below(random, 100_000) / 100,
    tags: [pick(WORDS), pick(WORDS)],
    active: below(random, 2) === 0,
  }) + ","
);
const english = texts(() => {
  const sentence = Array.from({ length: 4 + below(random, 16) }, () => pick(WORDS)).join(" ");
  return `${sentence[0]!.toUpperCase()}${sentence.slice(1)}. `;
});
const line = texts(() => "2026-01-01T00:00:00Z INFO connection 127.0.0.1 opened\n");
const zeros = new Uint8Array(LARGEST);
const noise = randomBytes(random, LARGEST);

/** The five kinds; each gives a message of so many bytes, up to 128 KiB. */
export const PAYLOADS: Readonly<Record<string, (size: number) => Message>> = {
  "JSON-like text": (size) => json.slice(0, size),
  "English-like text": (size) => english.slice(0, size),
  "repeated lines": (size) => line.slice(0, size),
  "binary zeros": (size) => zeros.slice(0, size),
  "binary noise": (size) => noise.slice(0, size),
};
