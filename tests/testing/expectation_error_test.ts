import { assert, assertEquals } from "@std/assert";
import { ExpectationError } from "../../lib/testing/expectation_error.ts";

Deno.test("an ExpectationError is an Error with a name of its own", () => {
  const error = new ExpectationError("Got frame ping, not pong");
  assert(error instanceof Error);
  assertEquals(String(error), "ExpectationError: Got frame ping, not pong");
});
