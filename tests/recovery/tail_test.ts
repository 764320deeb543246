import { assertEquals } from "@std/assert";
import { entryBytes, Tail } from "../../lib/recovery/tail.ts";
import { entriesOf } from "./_support.ts";

const offsets = (entries: readonly { offset: number }[] | undefined) => entries?.map(({ offset }) => offset);

Deno.test("a tail returns the messages after a number, and reports gaps", () => {
  const tail = new Tail(10);
  for (const entry of entriesOf(10, [11, 14, 15])) tail.push(entry);
  assertEquals([tail.from, tail.head, tail.length], [10, 15, 3]);
  assertEquals(offsets(tail.after(9)), undefined);
  assertEquals(offsets(tail.after(10)), [11, 14, 15]);
  assertEquals(offsets(tail.after(12)), [14, 15]);
  assertEquals(offsets(tail.after(15)), []);
});

Deno.test("it returns no more than requested, and at least one message", () => {
  const tail = new Tail(0);
  for (const entry of entriesOf(0, [1, 2, 3])) tail.push(entry);
  assertEquals(offsets(tail.after(0, 2)), [1, 2]);
  assertEquals(offsets(tail.after(0, 9, 1)), [1]);
  assertEquals(offsets(tail.after(0, 9, 2 * entryBytes(tail.oldest!))), [1, 2]);
});

Deno.test("removed messages are no longer counted, and nothing before them is complete", () => {
  const tail = new Tail(0);
  for (const entry of entriesOf(0, [1, 2, 3, 4])) tail.push(entry);
  const each = tail.bytes / 4;
  for (let i = 0; i < 3; i++) tail.shift();
  assertEquals([tail.from, tail.length, tail.bytes], [3, 1, each]);
  assertEquals(offsets(tail.after(2)), undefined);
  assertEquals(offsets(tail.after(3)), [4]);
  for (let i = 0; i < 3; i++) tail.shift();
  assertEquals([tail.from, tail.head, tail.length, tail.bytes], [4, 4, 0, 0]);
  tail.reset(9);
  assertEquals([tail.from, tail.head], [9, 9]);
});

Deno.test("older messages are inserted before the present ones, without duplicates", () => {
  const tail = new Tail(5);
  for (const entry of entriesOf(5, [6, 7])) tail.push(entry);
  tail.prepend(entriesOf(2, [3, 5, 6, 7]), 2);
  assertEquals(offsets(tail.after(2)), [3, 5, 6, 7]);
  assertEquals([tail.from, tail.length], [2, 4]);
});

Deno.test("a text counts two bytes a character, binary data its bytes, and each its overhead", () => {
  assertEquals(entryBytes({ offset: 1, previous: 0, data: "abc" }), 262);
  assertEquals(entryBytes({ offset: 1, previous: 0, data: new Uint8Array(3) }), 259);
});
