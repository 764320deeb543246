import { assert, assertStrictEquals } from "@std/assert";
import {
  copyWithHeadroom,
  hasHeadroom,
  HEADROOM,
  markHeadroom,
  MIN_BYTES_FOR_HEADROOM,
} from "../../../lib/pipeline/bytes/headroom.ts";
import { assertBytes, counting } from "../../_support/bytes.ts";

/** A payload with `room` bytes in front of it. */
const behind = (room: number, length = MIN_BYTES_FOR_HEADROOM) => counting(room + length).subarray(room);

Deno.test("a copy with headroom has the same bytes in its own memory, and the room of the original", () => {
  for (const room of [0, 1, 4, 10, HEADROOM - 1, HEADROOM, HEADROOM + 1, 1000]) {
    const payload = behind(room);
    const copy = copyWithHeadroom(payload);
    assertBytes(copy, payload);
    assert(copy.buffer !== payload.buffer);
    assertBytes(new Uint8Array(copy.buffer, 0, copy.byteOffset), new Uint8Array(copy.byteOffset)); // nothing of others
    assertStrictEquals(copy.byteOffset, Math.min(room, HEADROOM));
    assertStrictEquals(copy.buffer.byteLength, copy.byteOffset + copy.length);
    assertStrictEquals(hasHeadroom(copy, 4), room >= 4);
    assertStrictEquals(hasHeadroom(copy, 10), room >= 10);
  }
});

Deno.test("only the marked view itself has headroom: no other view of its memory, and no application data", () => {
  const copy = copyWithHeadroom(behind(HEADROOM, MIN_BYTES_FOR_HEADROOM + 1));
  assert(!hasHeadroom(copy.subarray(0), 4));
  assert(!hasHeadroom(copy.subarray(1), 4));
  assert(!hasHeadroom(new Uint8Array(new ArrayBuffer(HEADROOM + MIN_BYTES_FOR_HEADROOM), HEADROOM), 4));
});

Deno.test("a small payload never has headroom, because copying it is cheaper than a separate write", () => {
  const small = behind(HEADROOM, MIN_BYTES_FOR_HEADROOM - 1);
  markHeadroom(small);
  assert(!hasHeadroom(small, 4));
  assert(!hasHeadroom(copyWithHeadroom(small), 4));
});
