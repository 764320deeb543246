import { deno } from "../_support/child.ts";

Deno.test("examples/extension.ts agrees on two extensions at once, each with its own reserved bit", async () => {
  await using child = deno("run", "--allow-net=127.0.0.1", "examples/extension.ts", "0", "talk");
  await child.said(/Agreed on permessage-deflate; .*, x-crc32\nGot 2300 characters back\n/);
});
