import { assertEquals } from "@std/assert";
import { unless } from "../_support/needs.ts";
import { installed } from "../hub/_servers.ts";
import { testLog } from "./_log_tests.ts";

const play = testLog("redis", "Redis", "redis-server");

Deno.test({
  ...unless(
    installed("redis") ? undefined : "redis-server is not installed",
    "a Redis that was killed and does not write all to its disk begins another epoch: it may have lost what it confirmed",
  ),
  fn: async () => assertEquals(await play("unsure"), { anotherEpoch: true, kept: ["after"] }),
});

Deno.test({
  ...unless(
    installed("redis") ? undefined : "redis-server is not installed",
    "the clock of Redis may jump: every message arrives once and in order, and what expires early counts as missed",
  ),
  fn: async () =>
    assertEquals(await play("clock"), {
      heard: true,
      kept: true,
      later: { missed: true, entries: 0, next: true },
      facts: ["undefined undefined"],
      errors: [],
    }),
});

Deno.test({
  ...unless(
    installed("redis") ? undefined : "redis-server is not installed",
    "a Redis that has lost the scripts of a log gets them again",
  ),
  fn: async () => assertEquals(await play("scripts"), { entries: ["a", "b"], taken: 7 }),
});
