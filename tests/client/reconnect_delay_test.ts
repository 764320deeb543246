import { assert, assertEquals, assertThrows } from "@std/assert";
import { reconnectDelay } from "../../lib/client/reconnect_delay.ts";

/** The end of the range: the largest number that `random` gives is just below 1. */
const end = (failures: number, options = {}) => reconnectDelay(failures, { ...options, random: () => 1 });

Deno.test("T14: the first attempt comes after 0 to 5 s, and each failure doubles the range, up to a minute", () => {
  assertEquals([0, 1, 2, 3, 4, 50, 2_000].map((failures) => end(failures)), [
    5_000,
    10_000,
    20_000,
    40_000,
    60_000,
    60_000,
    60_000,
  ]);
  assertEquals(reconnectDelay(3, { random: () => 0 }), 0);
});

Deno.test("T14: a thousand clients that lose their server come back spread over the whole range", () => {
  const tenths = new Set(Array.from({ length: 1000 }, () => Math.floor(reconnectDelay(0) / 500)));
  assertEquals(tenths.size, 10);
});

Deno.test("T14: Retry-After is waited for, in seconds or as a date, and the random part comes on top", () => {
  assertEquals(reconnectDelay(0, { retryAfter: " 30 ", random: () => 0 }), 30_000);
  assertEquals(end(0, { retryAfter: "30" }), 35_000);
  const date = new Date(Date.now() + 20_000).toUTCString();
  const delay = reconnectDelay(0, { retryAfter: date, random: () => 0 });
  assert(delay > 15_000 && delay <= 20_000, `${delay}`);
});

Deno.test("T14: no Retry-After is longer than a timer can wait: such a timer would fire at once", () => {
  assertEquals(end(0, { retryAfter: "999999999" }), 2 ** 31 - 1);
});

Deno.test("a Retry-After that lies in the past or cannot be read asks for nothing", () => {
  for (const retryAfter of ["Thu, 01 Jan 1970 00:00:00 GMT", "soon", "", "9999999999", null]) {
    const delay = reconnectDelay(0, { retryAfter, random: () => 0 });
    assertEquals(delay, 0, String(retryAfter));
  }
});

Deno.test("the range is one's own to choose, and a count that is none is a mistake", () => {
  assertEquals([0, 1, 2].map((failures) => end(failures, { first: 100, most: 300 })), [100, 200, 300]);
  for (const failures of [-1, 0.5, NaN, Infinity]) assertThrows(() => reconnectDelay(failures), RangeError);
});
