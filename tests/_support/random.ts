/**
 * Seeded randomness: a failing test prints its seed, and `SEED=n deno task test` repeats it.
 *
 * @module
 */

/** A source of uniform numbers below 1, as `Math.random`, that repeats for the same seed (mulberry32). */
export type Random = () => number;

/** The seed of this run: `SEED` from the environment where it is set and may be read, else the clock's. */
export const SEED: number = readSeed();

function readSeed(): number {
  const allowed = Deno.permissions.querySync({ name: "env", variable: "SEED" }).state === "granted";
  const given = allowed ? Deno.env.get("SEED") : undefined;
  return given === undefined ? Date.now() >>> 0 : Number(given) >>> 0;
}

/** Makes a source of numbers from a seed. */
export function seeded(seed: number = SEED): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A whole number from 0 to `below` - 1. */
export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

/** `length` random bytes. */
export function randomBytes(random: Random, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = below(random, 256);
  return bytes;
}
