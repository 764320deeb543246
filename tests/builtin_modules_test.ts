import { assertStrictEquals, assertThrows } from "@std/assert";
import zlib from "node:zlib";
import { builtinModules } from "../lib/builtin_modules.ts";

Deno.test("a module of Node's own is had at once", () => {
  assertStrictEquals(builtinModules("compress")("node:zlib").createDeflateRaw, zlib.createDeflateRaw);
});

Deno.test("a runtime that has none is named in the error, with what cannot be done there", () => {
  const before = Object.getOwnPropertyDescriptor(globalThis.process, "getBuiltinModule");
  Object.defineProperty(globalThis.process, "getBuiltinModule", { value: undefined, configurable: true });
  try {
    assertThrows(() => builtinModules("compress"), TypeError, "Cannot compress here");
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis.process, "getBuiltinModule");
    else Object.defineProperty(globalThis.process, "getBuiltinModule", before);
  }
});
