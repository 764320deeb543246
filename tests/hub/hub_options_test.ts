import { assertThrows } from "@std/assert";
import { broadcastBroker } from "../../lib/hub/broadcast_broker.ts";
import { HUB_OPTION_KINDS, PUBLISH_OPTION_KINDS } from "../../lib/hub/hub_options.ts";

Deno.test("a hub takes any broker that has a broker's methods", () => {
  HUB_OPTION_KINDS.broker.check(broadcastBroker("a"), "broker");
  assertThrows(() => HUB_OPTION_KINDS.broker.check({ publish() {} }, "broker"), TypeError, "natsBroker");
});

Deno.test("a time that no timer can wait is refused", () => {
  for (const value of [Infinity, NaN, -1, 2 ** 31]) {
    assertThrows(() => HUB_OPTION_KINDS.unsubscribeDelay.check(value, "unsubscribeDelay"), RangeError);
  }
});

Deno.test("who is left out of a message is a connection", () => {
  assertThrows(() => PUBLISH_OPTION_KINDS.except.check("Ann", "except"), TypeError, "a connection");
});
