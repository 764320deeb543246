import { assertEquals } from "@std/assert";
import { notify } from "../../../lib/connection/watch/observer.ts";
import { printed } from "../../_support/printed.ts";

Deno.test("an observer's return value is passed back, and its error is printed and has no other effect", async () => {
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
