/**
 * Bytes in tests: compared fast, and counted as they are allocated.
 *
 * @module
 */
import { encodeHex } from "@std/encoding/hex";
import { assertStrictEquals } from "@std/assert";

/** Asserts that both hold the same bytes. Quick where they do; `what` names the case where they do not. */
export function assertBytes(actual: Uint8Array, expected: Uint8Array, what = ""): void {
  const same = actual.length === expected.length && actual.every((byte, i) => byte === expected[i]);
  if (!same) assertStrictEquals(encodeHex(actual), encodeHex(expected), what);
}

/** `length` bytes that count up from `first`, modulo 256. */
export function counting(length: number, first = 0): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => first + i);
}

/** Bytes one behind the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The sizes of all `Uint8Array`s that a call allocates, in order. Views of existing buffers are not counted. */
export function allocations(run: () => void): number[] {
  const sizes: number[] = [];
  const real = Uint8Array;
  globalThis.Uint8Array = new Proxy(real, {
    construct(target, args) {
      if (typeof args[0] === "number") sizes.push(args[0]);
      return Reflect.construct(target, args);
    },
  });
  try {
    run();
  } finally {
    globalThis.Uint8Array = real;
  }
  return sizes;
}
