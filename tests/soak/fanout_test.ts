import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { denoOutput } from "../_support/child.ts";

Deno.test("A7 and A11: one publisher and 300 subscribers that come and go lose nothing in 2 s, and leave no subscriber behind", async () => {
  const run = ["run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-run", "tests/soak/fanout.ts"];
  const { code, stdout, stderr } = await denoOutput(...run, "--subscribers", "300", "--seconds", "2");
  assertEquals(stderr, "");
  assertMatch(stdout, /^300 subscribers, 2 s: \d{3,} published, \d{5,} delivered, \d+ a second, 0 lost or wrong\n/);
  assertStringIncludes(stdout, "\npassed: nothing lost, memory flat, nobody left\n");
  assertEquals(code, 0);
});
