import { assertEquals } from "@std/assert";
import { Expiring } from "../../lib/recovery/expiring.ts";
import { fakeTime } from "../../lib/testing/fake_time.ts";

Deno.test("a value exists for its time and no longer, and setting it again restarts the time", async () => {
  using time = fakeTime();
  const values = new Expiring<number>(100);
  values.set("a", 1);
  values.set("b", 2);
  await time.advance(60);
  values.set("a", 3);
  await time.advance(60);
  assertEquals([values.get("a"), values.get("b")], [3, undefined]);
});

Deno.test("expired values are removed when a value is set", async () => {
  using time = fakeTime();
  const values = new Expiring<number>(100);
  for (let i = 0; i < 10; i++) values.set(`${i}`, i);
  await time.advance(100);
  values.set("new", 1);
  assertEquals(values.size, 1);
});

Deno.test("there are at most 65 536 values: the oldest are removed", () => {
  const values = new Expiring<number>(1_000_000);
  for (let i = 0; i <= 65_536; i++) values.set(`${i}`, i);
  assertEquals([values.size, values.get("0"), values.get("1")], [65_536, undefined, 1]);
});
