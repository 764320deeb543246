import { assertEquals } from "@std/assert";
import { unless } from "../_support/needs.ts";
import { installed } from "../hub/_servers.ts";
import { testLog } from "./_log_tests.ts";

const play = testLog("nats", "JetStream", "nats-server");

Deno.test({
  ...unless(
    installed("nats") ? undefined : "nats-server is not installed",
    "a topic that is too long for NATS is refused and disturbs no other, and times that JetStream does not take throw",
  ),
  fn: async () => {
    const least = "it must be a whole number from 100 to 2147483647";
    assertEquals(await play("nats"), {
      long: "RangeError: Topic is too long for NATS: its subject has 65547 bytes, over 3584",
      short: "fulfilled",
      wrong: [
        `Cannot use resumeTimeout 99: ${least}, in milliseconds`,
        `Cannot use age 99: ${least}, or Infinity, in milliseconds`,
      ],
      errors: [],
    });
  },
});
