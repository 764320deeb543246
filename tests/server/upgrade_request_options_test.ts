import { assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { UPGRADE_REQUEST_OPTION_KINDS } from "../../lib/server/upgrade_request_options.ts";

Deno.test("upgradeRequest accepts the six limits that apply on the platform's WebSocket", () => {
  const limits = Object.keys(UPGRADE_REQUEST_OPTION_KINDS).filter((name) => name in DEFAULT_LIMITS);
  assertEquals(limits, [
    "maxMessageBytes",
    "highWaterMark",
    "maxQueuedBytes",
    "closeTimeout",
    "pingInterval",
    "pongTimeout",
  ]);
});

Deno.test("the peer's address of upgradeRequest is an object", () => {
  const { remoteAddr } = UPGRADE_REQUEST_OPTION_KINDS;
  remoteAddr.check({ transport: "tcp", hostname: "127.0.0.1", port: 1 }, "remoteAddr");
  assertThrows(() => remoteAddr.check("127.0.0.1", "remoteAddr"), TypeError, "an address");
});
