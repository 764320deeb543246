/**
 * One helper for every reader: the same bytes whole, one at a time, and at seeded random places, with the same result.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { below, type Random, SEED, seeded } from "./random.ts";

/** One way to cut bytes into chunks. */
export interface Splitting {
  /** How, for the failure's message; it carries the seed. */
  name: string;
  /** Fresh chunks: a reader may unmask them in place. */
  chunks: Uint8Array<ArrayBuffer>[];
}

/** Cuts at random places, empty chunks among them. */
export function splitAtRandom(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer>[] {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Math.min(
      below(random, 2) === 0 ? below(random, 5) : below(random, bytes.length + 1),
      bytes.length - at,
    );
    chunks.push(bytes.slice(at, at + length));
    at += length;
  }
  return chunks;
}

/** All the ways in which every reader is fed. */
export function splittings(bytes: Uint8Array, rounds = 4): Splitting[] {
  const random = seeded();
  return [
    { name: "whole", chunks: [bytes.slice()] },
    { name: "one byte at a time", chunks: Array.from(bytes, (byte) => Uint8Array.of(byte)) },
    ...Array.from({ length: rounds }, (_, i) => ({
      name: `at random places, round ${i}, SEED=${SEED}`,
      chunks: splitAtRandom(bytes, random),
    })),
  ];
}

/**
 * Asserts that a reader gives `expected` however its input is cut.
 *
 * @param bytes The input.
 * @param read Makes a new reader, feeds it the chunks in order and returns all it read.
 * @param expected What every way must give.
 */
export function assertReads<T>(bytes: Uint8Array, read: (chunks: Uint8Array<ArrayBuffer>[]) => T, expected: T): void {
  for (const { name, chunks } of splittings(bytes)) assertEquals(read(chunks), expected, `fed ${name}`);
}
