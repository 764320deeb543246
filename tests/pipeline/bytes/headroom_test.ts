import { assert, assertStrictEquals } from "@std/assert";
import {
  copyWithHeadroom,
  hasHeadroom,
  HEADROOM,
  markHeadroom,
  ROOM_PAYS,
} from "../../../lib/pipeline/bytes/headroom.ts";
import { assertBytes, counting } from "../../_support/bytes.ts";

Deno.test("a copy with headroom has the same bytes, and room in front of them", () => {
  const bytes = counting(ROOM_PAYS);
  const copy = copyWithHeadroom(bytes);
  assertBytes(copy, bytes);
  assertStrictEquals(copy.byteOffset, HEADROOM);
  assert(hasHeadroom(copy));
});

Deno.test("only the very view that was marked has headroom: no other view of its memory, and nothing of the application's", () => {
  const copy = copyWithHeadroom(counting(ROOM_PAYS + 1));
  assert(!hasHeadroom(copy.subarray(0)));
  assert(!hasHeadroom(copy.subarray(1)));
  assert(!hasHeadroom(new Uint8Array(new ArrayBuffer(HEADROOM + ROOM_PAYS), HEADROOM)));
});

Deno.test("a small payload never has headroom: it is copied sooner than a write of its own is made", () => {
  const small = counting(ROOM_PAYS - 1);
  markHeadroom(small);
  assert(!hasHeadroom(small));
  assert(!hasHeadroom(copyWithHeadroom(small)));
});
