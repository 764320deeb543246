import { assertThrows } from "@std/assert";
import {
  CONNECTED_PAIR_OPTION_KINDS,
  FAKE_TIME_OPTION_KINDS,
  MEMORY_PAIR_OPTION_KINDS,
} from "../../lib/testing/testing_options.ts";

Deno.test("a pair's ends take the options of accept and connect, and its handler those of serve", () => {
  const { server, client, handler } = CONNECTED_PAIR_OPTION_KINDS;
  server.check({ protocols: "chat" }, "server");
  assertThrows(() => server.check({ host: "a" }, "server"), TypeError, 'Option "server" has no option "host"');
  assertThrows(() => client.check({ conn: {} }, "client"), TypeError, 'Option "client" has no option "conn"');
  handler.check({ message() {} }, "handler");
  assertThrows(() => handler.check({ onMessage() {} }, "handler"), TypeError, 'did you mean "message"?');
});

Deno.test("a pair's capacity may be 0 or infinite, and a clock starts at a date", () => {
  for (const capacity of [0, Infinity]) MEMORY_PAIR_OPTION_KINDS.capacity.check(capacity, "capacity");
  for (const date of [0, -1, new Date()]) FAKE_TIME_OPTION_KINDS.date.check(date, "date");
  for (const date of [NaN, new Date(NaN), "today"]) assertThrows(() => FAKE_TIME_OPTION_KINDS.date.check(date, "date"));
});
