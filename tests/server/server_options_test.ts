import { assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_LIMITS, DEFAULT_SERVER_LIMITS } from "../../lib/limits.ts";
import {
  ACCEPT_OPTION_KINDS,
  GROUP_OPTION_KINDS,
  SERVE_OPTION_KINDS,
  SHUTDOWN_OPTION_KINDS,
  UPGRADE_ANSWER_KINDS,
} from "../../lib/server/server_options.ts";

Deno.test("each kind of server accepts every limit, and serve more than accept", () => {
  const names = [ACCEPT_OPTION_KINDS, GROUP_OPTION_KINDS, SERVE_OPTION_KINDS].map((kinds) =>
    new Set(Object.keys(kinds))
  );
  const [accept, group, serve] = names;
  assertEquals(new Set(Object.keys(DEFAULT_LIMITS)).isSubsetOf(accept!), true);
  assertEquals(new Set(Object.keys(DEFAULT_SERVER_LIMITS)).isSubsetOf(group!), true);
  assertEquals(accept!.isSubsetOf(group!) && group!.isSubsetOf(serve!), true);
});

Deno.test("compression is true, false or its options; a listener is Deno's or the application's", () => {
  const { perMessageDeflate, listener } = SERVE_OPTION_KINDS;
  for (const value of [true, false, {}, { level: 6 }]) perMessageDeflate.check(value, "perMessageDeflate");
  assertThrows(
    () => perMessageDeflate.check({ level: 10 }, "perMessageDeflate"),
    RangeError,
    "perMessageDeflate.level 10",
  );
  assertThrows(() => perMessageDeflate.check({ levle: 1 }, "perMessageDeflate"), TypeError, 'did you mean "level"?');
  assertThrows(() => perMessageDeflate.check("on", "perMessageDeflate"), TypeError);
  listener.check({ accept() {}, close() {}, addr: {} }, "listener");
  assertThrows(() => listener.check({ close() {} }, "listener"), TypeError, "Deno.listen");
});

Deno.test("the options of a shutdown and of upgrade's return value are checked too", () => {
  assertEquals(Object.keys(SHUTDOWN_OPTION_KINDS), ["code", "reason", "timeout"]);
  assertEquals(Object.keys(UPGRADE_ANSWER_KINDS), ["protocol", "headers", "data"]);
});
