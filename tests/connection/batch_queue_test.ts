import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { type BatchConsumer, BatchQueue } from "../../lib/connection/batch_queue.ts";
import { settle } from "../_support/wait.ts";

/** A queue in which a message counts as its length. */
const queueOf = (highWaterMark: number) => new BatchQueue<string>({ highWaterMark, memoryOf: ({ length }) => length });

/** A consumer that notes what it gets, and its end. */
function noting(seen: string[], consume: (batch: string[]) => Promise<void> | undefined = () => undefined) {
  return {
    consume(batch) {
      seen.push(...batch);
      return consume(batch);
    },
    ended: () => void seen.push("ended"),
  } satisfies BatchConsumer<string>;
}

Deno.test("batches are taken in the order in which they were put", async () => {
  const queue = queueOf(100);
  queue.put(["a", "b"]);
  queue.put(["c"]);
  assertEquals(queue.take(), ["a", "b"], "what is there needs no promise");
  assertEquals(queue.take(), ["c"]);
  const waiting = queue.take();
  queue.put(["d"]);
  assertEquals(await waiting, ["d"]);
});

Deno.test("it is full at the high-water mark in bytes of memory, and has room again below it", async () => {
  const queue = queueOf(100);
  queue.put(["a".repeat(98), "b"]);
  assertEquals(queue.full, false);
  queue.put(["b"]);
  assertEquals(queue.full, true);
  let room = false;
  void queue.capacity().then(() => room = true);
  assertStrictEquals(queue.capacity(), queue.capacity());
  await settle();
  assertEquals(room, false);
  queue.take();
  await settle();
  assertEquals([queue.full, room], [false, true]);
});

Deno.test("a batch that the application already waits for takes no room", () => {
  const queue = queueOf(100);
  void queue.take();
  queue.put(["a".repeat(1000)]);
  assertEquals(queue.full, false);
});

Deno.test("only one read waits at a time", () => {
  const queue = queueOf(100);
  void queue.take();
  assertThrows(() => queue.take(), TypeError, "another read is waiting");
});

Deno.test("after the end the waiting batches can still be taken, then each take gives the end or its cause", async () => {
  const clean = queueOf(100);
  clean.put(["a"]);
  clean.end();
  clean.end(new Error("too late"));
  assertEquals([clean.take(), clean.take(), clean.take()], [["a"], undefined, undefined]);

  const cause = new Error("lost");
  const lost = queueOf(100);
  lost.put(["a"]);
  lost.end(cause);
  assertEquals(lost.take(), ["a"]);
  for (let i = 0; i < 2; i++) assertStrictEquals(await assertRejects(async () => await lost.take()), cause);
});

Deno.test("the end ends a wait for a batch or for room", async () => {
  const clean = queueOf(1);
  const batch = clean.take();
  clean.end();
  assertEquals(await batch, undefined);

  const cause = new Error("lost");
  const lost = queueOf(1);
  const rejected = assertRejects(async () => await lost.take());
  lost.end(cause);
  assertStrictEquals(await rejected, cause);

  const full = queueOf(1);
  full.put(["a"]);
  const room = full.capacity();
  full.end();
  await room;
});

Deno.test("a consumer gets the waiting batches first, then every batch within the call of put", async () => {
  const queue = queueOf(100);
  const seen: string[] = [];
  queue.put(["a"]);
  queue.consumeWith(noting(seen));
  await settle();
  queue.put(["b"]);
  assertEquals(seen, ["a", "b"]);
  queue.end();
  queue.end();
  assertEquals(seen, ["a", "b", "ended"]);
});

Deno.test("a busy consumer gets the next batch when it is done, and the queue fills meanwhile", async () => {
  const queue = queueOf(2);
  const seen: string[] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  queue.consumeWith(noting(seen, () => gates[seen.length - 1]?.promise));
  await settle();
  queue.put(["a"]);
  queue.put(["b"]);
  queue.put(["c"]);
  assertEquals([seen.join(), queue.full], ["a", true]);
  gates[0]!.resolve();
  await queue.capacity();
  await settle();
  assertEquals([seen.join(), queue.full], ["a,b", false]);
  queue.end();
  assertEquals(seen.join(), "a,b", "the end waits for what was put before");
  gates[1]!.resolve();
  await settle();
  assertEquals(seen.join(), "a,b,c,ended");
});

Deno.test("a consumer that is added after the end gets the waiting batches and then the end", async () => {
  const queue = queueOf(100);
  queue.put(["a"]);
  queue.end(new Error("lost"));
  const seen: string[] = [];
  queue.consumeWith(noting(seen));
  await settle();
  assertEquals(seen, ["a", "ended"]);
});

for (const busy of [false, true]) {
  Deno.test(`an end that the consumer causes comes once, after its batch (${busy ? "busy" : "done"})`, async () => {
    const queue = queueOf(100);
    const gate = Promise.withResolvers<void>();
    const seen: string[] = [];
    queue.consumeWith({
      consume() {
        queue.end();
        seen.push("consumed");
        return busy ? gate.promise.then(() => void seen.push("done")) : undefined;
      },
      ended: () => void seen.push("ended"),
    });
    await settle();
    queue.put(["a"]);
    await settle();
    gate.resolve();
    await settle();
    assertEquals(seen, busy ? ["consumed", "done", "ended"] : ["consumed", "ended"]);
  });
}

Deno.test("map returns a queue with this one's batches, its bytes, its end and the read loop that waits for room", async () => {
  const cause = new Error("lost");
  const queue = queueOf(4);
  queue.put(["a", "bc"]);
  queue.put(["def"]);
  let room = false;
  void queue.capacity().then(() => room = true);
  const lengths = queue.map((message) => message.length, (length) => length);
  assertEquals(lengths.full, true);
  lengths.end(cause);
  assertEquals(lengths.take(), [1, 2]);
  await settle();
  assertEquals([lengths.full, room], [false, true]);
  assertEquals(lengths.take(), [3]);

  const ended = queueOf(10);
  ended.put(["a"]);
  ended.end(cause);
  const after = ended.map((message) => message.length, (length) => length);
  assertEquals(after.take(), [1]);
  assertStrictEquals(await assertRejects(async () => await after.take()), cause);
});

Deno.test("it reports whether the application waits for more, and whether batches go straight to a consumer", async () => {
  const taken = queueOf(100);
  const facts = ({ awaited, idle, direct }: BatchQueue<string>) => ({ awaited, idle, direct });
  assertEquals(facts(taken), { awaited: false, idle: true, direct: false });
  taken.put(["a"]);
  assertEquals(facts(taken), { awaited: false, idle: false, direct: false });
  void taken.take();
  void taken.take();
  assertEquals(facts(taken), { awaited: true, idle: true, direct: false });

  const waiting = queueOf(100);
  waiting.put(["a"]);
  waiting.consumeWith(noting([], () => undefined));
  assertEquals(
    facts(waiting),
    { awaited: false, idle: false, direct: false },
    "what waits comes in the next microtask",
  );
  await settle();
  assertEquals(facts(waiting), { awaited: true, idle: true, direct: true });

  const consumed = queueOf(100);
  const gate = Promise.withResolvers<void>();
  consumed.consumeWith(noting([], () => gate.promise));
  assertEquals(facts(consumed), { awaited: true, idle: true, direct: true });
  consumed.put(["a"]);
  assertEquals(facts(consumed), { awaited: false, idle: false, direct: false });
  gate.resolve();
  await settle();
  assertEquals(facts(consumed), { awaited: true, idle: true, direct: true });
});

Deno.test("its owner is called each time a consumer has handled everything", async () => {
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const owner = { onConsumed: () => void seen.push("consumed") };
  const queue = new BatchQueue<string>({ highWaterMark: 100, memoryOf: ({ length }) => length, owner });
  queue.put(["a"]);
  queue.put(["b"]);
  queue.consumeWith(noting(seen, ([item]) => item === "d" ? gate.promise : undefined));
  await settle();
  queue.put(["c"]);
  assertEquals(seen, ["a", "b", "consumed", "c", "consumed"]);
  queue.put(["d"]);
  queue.put(["e"]);
  queue.end();
  assertEquals(seen.splice(0).slice(5), ["d"]);
  gate.resolve();
  await settle();
  assertEquals(seen, ["e", "consumed", "ended"]);
});
