import { assert, assertEquals } from "@std/assert";
import { TokenBucket } from "../../lib/rate_limit/rate.ts";

/** Takes as much as there is at a time, up to `most`; how much that was. */
function drain(bucket: TokenBucket, now: number, most = 1_000): number {
  let taken = 0;
  for (; taken < most && bucket.delay(1, now) === 0; taken++) bucket.take(1);
  return taken;
}

Deno.test("a bucket gives its burst at once and then its rate, whatever the clock's start", () => {
  for (const start of [0, 1_000, 1e12]) {
    const bucket = new TokenBucket({ perSecond: 10, burst: 3 }, start);
    assertEquals(drain(bucket, start), 3);
    assertEquals(bucket.delay(1, start), 100);
    assertEquals(drain(bucket, start + 99), 0);
    assertEquals(drain(bucket, start + 100), 1);
    assertEquals(drain(bucket, start + 350), 2); // half a token is kept
    assertEquals(drain(bucket, start + 400), 1);
  }
});

Deno.test("over a long time the total is at most the rate and one burst", () => {
  const bucket = new TokenBucket({ perSecond: 7, burst: 20 }, 0);
  let taken = 0;
  for (let now = 0; now <= 60_000; now += 12) taken += drain(bucket, now);
  assert([439, 440].includes(taken), `${taken} were taken`); // 20 at once, and 7 a second
});

Deno.test("a message larger than the burst takes a full bucket, and the next ones wait for all of it", () => {
  const bucket = new TokenBucket({ perSecond: 100, burst: 10 }, 0);
  bucket.take(1);
  assertEquals(bucket.delay(50, 0), 10);
  assertEquals(bucket.delay(50, 10), 0);
  bucket.take(50);
  assertEquals(bucket.delay(1, 10), 410);
  assertEquals(bucket.delay(0, 10), 400); // an empty message waits for the debt alone
  assertEquals(bucket.delay(1, 420), 0);
});

Deno.test("the returned delay is sufficient, and a clock that goes back removes nothing", () => {
  const bucket = new TokenBucket({ perSecond: 3, burst: 1 }, 0);
  bucket.take(1);
  let now = 0;
  for (let turn = 0; turn < 100; turn++) {
    now += bucket.delay(1, now);
    assertEquals(bucket.delay(1, now), 0);
    bucket.take(1);
  }
  const back = new TokenBucket({ perSecond: 1, burst: 1 }, 1_000);
  assertEquals(back.delay(1, 0), 0);
});
