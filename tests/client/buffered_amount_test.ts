import { assertEquals } from "@std/assert";
import { BufferedAmount } from "../../lib/client/buffered_amount.ts";

Deno.test("a message counts until its frame is written, whatever the frame's size", () => {
  const buffered = new BufferedAmount();
  assertEquals(buffered.update(0), 0);
  buffered.add(5, 11); // with a header
  buffered.add(1_000, 20); // compressed
  buffered.add(0, 6);
  assertEquals(buffered.update(37), 1_005);
  assertEquals(buffered.update(27), 1_005, "a part of a frame is no message");
  assertEquals(buffered.update(26), 1_000);
  assertEquals(buffered.update(7), 1_000);
  assertEquals(buffered.update(6), 0);
  assertEquals(buffered.update(0), 0);
});

Deno.test("other frames in the queue keep a message counted until all are written", () => {
  const buffered = new BufferedAmount();
  buffered.add(5, 11);
  assertEquals(buffered.update(8), 5, "a pong behind it, which is all that is left");
  assertEquals(buffered.bytes, 5);
  assertEquals(buffered.update(0), 0);
  assertEquals(buffered.bytes, 0);
});

Deno.test("thousands of messages leave the count as they are written", () => {
  const buffered = new BufferedAmount();
  for (let i = 0; i < 10_000; i++) buffered.add(1, 7);
  for (let left = 10_000; left >= 0; left -= 100) assertEquals(buffered.update(left * 7), left);
});
