import { assertEquals, assertThrows } from "@std/assert";
import { createPresence } from "../../lib/presence/presence.ts";
import { PRESENCE_MEMBER_KINDS } from "../../lib/presence/presence_options.ts";

Deno.test("createPresence checks its options", () => {
  const create = (options: object) => () => createPresence(options);
  assertThrows(create({ leaveDelays: 1 }), TypeError, "leaveDelay");
  assertThrows(create({ leaveDelay: -1 }), RangeError, "leaveDelay");
  assertThrows(create({ leaveDelay: Infinity }), RangeError, "leaveDelay");
  assertThrows(create({ heartbeatInterval: 0 }), RangeError, "heartbeatInterval");
  assertThrows(create({ maxMembers: 0 }), RangeError, "maxMembers");
  assertThrows(create({ maxDataBytes: 1.5 }), RangeError, "maxDataBytes");
  assertThrows(create({ broker: {} }), TypeError, "broker");
  assertThrows(create({ onChange: 1 }), TypeError, "onChange");
});

Deno.test("a member without data is a TypeError that says what is missing", () => {
  const { id, data } = PRESENCE_MEMBER_KINDS;
  assertEquals([id.required, data.required, data.takes], [true, true, "a value that JSON can hold"]);
  for (const value of [null, 0, "", {}]) data.check(value, "data");
});
