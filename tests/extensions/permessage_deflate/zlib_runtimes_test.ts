import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { permessageDeflate } from "../../../lib/extensions/permessage_deflate/mod.ts";
import { createDeflater, createInflater } from "../../../lib/extensions/permessage_deflate/zlib.ts";
import { concat, fromHex } from "../../_support/bytes.ts";
import { utf8 } from "../../_support/frames.ts";
import { ALL, changeHandles, DEFAULTS, digits, type Handle, message, REAL_HANDLE } from "./_support.ts";

const ZLIB = "../../../lib/extensions/permessage_deflate/zlib.ts";
type Zlib = typeof import("../../../lib/extensions/permessage_deflate/zlib.ts");

/** The module as a runtime loads it whose handles are `changed`. */
async function inRuntime(name: string, changed: Partial<Handle>): Promise<Zlib> {
  using _ = changeHandles(changed);
  const fresh: Zlib = await import(`${ZLIB}?${name}`);
  assertStrictEquals(fresh.canKeepContext(), false);
  return fresh;
}

Deno.test("a runtime without the handle is detected, and its one-shot functions are used", async () => {
  const fresh = await inRuntime("without", { reset: undefined });
  const deflater = fresh.createDeflater(DEFAULTS);
  assertEquals(digits([message(deflater.deflate(utf8("Hello")))]), "f248cdc9c90700");
  assertEquals(concat(fresh.createInflater(15).inflate(fromHex("f248cdc9c90700"), ALL)), utf8("Hello"));
  using _ = changeHandles({ reset: undefined });
  assertThrows(() => createDeflater(DEFAULTS, true), TypeError, "no synchronous handle");
  assertThrows(() => createInflater(15, true), TypeError, "no synchronous handle");
});

Deno.test("a runtime whose handle forgets its context is detected", async () => {
  await inRuntime("forgets", {
    writeSync(...args) {
      REAL_HANDLE.reset.call(this);
      REAL_HANDLE.writeSync.apply(this, args);
    },
  });
});

Deno.test("a runtime whose handle produces wrong bytes is detected", async () => {
  await inRuntime("other", {
    writeSync(...args) {
      REAL_HANDLE.writeSync.apply(this, args);
      const [, , , , output, at] = args;
      if (output[at] === 0x73) output[at + 1] = 0x53; // "sluice", inflated
    },
  });
});

Deno.test("a runtime whose handle hides an error is detected", async () => {
  await inRuntime("silent", {
    writeSync(...args) {
      this.onerror = () => {};
      REAL_HANDLE.writeSync.apply(this, args);
    },
  });
});

Deno.test("a runtime whose handle throws is detected", async () => {
  await inRuntime("throws", {
    writeSync() {
      throw new TypeError("Illegal invocation");
    },
  });
});

Deno.test("a runtime that cannot load node:zlib synchronously throws when compression is requested, and offers none", () => {
  const { process } = globalThis;
  const { getBuiltinModule } = process;
  for (const missing of ["process", "getBuiltinModule"]) {
    if (missing === "process") Object.defineProperty(globalThis, "process", { value: undefined, configurable: true });
    else Object.defineProperty(process, "getBuiltinModule", { value: undefined, configurable: true });
    try {
      assertThrows(() => permessageDeflate(), TypeError, "Cannot compress here");
    } finally {
      Object.defineProperty(globalThis, "process", { value: process, configurable: true, writable: true });
      Object.defineProperty(process, "getBuiltinModule", { value: getBuiltinModule, configurable: true });
    }
  }
  permessageDeflate();
});
