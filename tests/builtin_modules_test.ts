import { assertStrictEquals, assertThrows } from "@std/assert";
import zlib from "node:zlib";
import { builtinModules } from "../lib/builtin_modules.ts";

Deno.test("a built-in module of Node is available at once", () => {
  assertStrictEquals(builtinModules("compress")("node:zlib").createDeflateRaw, zlib.createDeflateRaw);
});

Deno.test("in a runtime without built-in modules the error names the runtime and what it cannot do", () => {
  const before = Object.getOwnPropertyDescriptor(globalThis.process, "getBuiltinModule");
  Object.defineProperty(globalThis.process, "getBuiltinModule", { value: undefined, configurable: true });
  try {
    assertThrows(() => builtinModules("compress"), TypeError, "Cannot compress here");
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis.process, "getBuiltinModule");
    else Object.defineProperty(globalThis.process, "getBuiltinModule", before);
  }
});
