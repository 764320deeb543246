import { assertEquals, assertInstanceOf } from "@std/assert";
import { LimitError } from "../../lib/errors.ts";
import { PingRate } from "../../lib/connection/pending_pings.ts";
import { FakeTime } from "../_support/fake_time.ts";

Deno.test("F12: a second may have as many pings as the limit, and each one more is an error with the numbers", () => {
  using _time = new FakeTime();
  const rate = new PingRate({ maxPingsPerSecond: 3 });
  assertEquals([rate.count(), rate.count(), rate.count()], [undefined, undefined, undefined]);
  for (const pings of [4, 5]) {
    const error = rate.count();
    assertInstanceOf(error, LimitError);
    assertEquals(error.message, "Peer sent more than maxPingsPerSecond 3 pings");
    const { limit, max, actual, closeCode } = error;
    assertEquals({ limit, max, actual, closeCode }, {
      limit: "maxPingsPerSecond",
      max: 3,
      actual: pings,
      closeCode: 1008,
    });
  }
});

Deno.test("F12: the count restarts with each second, also after seconds without pings", async () => {
  using time = new FakeTime();
  const rate = new PingRate({ maxPingsPerSecond: 2 });
  for (const seconds of [1, 1, 60, 1]) {
    assertEquals([rate.count(), rate.count()], [undefined, undefined]);
    await time.advance(999);
    assertInstanceOf(rate.count(), LimitError, "it is the same second");
    await time.advance(1_000 * seconds - 999);
  }
  assertEquals(rate.count(), undefined);
});
