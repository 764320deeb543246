import { assertEquals } from "@std/assert";
import { denoOutput } from "../_support/child.ts";

Deno.test("examples/typed.ts answers valid messages, and explains what is wrong with the others", async () => {
  // Without the lock file, into which its package must not get.
  const run = ["run", "--no-prompt", "--quiet", "--no-check", "--allow-net=127.0.0.1"];
  const { code, stdout, stderr } = await denoOutput(...run, "examples/typed.ts", "0", "talk");
  const lines = stdout.trim().split("\n");
  assertEquals([code, lines.length], [0, 5], stderr);
  assertEquals([lines[1], lines[2], lines[4]], ["pay: 700 cents", "pay: Ada has only 700 cents", "balance: 300 cents"]);
  assertEquals(lines[3]?.startsWith("pay: The request does not match its schema: cents: "), true, lines[3]);
});
