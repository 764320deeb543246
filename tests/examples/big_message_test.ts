import { assertEquals } from "@std/assert";
import { denoOutput } from "../_support/child.ts";

Deno.test("examples/big_message.ts sends a message while it is generated, and the server counts it while it arrives", async () => {
  const { code, stdout } = await denoOutput("run", "--allow-net=127.0.0.1", "examples/big_message.ts", "64");
  assertEquals([code, stdout], [0, "The server counted: binary, 64 MiB\n"]);
});
