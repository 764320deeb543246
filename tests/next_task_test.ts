import { assertEquals } from "@std/assert";
import { nextTask } from "../lib/next_task.ts";

Deno.test("the next task comes after all reactions of promises that are resolved now, and theirs", async () => {
  const seen: string[] = [];
  const task = nextTask().then(() => seen.push("task"));
  void Promise.resolve().then(() => seen.push("reaction")).then(() => seen.push("its reaction"));
  await task;
  assertEquals(seen, ["reaction", "its reaction", "task"]);
});
