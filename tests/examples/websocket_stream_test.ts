import { assertEquals } from "@std/assert";
import { denoOutput } from "../_support/child.ts";

Deno.test("examples/websocket_stream.ts pipes words through a server and closes with a code", async () => {
  const { code, stdout } = await denoOutput(
    "run",
    "--allow-net=127.0.0.1",
    "examples/websocket_stream.ts",
    "a",
    "böse",
    "c",
  );
  assertEquals([code, stdout], [0, "A\nBÖSE\nC\nClosed with 4000\n"]);
});
