import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Inbox } from "../../lib/connection/batch_queue.ts";
import { settle } from "../_support/wait.ts";

/** An inbox in which a message counts as its length. */
const inboxOf = (highWaterMark: number) => new Inbox<string>(highWaterMark, ({ length }) => length);

Deno.test("batches are taken in the order in which they were put", async () => {
  const inbox = inboxOf(100);
  inbox.put(["a", "b"]);
  inbox.put(["c"]);
  assertEquals(inbox.take(), ["a", "b"], "what is there needs no promise");
  assertEquals(inbox.take(), ["c"]);
  const waiting = inbox.take();
  inbox.put(["d"]);
  assertEquals(await waiting, ["d"]);
});

Deno.test("it is full at the high-water mark in bytes of memory, and has room again below it", async () => {
  const inbox = inboxOf(100);
  inbox.put(["a".repeat(98), "b"]);
  assertEquals(inbox.full, false);
  inbox.put(["b"]);
  assertEquals(inbox.full, true);
  let room = false;
  void inbox.room().then(() => room = true);
  assertStrictEquals(inbox.room(), inbox.room());
  await settle();
  assertEquals(room, false);
  inbox.take();
  await settle();
  assertEquals([inbox.full, room], [false, true]);
});

Deno.test("a batch for which somebody waits takes up no room", () => {
  const inbox = inboxOf(100);
  void inbox.take();
  inbox.put(["a".repeat(1000)]);
  assertEquals(inbox.full, false);
});

Deno.test("one read waits at a time", () => {
  const inbox = inboxOf(100);
  void inbox.take();
  assertThrows(() => inbox.take(), TypeError, "another read is waiting");
});

Deno.test("after the end what is there can still be taken, then comes the end, or its cause each time", async () => {
  const clean = inboxOf(100);
  clean.put(["a"]);
  clean.end();
  clean.end(new Error("too late"));
  assertEquals([clean.take(), clean.take(), clean.take()], [["a"], undefined, undefined]);

  const cause = new Error("lost");
  const lost = inboxOf(100);
  lost.put(["a"]);
  lost.end(cause);
  assertEquals(lost.take(), ["a"]);
  for (let i = 0; i < 2; i++) assertStrictEquals(await assertRejects(async () => await lost.take()), cause);
});

Deno.test("the end tells who waits for a batch or for room", async () => {
  const clean = inboxOf(1);
  const batch = clean.take();
  clean.end();
  assertEquals(await batch, undefined);

  const cause = new Error("lost");
  const lost = inboxOf(1);
  const rejected = assertRejects(async () => await lost.take());
  lost.end(cause);
  assertStrictEquals(await rejected, cause);

  const full = inboxOf(1);
  full.put(["a"]);
  const room = full.room();
  full.end();
  await room;
});

Deno.test("a consumer gets what was there first, then every batch in the call stack of put", async () => {
  const inbox = inboxOf(100);
  const seen: string[] = [];
  inbox.put(["a"]);
  inbox.consumeWith((batch) => void seen.push(...batch.map(String)), () => seen.push("ended"));
  await settle();
  inbox.put(["b"]);
  assertEquals(seen, ["a", "b"]);
  inbox.end();
  inbox.end();
  assertEquals(seen, ["a", "b", "ended"]);
});

Deno.test("a consumer that is busy gets the next batch when it is done, and the inbox fills meanwhile", async () => {
  const inbox = inboxOf(2);
  const seen: string[] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  inbox.consumeWith((batch) => {
    seen.push(...batch.map(String));
    return gates[seen.length - 1]?.promise;
  }, () => seen.push("ended"));
  await settle();
  inbox.put(["a"]);
  inbox.put(["b"]);
  inbox.put(["c"]);
  assertEquals([seen.join(), inbox.full], ["a", true]);
  gates[0]!.resolve();
  await inbox.room();
  await settle();
  assertEquals([seen.join(), inbox.full], ["a,b", false]);
  inbox.end();
  assertEquals(seen.join(), "a,b", "the end waits for what was put before");
  gates[1]!.resolve();
  await settle();
  assertEquals(seen.join(), "a,b,c,ended");
});

Deno.test("a consumer that comes after the end gets what is left and hears of the end", async () => {
  const inbox = inboxOf(100);
  inbox.put(["a"]);
  inbox.end(new Error("lost"));
  const seen: string[] = [];
  inbox.consumeWith((batch) => void seen.push(...batch.map(String)), () => seen.push("ended"));
  await settle();
  assertEquals(seen, ["a", "ended"]);
});

for (const busy of [false, true]) {
  Deno.test(`an end that the consumer brings about is told once, after its batch (${busy ? "busy" : "done"})`, async () => {
    const inbox = inboxOf(100);
    const gate = Promise.withResolvers<void>();
    const seen: string[] = [];
    inbox.consumeWith(() => {
      inbox.end();
      seen.push("consumed");
      return busy ? gate.promise.then(() => void seen.push("done")) : undefined;
    }, () => seen.push("ended"));
    await settle();
    inbox.put(["a"]);
    await settle();
    gate.resolve();
    await settle();
    assertEquals(seen, busy ? ["consumed", "done", "ended"] : ["consumed", "ended"]);
  });
}

Deno.test("map gives an inbox with all that waits in this one, its bytes, its end and the reader that waits for room", async () => {
  const cause = new Error("lost");
  const inbox = inboxOf(4);
  inbox.put(["a", "bc"]);
  inbox.put(["def"]);
  let room = false;
  void inbox.room().then(() => room = true);
  const lengths = inbox.map((message) => message.length, (length) => length);
  assertEquals(lengths.full, true);
  lengths.end(cause);
  assertEquals(lengths.take(), [1, 2]);
  await settle();
  assertEquals([lengths.full, room], [false, true]);
  assertEquals(lengths.take(), [3]);

  const ended = inboxOf(10);
  ended.put(["a"]);
  ended.end(cause);
  const after = ended.map((message) => message.length, (length) => length);
  assertEquals(after.take(), [1]);
  assertStrictEquals(await assertRejects(async () => await after.take()), cause);
});
