import { assertThrows } from "@std/assert";
import { broadcastBroker } from "../../lib/hub/broadcast_broker.ts";
import { HUB_OPTION_KINDS, PUBLISH_OPTION_KINDS } from "../../lib/hub/hub_options.ts";

Deno.test("a hub accepts any broker with a broker's methods", () => {
  HUB_OPTION_KINDS.broker.check(broadcastBroker("a"), "broker");
  assertThrows(() => HUB_OPTION_KINDS.broker.check({ publish() {} }, "broker"), TypeError, "natsBroker");
});

Deno.test("a time that is too long for a timer throws", () => {
  for (const value of [Infinity, NaN, -1, 2 ** 31]) {
    assertThrows(() => HUB_OPTION_KINDS.unsubscribeDelay.check(value, "unsubscribeDelay"), RangeError);
  }
});

Deno.test("except must be a connection", () => {
  assertThrows(() => PUBLISH_OPTION_KINDS.except.check("Ann", "except"), TypeError, "a connection");
});
