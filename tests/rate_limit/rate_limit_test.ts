import { assertEquals, assertThrows } from "@std/assert";
import { LimitError } from "../../lib/errors.ts";
import { RateLimit, type RateLimitOptions, ratesOf } from "../../lib/rate_limit/rate_limit.ts";

const limit = (options: RateLimitOptions) => new RateLimit(ratesOf("rateLimited()", options), 0);

Deno.test("a message counts as one and with its bytes: text as UTF-8, binary data by its length", () => {
  const both = limit({ messagesPerSecond: 3, bytesPerSecond: 10 });
  assertEquals(both.take("größe", 0), 0); // 7 bytes
  assertEquals(both.take(new Uint8Array(3), 0), 0);
  assertEquals(both.take("a", 0), 100);
  assertEquals(both.take("", 0), 0);
  assertEquals(both.take("", 0), 334); // the fourth message
  assertEquals(both.take("abc", 334), 0);
});

Deno.test("a message that must wait is not counted: neither as a message nor with its bytes", () => {
  const both = limit({ messagesPerSecond: 1, messageBurst: 2, bytesPerSecond: 10 });
  both.take("0123456789", 0);
  for (let turn = 0; turn < 5; turn++) assertEquals(both.take("0123456789", 0), 1_000);
  assertEquals(both.take("", 0), 0);
});

Deno.test("with close the error names the exceeded rate", () => {
  const byCount = limit({ messagesPerSecond: 2, messageBurst: 1, bytesPerSecond: 10, exceeded: "close" });
  byCount.take("a", 0);
  const count = assertThrows(() => byCount.take("b", 0), LimitError);
  assertEquals(
    [count.limit, count.max, count.closeCode, count.message],
    ["messagesPerSecond", 2, 1008, "More than 2 messages a second, and 1 at once"],
  );
  const byBytes = limit({ bytesPerSecond: 10, exceeded: "close" });
  byBytes.take("0123456789", 0);
  const bytes = assertThrows(() => byBytes.take("b", 0), LimitError);
  assertEquals([bytes.limit, bytes.max, bytes.message], [
    "bytesPerSecond",
    10,
    "More than 10 bytes a second, and 10 at once",
  ]);
});

Deno.test("a limit without a rate, and invalid options, throw", () => {
  const call = (options: unknown) => Reflect.apply(ratesOf, undefined, ["rateLimited()", options]);
  assertThrows(() => call({}), TypeError, "rateLimited() needs messagesPerSecond or bytesPerSecond");
  assertThrows(() => call({ messagesPerSecond: Infinity, byteBurst: 3 }), TypeError, "needs messagesPerSecond");
  assertThrows(() => call({ perSecond: 1 }), TypeError, "has no option");
  assertThrows(() => call({ messagesPerSecond: 0 }), RangeError, "messagesPerSecond");
  assertThrows(() => call({ messagesPerSecond: 1, exceeded: "drop" }), TypeError, `"pause" or "close"`);
});
