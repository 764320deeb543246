import { assertThrows } from "@std/assert";
import { RECOVERABLE_SUBSCRIBE_OPTION_KINDS } from "../../lib/recovery/recoverable_options.ts";

Deno.test("a position has an epoch and a non-negative integer", () => {
  const { position } = RECOVERABLE_SUBSCRIBE_OPTION_KINDS;
  position.check({ epoch: "", offset: 0 }, "position");
  for (
    const value of [null, 1, {}, { epoch: 1, offset: 1 }, { epoch: "a", offset: -1 }, { epoch: "a", offset: 0.5 }]
  ) assertThrows(() => position.check(value, "position"), TypeError, "a position: { epoch, offset }");
});
