import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { bytesOf } from "../../../lib/pipeline/messages/message.ts";
import { counting } from "../../_support/bytes.ts";

Deno.test("bytesOf gives bytes as they are", () => {
  const bytes = counting(4).subarray(1);
  assertStrictEquals(bytesOf(bytes), bytes);
});

Deno.test("bytesOf gives the bytes of a buffer and of any view of one, without a copy", () => {
  const { buffer } = counting(16);
  const cases: [data: BufferSource, offset: number, length: number][] = [
    [buffer, 0, 16],
    [new DataView(buffer, 3, 5), 3, 5],
    [new Uint16Array(buffer, 2, 3), 2, 6],
    [new Float64Array(buffer, 8), 8, 8],
    [new Uint8ClampedArray(buffer, 1, 1), 1, 1],
    [new Uint32Array(buffer, 4, 0), 4, 0],
  ];
  for (const [data, offset, length] of cases) {
    const bytes = bytesOf(data);
    assertStrictEquals(bytes.buffer, buffer);
    assertEquals([bytes.byteOffset, bytes.length], [offset, length]);
  }
});

Deno.test("bytesOf refuses what is shared, because another thread could change it", () => {
  const shared = new SharedArrayBuffer(4);
  for (const data of [shared, new Uint8Array(shared), new DataView(shared)]) {
    const call = () => Reflect.apply(bytesOf, undefined, [data]);
    assertThrows(call, TypeError, `Cannot send a value of type ${data.constructor.name}`);
  }
});

Deno.test("bytesOf says what it was given", () => {
  const cases: [value: unknown, words: string][] = [
    [undefined, "Cannot send undefined:"],
    [null, "Cannot send null:"],
    [12, "Cannot send 12:"],
    [Symbol("a"), "Cannot send Symbol(a):"],
    [{}, "Cannot send a value of type Object:"],
    [Object.create(null), "Cannot send a value of type Object:"],
    [[1, 2], "Cannot send a value of type Array:"],
    [new Blob(), "Cannot send a value of type Blob:"],
  ];
  for (const [value, words] of cases) {
    assertThrows(() => Reflect.apply(bytesOf, undefined, [value]), TypeError, words);
  }
});
