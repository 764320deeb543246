import { assertEquals } from "@std/assert";
import { isPosition } from "../../lib/recovery/recoverable_options.ts";

Deno.test("a position has an epoch and a non-negative integer", () => {
  assertEquals(isPosition({ epoch: "", offset: 0 }), true);
  for (
    const value of [undefined, null, 1, {}, { epoch: 1, offset: 1 }, { epoch: "a", offset: -1 }, {
      epoch: "a",
      offset: 0.5,
    }]
  ) {
    assertEquals(isPosition(value), false);
  }
});
