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

Deno.test("streams and async iterables are sources; data and invalid values are not", () => {
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

Deno.test("a locked stream cannot be read", () => {
  const stream = new ReadableStream<string>();
  stream.getReader();
  assertThrows(() => openSource(stream), TypeError);
});

Deno.test("an object with an invalid iterator throws at the call, with a message that explains it", () => {
  const odd = (iterator: unknown) => Reflect.apply(openSource, undefined, [{ [Symbol.asyncIterator]: () => iterator }]);
  for (const iterator of [undefined, null, {}, { next: 1 }]) {
    assertThrows(() => odd(iterator), TypeError, "Cannot send");
  }
  assertEquals(Reflect.apply(isSource, undefined, [{ [Symbol.asyncIterator]: 1 }]), false);
});

Deno.test("a stream is cancelled at once with the reason, a generator after its current chunk", async () => {
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

Deno.test("errors while cancelling are ignored, and an iterator without return() works", async () => {
  const failing = () => Promise.reject(new Error("cannot"));
  openSource(new ReadableStream<string>({ cancel: failing })).cancel("enough");
  const next = () => Promise.resolve({ done: true as const, value: undefined });
  for (const iterator of [{ next, return: failing }, { next }]) {
    openSource({ [Symbol.asyncIterator]: () => iterator }).cancel("enough");
  }
  await settle();
});
