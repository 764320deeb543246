import { assertEquals } from "@std/assert";
import { notOpen } from "../../../lib/pipeline/sockets/not_open.ts";

Deno.test("a call that comes too late hears what it was, and whether the connection is closing or closed", () => {
  const errors = ([2, 3] as const).map((readyState) => notOpen("send", { readyState }));
  assertEquals(errors.map(({ name, message }) => [name, message]), [
    ["InvalidStateError", "Cannot send: the connection is closing"],
    ["InvalidStateError", "Cannot send: the connection is closed"],
  ]);
});
