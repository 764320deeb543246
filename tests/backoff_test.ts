import { assert, assertEquals, assertThrows } from "@std/assert";
import { reconnectDelay } from "../lib/backoff.ts";

/** The end of the range: the largest number that `random` gives is just below 1. */
const end = (failures: number, options = {}) => reconnectDelay(failures, { ...options, random: () => 1 });

/** What the server asks for, without the random part. */
const asked = (retryAfter: string | null) => reconnectDelay(0, { retryAfter, random: () => 0 });

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

Deno.test("T14: a thousand clients that lose their server reconnect spread over the whole range", () => {
  const tenths = new Set(Array.from({ length: 1000 }, () => Math.floor(reconnectDelay(0) / 500)));
  assertEquals(tenths.size, 10);
});

Deno.test("T14: Retry-After is honoured, in seconds or as a date, and the random delay is added to it", () => {
  assertEquals(reconnectDelay(0, { retryAfter: " 30 ", random: () => 0 }), 30_000);
  assertEquals(end(0, { retryAfter: "30" }), 35_000);
  const date = new Date(Date.now() + 20_000).toUTCString();
  const delay = reconnectDelay(0, { retryAfter: date, random: () => 0 });
  assert(delay > 15_000 && delay <= 20_000, `${delay}`);
});

Deno.test("T14: Retry-After is capped at the longest time that a timer can wait, because a longer timer would fire at once", () => {
  const longest = 2 ** 31 - 1;
  for (const retryAfter of ["999999999", "9999999999", "9".repeat(400), "Sun, 06 Nov 2094 08:49:37 GMT"]) {
    assertEquals([end(0, { retryAfter }), asked(retryAfter)], [longest, longest], retryAfter);
  }
});

Deno.test("Retry-After may have any of HTTP's three date formats, all in GMT", () => {
  const at = new Date(Date.now() + 3_600_000);
  const [weekday, day, month, year, time] = at.toUTCString().split(/,? /) as [string, string, string, string, string];
  const long = at.toLocaleDateString("en", { weekday: "long", timeZone: "UTC" });
  for (
    const date of [
      at.toUTCString(),
      `${long}, ${day}-${month}-${year.slice(2)} ${time} GMT`,
      `${weekday} ${month} ${day.replace(/^0/, " ")} ${time} ${year}`,
    ]
  ) {
    const delay = asked(date);
    assert(delay > 3_590_000 && delay <= 3_600_000, `${date}: ${delay}`);
  }
});

Deno.test("with several Retry-After fields the longest wait counts, and invalid ones are ignored", () => {
  const date = new Date(Date.now() + 3_600_000).toUTCString();
  assertEquals(asked("30, 60"), 60_000);
  assertEquals(asked("soon,60 , -5"), 60_000);
  for (const list of [`30, ${date}`, `${date}, 30`, `Thu, 01 Jan 1970 00:00:00 GMT, ${date}`]) {
    assert(asked(list) > 3_590_000, list);
  }
  assertEquals(asked(`7200, ${date}`), 7_200_000);
});

Deno.test("a Retry-After that is in the past or invalid adds no wait", () => {
  for (
    const retryAfter of [
      "Thu, 01 Jan 1970 00:00:00 GMT",
      "soon",
      "soon 2100", // which the language's own parser takes for a date
      "2100-01-01",
      "Sun, 06 Nov 2094 08:49:37 +0100",
      "Sun, 06 Foo 2094 08:49:37 GMT",
      "",
      ",",
      "-30",
      "+30",
      "1.5",
      "1e3",
      "0x10",
      "0",
      null,
    ]
  ) {
    assertEquals(asked(retryAfter), 0, String(retryAfter));
  }
});

Deno.test("the range is configurable, and an invalid count throws", () => {
  assertEquals([0, 1, 2].map((failures) => end(failures, { first: 100, most: 300 })), [100, 200, 300]);
  for (const failures of [-1, 0.5, NaN, Infinity]) assertThrows(() => reconnectDelay(failures), RangeError);
});

Deno.test("no option values make failed attempts follow each other without a pause", () => {
  assertEquals([0, 1, 2, 3, 4].map((failures) => end(failures, { first: 0, most: 5 })), [0, 1, 3, 5, 5]);
  assertEquals([0, 1, 2_000].map((failures) => end(failures, { first: 10, most: Infinity })), [10, 20, 2 ** 31 - 1]);
  assertEquals(end(0, { first: Infinity, most: 300 }), 300);
  assertEquals(reconnectDelay(2_000, { most: Infinity, random: () => 0 }), 0);
  for (const [given, delay] of [[NaN, 300], [7, 300], [Infinity, 300], [-1, 0]] as const) {
    assertEquals(reconnectDelay(0, { first: 300, random: () => given }), delay, `random ${given}`);
  }
  for (const options of [{ first: NaN }, { first: -1 }, { most: NaN }, { most: -1 }, { most: 0 }]) {
    assertThrows(() => reconnectDelay(0, options), RangeError);
  }
});
