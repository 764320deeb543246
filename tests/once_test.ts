import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { once } from "../lib/once.ts";

Deno.test("a value is created at the first call, and returned at every call", () => {
  let made = 0;
  const value = once(() => ({ number: ++made }));
  assertEquals(made, 0);
  assertStrictEquals(value(), value());
  assertEquals(value(), { number: 1 });
});

Deno.test("undefined is a value too, and a failed creation is retried at the next call", () => {
  let calls = 0;
  const nothing = once(() => void calls++);
  assertEquals([nothing(), nothing(), calls], [undefined, undefined, 1]);

  const late = once(() => {
    if (++calls < 3) throw new Error("too early");
    return calls;
  });
  assertThrows(late, Error, "too early");
  assertEquals(late(), 3);
});
