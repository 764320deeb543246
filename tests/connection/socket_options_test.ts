import { assertThrows } from "@std/assert";
import {
  SEND_OPTION_KINDS,
  SLOW_POLICY,
  SUBSCRIBE_OPTION_KINDS,
  TAP_OPTION_KINDS,
} from "../../lib/connection/socket_options.ts";

Deno.test("slowPolicy is one of four policies", () => {
  for (const policy of ["disconnect", "wait", "drop-oldest", "latest-only"]) SLOW_POLICY.check(policy, "slowPolicy");
  assertThrows(() => SLOW_POLICY.check("drop", "slowPolicy"), TypeError, '"drop-oldest" or "latest-only"');
});

Deno.test("type is text or binary, history any number, and a tap's maximum of payload bytes may be 0", () => {
  SEND_OPTION_KINDS.type.check("text", "type");
  assertThrows(() => SEND_OPTION_KINDS.type.check("string", "type"), TypeError);
  SUBSCRIBE_OPTION_KINDS.history.check(Infinity, "history");
  TAP_OPTION_KINDS.maxPayloadBytes.check(0, "maxPayloadBytes");
});
