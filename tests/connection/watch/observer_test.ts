import { assertEquals } from "@std/assert";
import { notify } from "../../../lib/connection/watch/observer.ts";
import { printed } from "../../_support/printed.ts";

Deno.test("what an observer returns comes back, and what it throws is printed and nothing else", async () => {
  assertEquals(notify(() => 7), 7);
  const errors = await printed(() => {
    assertEquals(
      notify(() => {
        throw new RangeError("mine");
      }),
      undefined,
    );
  });
  assertEquals(errors.map(String), ["RangeError: mine"]);
});
