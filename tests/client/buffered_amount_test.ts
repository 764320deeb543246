import { assertEquals } from "@std/assert";
import { BufferedAmount, utf8Length } from "../../lib/client/buffered_amount.ts";

Deno.test("a message counts until its frame is written, whatever its frame's size", () => {
  const buffered = new BufferedAmount();
  assertEquals(buffered.settle(0), 0);
  buffered.add(5, 11); // with a header
  buffered.add(1_000, 20); // compressed
  buffered.add(0, 6);
  assertEquals(buffered.settle(37), 1_005);
  assertEquals(buffered.settle(27), 1_005, "a part of a frame is no message");
  assertEquals(buffered.settle(26), 1_000);
  assertEquals(buffered.settle(7), 1_000);
  assertEquals(buffered.settle(6), 0);
  assertEquals(buffered.settle(0), 0);
});

Deno.test("other frames in the queue make a message count for longer, until all is written", () => {
  const buffered = new BufferedAmount();
  buffered.add(5, 11);
  assertEquals(buffered.settle(8), 5, "a pong behind it, which is all that is left");
  assertEquals(buffered.bytes, 5);
  assertEquals(buffered.settle(0), 0);
  assertEquals(buffered.bytes, 0);
});

Deno.test("thousands of messages are forgotten as they leave", () => {
  const buffered = new BufferedAmount();
  for (let i = 0; i < 10_000; i++) buffered.add(1, 7);
  for (let left = 10_000; left >= 0; left -= 100) assertEquals(buffered.settle(left * 7), left);
});

Deno.test("utf8Length is what TextEncoder makes of a text", () => {
  const units = [
    "",
    "a",
    "\x7f",
    "\x80",
    "é",
    "\u07ff",
    "\u0800",
    "€",
    "\ud7ff",
    "\ue000",
    "\uffff",
    "😀",
    "\ud83d",
    "\ude00",
  ];
  for (const first of units) {
    for (const second of units) {
      for (const text of [first + second, `${first}x${second}`, second + first + second]) {
        assertEquals(utf8Length(text), new TextEncoder().encode(text).length, JSON.stringify(text));
      }
    }
  }
});
