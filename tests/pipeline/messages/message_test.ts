import { Buffer } from "node:buffer";
import { runInNewContext } from "node:vm";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { bytesOf, isBinaryData, memoryOf, toMessage } from "../../../lib/pipeline/messages/message.ts";
import { counting } from "../../_support/bytes.ts";
import { utf8 } from "../../_support/frames.ts";

Deno.test("bytesOf returns bytes unchanged", () => {
  const bytes = counting(4).subarray(1);
  assertStrictEquals(bytesOf(bytes), bytes);
});

Deno.test("bytesOf returns the bytes of a buffer and of any view, without a copy", () => {
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

Deno.test("values of another realm are binary data too, without a copy", () => {
  const [buffer, ...views]: [ArrayBuffer, ...ArrayBufferView[]] = runInNewContext(`
    const { buffer } = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    [buffer, new Uint8Array(buffer, 1, 2), new DataView(buffer, 2), new Float64Array(buffer)]`);
  assert(!(buffer instanceof ArrayBuffer));
  for (const [data, expected] of [[buffer, 8], [views[0]!, 2], [views[1]!, 6], [views[2]!, 8]] as const) {
    const bytes = bytesOf(data);
    assertInstanceOf(bytes, Uint8Array);
    assertStrictEquals(bytes.buffer, buffer);
    assertEquals([bytes.length, isBinaryData(data)], [expected, true]);
  }
});

Deno.test("a Node Buffer, a view of any kind and an empty one are binary data, and a string is text", () => {
  const buffer = Buffer.from("abc");
  assertEquals(bytesOf(buffer), utf8("abc"));
  assertNotStrictEquals(bytesOf(buffer).slice().buffer, buffer.buffer); // a `Buffer` is not copied by its own `slice`
  assertEquals(bytesOf(new Uint8Array(0)).length, 0);
  assertEquals(bytesOf(new ArrayBuffer(0)).length, 0);
  assertEquals(bytesOf(new DataView(new ArrayBuffer(4), 4)).length, 0);
  const bytes = counting(3);
  assertStrictEquals(toMessage(bytes), bytes);
  assertStrictEquals(toMessage("text"), "text");
});

Deno.test("bytesOf refuses shared memory, because another thread could change it, and says to copy it", () => {
  const shared = new SharedArrayBuffer(4);
  const ofAnotherRealm = runInNewContext("new Uint8Array(new SharedArrayBuffer(4))");
  for (
    const data of [shared, new Uint8Array(shared), new DataView(shared), new Uint8Array(shared, 4), ofAnotherRealm]
  ) {
    const call = () => Reflect.apply(bytesOf, undefined, [data]);
    assertThrows(call, TypeError, "Cannot send memory that is shared: it could change meanwhile. Copy it first");
  }
});

Deno.test("bytesOf refuses detached memory", () => {
  for (const make of [(buffer: ArrayBuffer) => buffer, (buffer: ArrayBuffer) => new Uint8Array(buffer, 2)]) {
    const buffer = new ArrayBuffer(8);
    const data = make(buffer);
    buffer.transfer();
    assertThrows(() => bytesOf(data), TypeError, "Cannot send memory that is detached");
  }
  const buffer = new ArrayBuffer(8);
  const views = [new DataView(buffer), new Float64Array(buffer), new Uint8Array(buffer, 8)];
  buffer.transfer();
  for (const view of views) assertThrows(() => bytesOf(view), TypeError, "Cannot send memory that is detached");
});

Deno.test("bytesOf refuses resizable memory, out of bounds or not, and says to copy it", () => {
  const buffer = new ArrayBuffer(8, { maxByteLength: 16 });
  const views = [
    new Uint8Array(buffer),
    new Uint8Array(buffer, 4, 4),
    new DataView(buffer, 4),
    new Uint16Array(buffer, 4),
  ];
  for (const size of [8, 16, 2, 0]) {
    buffer.resize(size);
    for (const data of [buffer, ...views]) {
      assertThrows(() => bytesOf(data), TypeError, "Cannot send memory of a resizable buffer");
    }
  }
});

Deno.test("any other value is not binary data", () => {
  for (const value of [undefined, null, "text", 1, {}, [], new Blob(), { byteLength: 1 }]) {
    assertEquals(isBinaryData(value), false);
  }
});

Deno.test("the error of bytesOf names the value's type", () => {
  const cases: [value: unknown, words: string][] = [
    [Object("text"), "Cannot send a value of type String:"],
    [Promise.resolve("text"), "a view of one. Await it first"],
    [{ type: "hello" }, "a view of one. Use JSON.stringify(value)"],
    [new Blob(), "a view of one. Read it first: await blob.arrayBuffer()"],
    [12, "a view of one. Use String(value) or JSON.stringify(value)"],
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

Deno.test("a message counts an overhead, and at most two bytes for each character", () => {
  assertEquals([memoryOf(""), memoryOf("abc"), memoryOf(new Uint8Array(5))], [128, 134, 133]);
});
