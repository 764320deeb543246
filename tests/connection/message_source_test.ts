import { assertEquals, assertThrows } from "@std/assert";
import { isSource, type MessageSource, openSource } from "../../lib/connection/message_source.ts";
import { settle } from "../_support/wait.ts";

async function* letters(ended: () => void = () => {}): AsyncGenerator<string> {
  try {
    yield* ["a", "b"];
  } finally {
    ended();
  }
}

/** All chunks. */
async function read(source: MessageSource): Promise<unknown[]> {
  const reader = openSource(source);
  const chunks: unknown[] = [];
  for (let step = await reader.next(); !step.done; step = await reader.next()) chunks.push(step.value);
  return chunks;
}

Deno.test("streams and async iterables are sources; data is not, and neither is what cannot be sent", () => {
  for (const source of [letters(), new ReadableStream<string>()]) assertEquals(isSource(source), true);
  const shared = new Uint8Array(new SharedArrayBuffer(1));
  for (const other of ["a", new ArrayBuffer(1), new DataView(new ArrayBuffer(1)), shared, null, undefined, 1, ["a"]]) {
    assertEquals(Reflect.apply(isSource, undefined, [other]), false);
  }
});

Deno.test("the chunks of a stream, an iterator and an iterable come in order, then the end", async () => {
  assertEquals(await read(ReadableStream.from(letters())), ["a", "b"]);
  assertEquals(await read(letters()), ["a", "b"]);
  assertEquals(await read({ [Symbol.asyncIterator]: () => letters() }), ["a", "b"]);
});

Deno.test("a stream that is locked cannot be read", () => {
  const stream = new ReadableStream<string>();
  stream.getReader();
  assertThrows(() => openSource(stream), TypeError);
});

Deno.test("an object whose iterator is none is no source: it is refused at the call, in words", () => {
  const odd = (iterator: unknown) => Reflect.apply(openSource, undefined, [{ [Symbol.asyncIterator]: () => iterator }]);
  for (const iterator of [undefined, null, {}, { next: 1 }]) {
    assertThrows(() => odd(iterator), TypeError, "Cannot send");
  }
  assertEquals(Reflect.apply(isSource, undefined, [{ [Symbol.asyncIterator]: 1 }]), false);
});

Deno.test("a stream hears that it is cancelled at once and why, a generator when it has made its chunk", async () => {
  const reasons: unknown[] = [];
  const stalled = openSource(new ReadableStream<string>({ cancel: (reason) => void reasons.push(reason) }));
  const waiting = stalled.next();
  stalled.cancel("enough");
  assertEquals((await waiting).done, true);
  assertEquals(reasons, ["enough"]);

  let ended = 0;
  const generator = openSource(letters(() => ended++));
  await generator.next();
  generator.cancel("enough");
  await settle();
  assertEquals(ended, 1);
});

Deno.test("what goes wrong in cancelling is nobody's business, and an iterator need not take part", async () => {
  const failing = () => Promise.reject(new Error("cannot"));
  openSource(new ReadableStream<string>({ cancel: failing })).cancel("enough");
  const next = () => Promise.resolve({ done: true as const, value: undefined });
  for (const iterator of [{ next, return: failing }, { next }]) {
    openSource({ [Symbol.asyncIterator]: () => iterator }).cancel("enough");
  }
  await settle();
});
