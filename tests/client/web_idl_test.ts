import { assertEquals, assertThrows } from "@std/assert";
import {
  clampUnsignedShort,
  defineInterface,
  enforceUnsignedShort,
  requireArgument,
  toDictionary,
  toWebMessage,
} from "../../lib/client/web_idl.ts";
import { thrownName } from "./_web_support.ts";

Deno.test("an interface has enumerable members, and constants that cannot be changed, on the class and on the prototype", () => {
  class Thing {
    declare static readonly ONE: 1;
    get attribute() {
      return 1;
    }
    operation() {}
    [Symbol.dispose]() {}
  }
  defineInterface(Thing, { ONE: 1 });
  assertEquals(Object.keys(Thing.prototype).sort(), ["ONE", "attribute", "operation"]);
  const constant = { value: 1, writable: false, enumerable: true, configurable: false };
  assertEquals(Object.getOwnPropertyDescriptor(Thing, "ONE"), constant);
  assertEquals(Object.getOwnPropertyDescriptor(Thing.prototype, "ONE"), constant);
  assertEquals(Object.getOwnPropertyDescriptor(Thing.prototype, Symbol.toStringTag), {
    value: "Thing",
    writable: false,
    enumerable: false,
    configurable: true,
  });
  assertEquals(String(new Thing()), "[object Thing]");
});

Deno.test("a missing argument throws, and undefined counts as an argument", () => {
  assertThrows(() => requireArgument(0, "send"), TypeError, "send");
  requireArgument(1, "send");
});

Deno.test("a message is the bytes of a buffer, or any other value as a string", () => {
  const { buffer } = Uint8Array.of(1, 2, 3, 4);
  assertEquals(toWebMessage(buffer), Uint8Array.of(1, 2, 3, 4));
  assertEquals(toWebMessage(new DataView(buffer, 1, 2)), Uint8Array.of(2, 3));
  const texts: [unknown, string][] = [["a", "a"], [undefined, "undefined"], [null, "null"], [1n, "1"], [
    ["a", 1],
    "a,1",
  ]];
  for (const [data, text] of texts) assertEquals(toWebMessage(data), text);
});

Deno.test("shared, resizable or detached memory, and values that cannot become a string, throw TypeError", () => {
  const shared = new SharedArrayBuffer(4);
  const resizable = new ArrayBuffer(4, { maxByteLength: 8 });
  const detached = Uint8Array.of(1);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  for (
    const data of [
      shared,
      new Uint8Array(shared),
      resizable,
      new Uint8Array(resizable),
      new DataView(resizable, 1, 2),
      new SharedArrayBuffer(4, { maxByteLength: 8 }),
      detached.buffer,
      Symbol("no"),
      Object.create(null),
    ]
  ) {
    assertThrows(() => toWebMessage(data), TypeError);
  }
});

Deno.test("[EnforceRange] takes the integer part of a 16-bit number, and throws for other values", () => {
  for (const [value, number] of [[0, 0], ["4000", 4000], [3000.9, 3000], [65_535.9, 65_535], [-0.5, 0], [true, 1]]) {
    assertEquals(enforceUnsignedShort(value) + 0, number);
  }
  for (const value of [-1, 65_536, NaN, Infinity, "x", {}, 1n, Symbol("no"), undefined]) {
    assertEquals(thrownName(() => enforceUnsignedShort(value)), "TypeError", String(value));
  }
});

Deno.test("[Clamp] takes the nearest 16-bit number, and the even one of two", () => {
  for (
    const [value, number] of [
      [1000.4, 1000],
      [1000.5, 1000],
      [1000.6, 1001],
      [1001.5, 1002],
      ["3000.4", 3000],
      [-1, 0],
      [70_000, 65_535],
      [Infinity, 65_535],
      [NaN, 0],
      ["x", 0],
      [null, 0],
    ]
  ) {
    assertEquals(clampUnsignedShort(value), number, String(value));
  }
  for (const value of [1n, Symbol("no")]) assertEquals(thrownName(() => clampUnsignedShort(value)), "TypeError");
});

Deno.test("a dictionary is an object; null counts as an empty one", () => {
  const given = { a: 1 };
  assertEquals(toDictionary(given), given);
  assertEquals(Reflect.apply(toDictionary, undefined, [null]), {});
  for (const value of [1, "text", true]) {
    assertThrows(() => Reflect.apply(toDictionary, undefined, [value]), TypeError);
  }
});
