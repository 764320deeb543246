/**
 * All chance of a simulated world comes from here, and all of it from one 64-bit seed.
 *
 * @module
 */

/** The golden ratio in 64 bits: splitmix64's step. */
const STEP = 0x9e37_79b9_7f4a_7c15n;

/** Uniform numbers that repeat for the same seed: xoshiro128**, whose state splitmix64 makes of the seed. */
export class Chance {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param seed 64 bits; higher ones do not count. */
  constructor(seed: bigint) {
    const low = split(seed + STEP);
    const high = split(seed + 2n * STEP);
    this.#a = Number(low & 0xffff_ffffn) | 0;
    this.#b = Number(low >> 32n) | 0;
    this.#c = Number(high & 0xffff_ffffn) | 0;
    this.#d = Number(high >> 32n) | 1; // never all zero
  }

  /** 32 bits. */
  word(): number {
    const result = Math.imul(rotate(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotate(this.#d, 11);
    return result;
  }

  /** A number from 0 up to 1. */
  fraction(): number {
    return this.word() / 2 ** 32;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  /** True once in so many times. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  /** One of some things. */
  pick<Thing>(things: readonly Thing[]): Thing {
    return things[this.below(things.length)]!;
  }

  /** Some things, one for each draw. */
  some<Thing>(least: number, most: number, draw: () => Thing): Thing[] {
    return Array.from({ length: least + this.below(most - least + 1) }, draw);
  }

  /** Fills memory. */
  fill(memory: ArrayBufferView): void {
    const bytes = new Uint8Array(memory.buffer, memory.byteOffset, memory.byteLength);
    let word = 0;
    for (let at = 0; at < bytes.length; at++) {
      word = at % 4 === 0 ? this.word() : word >>> 8;
      bytes[at] = word;
    }
  }
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}

function split(state: bigint): bigint {
  let z = BigInt.asUintN(64, state);
  z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n);
  z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn);
  return z ^ (z >> 31n);
}
