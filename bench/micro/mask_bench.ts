/** Masking beside the loop that everybody writes first. `offset 1` is a payload that does not begin on a word. */
import { mask } from "../../lib/pipeline/bytes/mask.ts";

const KEY = 0x12345678;

function byteByByte(bytes: Uint8Array, key: number): void {
  for (let at = 0; at < bytes.length; at++) bytes[at]! ^= key >>> (24 - 8 * (at & 3));
}

for (const size of [32, 1024, 64 * 1024]) {
  const group = `mask ${size} B`;
  const memory = new Uint8Array(size + 8);
  const aligned = memory.subarray(0, size);
  const unaligned = memory.subarray(1, size + 1);
  Deno.bench({ name: "byte by byte", group, baseline: true, fn: () => byteByByte(aligned, KEY) });
  Deno.bench({ name: "mask", group, fn: () => void mask(aligned, KEY) });
  Deno.bench({ name: "mask, offset 1", group, fn: () => void mask(unaligned, KEY) });
}
