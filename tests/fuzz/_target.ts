/**
 * What a fuzz target is: it makes one input from a source of numbers, checks its invariant, and where that does not hold cuts the
 * input down before it says so.
 *
 * @module
 */
import { encodeHex } from "@std/encoding/hex";
import { ConnectionError, LimitError, ProtocolError } from "../../lib/errors.ts";
import type { Splitting } from "../_support/feed.ts";
import { splitAtRandom } from "../_support/feed.ts";
import { below, type Random, randomBytes, seeded } from "../_support/random.ts";

/** An invariant that is tried with one input after the other. */
export interface FuzzTarget {
  /** The name, as `--target` takes it. */
  readonly name: string;
  /** Makes one input and checks it. Throws a {@linkcode Divergence}. */
  run(random: Random): void | Promise<void>;
}

/** Bytes, and how they are to be read. */
export interface FuzzInput<Options> {
  /** The bytes. A check must not change them. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Everything else that the check depends on. */
  readonly options: Options;
}

/** An input for which the invariant does not hold. */
export class Divergence extends Error {
  /** The input as people read it, cut down. */
  readonly input: string;

  /** @param input The input. @param cause What the check threw. */
  constructor(input: string, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.input = input;
  }
}

/** The input of a target that reads bytes: in hexadecimal, with the rest of it. */
function written({ bytes, options }: FuzzInput<unknown>): string {
  const rest = JSON.stringify(options, (_, value) => value === Infinity ? "Infinity" : value);
  return `input ${encodeHex(bytes)}\noptions ${rest}`;
}

/** A target's parts: `make` draws an input, `check` throws where the invariant does not hold. */
export interface FuzzTargetInit<Options> {
  name: string;
  make(random: Random): FuzzInput<Options>;
  /** `random` draws the same for the same input, so that a shorter one is cut into chunks in the same way. */
  check(input: FuzzInput<Options>, random: Random): void;
}

/** Makes a target. */
export function fuzzTarget<Options>({ name, make, check }: FuzzTargetInit<Options>): FuzzTarget {
  const failure = (input: FuzzInput<Options>, seed: number): { cause: unknown } | undefined => {
    try {
      check(input, seeded(seed));
    } catch (cause) {
      return { cause };
    }
  };
  return {
    name,
    run(random) {
      let input = make(random);
      const seed = below(random, 2 ** 32);
      let found = failure(input, seed);
      if (found === undefined) return;
      // The shortest beginning that fails, and of that the shortest end.
      for (const cut of [(n: number) => input.bytes.slice(0, n), (n: number) => input.bytes.slice(-n)]) {
        for (let length = 1; length < input.bytes.length; length++) {
          const shorter = { ...input, bytes: cut(length) };
          const again = failure(shorter, seed);
          if (again === undefined) continue;
          [input, found] = [shorter, again];
          break;
        }
      }
      throw new Divergence(written(input), found.cause);
    },
  };
}

/** The ways in which every input is fed. Chunks are copies: a reader may change them. */
export function* cuts(bytes: Uint8Array, random: Random): Generator<Splitting> {
  const middle = below(random, bytes.length + 1);
  yield { name: "whole", chunks: [bytes.slice()] };
  yield { name: "one byte at a time", chunks: Array.from(bytes, (byte) => Uint8Array.of(byte)) };
  yield { name: `in two at ${middle}`, chunks: [bytes.slice(0, middle), bytes.slice(middle)] };
  yield { name: "at random places", chunks: splitAtRandom(bytes, random) };
}

/** One of several. */
export function oneOf<T>(random: Random, values: readonly T[]): T {
  return values[below(random, values.length)]!;
}

/** Bytes on which headers, UTF-8 and HTTP turn. */
const TELLING = [
  0,
  1,
  9,
  10,
  13,
  32,
  34,
  44,
  58,
  59,
  61,
  92,
  125,
  126,
  127,
  128,
  129,
  136,
  191,
  192,
  224,
  237,
  240,
  244,
  254,
  255,
];

/** Changes bytes in a few places: flips bits, overwrites, inserts, doubles, drops; half of the time it leaves them alone. */
export function mutateBytes(random: Random, bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  let mutated = [...bytes];
  for (let edits = Math.max(0, below(random, 7) - 3); edits > 0; edits--) {
    const at = below(random, mutated.length + 1);
    const to = Math.min(mutated.length, at + 1 + below(random, 8));
    const filling = [
      [(mutated[at] ?? 0) ^ (1 << below(random, 8)), ...mutated.slice(at + 1, to)],
      [oneOf(random, TELLING), ...mutated.slice(at + 1, to)],
      [...randomBytes(random, below(random, 12)), ...mutated.slice(at, to)],
      [...mutated.slice(at, to), ...mutated.slice(at, to)],
      [],
    ];
    mutated = [...mutated.slice(0, at), ...oneOf(random, filling), ...mutated.slice(to)];
  }
  if (below(random, 8) === 0) mutated = mutated.slice(0, below(random, mutated.length + 1));
  return Uint8Array.from(mutated);
}

/** An error of the pipeline in a word: its close code with the section or the limit. Any other class is thrown again. */
export function failureOf(error: unknown): string | undefined {
  if (error === undefined) return undefined;
  if (error instanceof ProtocolError) return `${error.closeCode} ${error.section}`;
  if (error instanceof LimitError) return `${error.closeCode} ${error.limit}`;
  if (error instanceof ConnectionError) return `${error.closeCode}`;
  throw error;
}
