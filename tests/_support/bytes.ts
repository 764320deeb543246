/**
 * Bytes in tests: compared fast, and counted as they are allocated.
 *
 * @module
 */
import { keepFreedMemory } from "../../lib/pipeline/bytes/freed_memory.ts";
import { HEADROOM, MIN_BYTES_FOR_HEADROOM } from "../../lib/pipeline/bytes/headroom.ts";
import { decodeHex, encodeHex } from "@std/encoding/hex";
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

/** Bytes of hexadecimal digits, in which spaces count for nothing. */
export function fromHex(digits: string): Uint8Array<ArrayBuffer> {
  return decodeHex(digits.replaceAll(" ", ""));
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

/**
 * The sizes of all buffers that a call allocates, in order, bare or with a `Uint8Array`, without the room for a header in front of
 * large ones. Views of existing buffers are not counted.
 */
export function allocations(run: () => void): number[] {
  keepFreedMemory(); // its one block is made once for the process
  const sizes: number[] = [];
  const { ArrayBuffer, Uint8Array } = globalThis;
  const counting = <Class extends typeof ArrayBuffer | typeof Uint8Array>(real: Class) =>
    new Proxy(real, {
      construct(target, args) {
        const [size] = args;
        if (typeof size === "number") {
          sizes.push(real === ArrayBuffer && size > MIN_BYTES_FOR_HEADROOM ? size - HEADROOM : size);
        }
        return Reflect.construct(target, args);
      },
    });
  globalThis.ArrayBuffer = counting(ArrayBuffer);
  globalThis.Uint8Array = counting(Uint8Array);
  try {
    run();
  } finally {
    Object.assign(globalThis, { ArrayBuffer, Uint8Array });
  }
  return sizes;
}
