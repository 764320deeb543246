import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { SharedRun } from "../../../lib/pipeline/bytes/shared_run.ts";

const [a, b, c] = [Uint8Array.of(1, 2), Uint8Array.of(3), Uint8Array.of(4, 5, 6)];

Deno.test("A7: a run of one message is that message, not a copy", () => {
  const run = SharedRun.of(a!);
  assertStrictEquals(run.bytes, a);
  assertStrictEquals(run.length, 2);
});

Deno.test("A7: queues with the same messages in the same order share the same bytes, joined once", () => {
  const [one, other] = [1, 2].map(() => SharedRun.of(a!).and(b!).and(c!));
  assertEquals([...one!.bytes], [1, 2, 3, 4, 5, 6]);
  assertStrictEquals(one!.length, 6);
  assertStrictEquals(other!.bytes, one!.bytes);
});

Deno.test("runs that diverge do not affect each other", () => {
  const start = SharedRun.of(a!);
  const [left, right] = [start.and(b!), start.and(c!)];
  const again = SharedRun.of(a!);
  assertEquals([...left.bytes, ...right.bytes], [1, 2, 3, 1, 2, 4, 5, 6]);
  assertStrictEquals(again.and(c!), right);
  SharedRun.of(b!);
  assertEquals([...again.and(b!).bytes], [1, 2, 3]);
  assertNotStrictEquals(SharedRun.of(a!), start);
});
