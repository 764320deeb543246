import { assert } from "@std/assert";
import { slowness } from "../../lib/testing/slowness.ts";

Deno.test("a machine is one to ten times slower than the one that deadlines were chosen on", () => {
  const factor = slowness();
  assert(factor >= 1 && factor <= 10, `${factor}`);
});

Deno.test("a machine that does a hundredth of the work in its time is ten times slower, and no more", () => {
  let time = 0;
  assert(slowness(() => time += 100) === 10);
});

Deno.test("a faster machine needs no shorter deadlines", () => {
  let time = 0;
  assert(slowness(() => time += 0.9) === 1);
});
