import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionError } from "../../lib/errors.ts";
import { answerAndEnd, readHead, withDeadline, writeHead } from "../../lib/transport/opening.ts";
import { transportOf } from "../../lib/transport/transport.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { utf8 } from "../_support/frames.ts";
import { connPair } from "../_support/pair.ts";
import { RawPeer } from "../_support/raw_peer.ts";
import { settle, soon } from "../_support/wait.ts";

/** Reads to the first full stop. */
function sentence(): { push(bytes: Uint8Array): string | undefined; rest: Uint8Array<ArrayBuffer> } {
  let text = "";
  return {
    rest: new Uint8Array(0),
    push(bytes) {
      text += new TextDecoder().decode(bytes);
      const end = text.indexOf(".");
      if (end < 0) return undefined;
      this.rest = utf8(text.slice(end + 1));
      return text.slice(0, end);
    },
  };
}

Deno.test("readHead reads until the head is complete, and leaves later bytes to the reader", async () => {
  const [near, far] = connPair();
  const peer = new RawPeer(far, "client");
  const reader = sentence();
  const reading = readHead(transportOf(near), reader);
  await peer.send(utf8("Hel"));
  await settle();
  await peer.send(utf8("lo.rest"));
  assertEquals(await soon(reading, "The head"), "Hello");
  assertEquals(reader.rest, utf8("rest"));
});

Deno.test("readHead begins with bytes that were already read, and reads no further than necessary", async () => {
  const [near, far] = connPair();
  const transport = transportOf(near);
  assertEquals(await soon(readHead(transport, sentence(), utf8("Hello.")), "The head"), "Hello");
  const reading = readHead(transport, sentence(), utf8("Hel"));
  await new RawPeer(far, "client").send(utf8("lo."));
  assertEquals(await soon(reading, "The head"), "Hello");
});

Deno.test("readHead leaves its memory to the connection: the first frames are read to where the head was", async () => {
  const [near, far] = connPair();
  const transport = transportOf(near);
  const memory = transport.direct?.buffer.memory;
  await new RawPeer(far, "client").send(utf8("Hello."));
  await soon(readHead(transport, sentence()), "The head");
  assertStrictEquals(transport.direct?.buffer.memory, memory);
  assertEquals(transport.direct?.buffer.writableView.byteOffset, 0);
});

Deno.test("readHead throws ConnectionError if the transport ends first or fails, with the cause", async () => {
  const [near, far] = connPair();
  await new RawPeer(far, "client").send(utf8("Hel"));
  await far.closeWrite();
  await assertRejects(() => readHead(transportOf(near), sentence()), ConnectionError, "ended before the end");

  const [cut] = connPair();
  const reading = readHead(transportOf(cut), sentence());
  cut.reset();
  const error = await assertRejects(() => reading, ConnectionError);
  assertInstanceOf(error.cause, Deno.errors.ConnectionReset);
});

Deno.test("writeHead throws ConnectionError if the transport fails, with the cause", async () => {
  const [near, far] = connPair();
  await writeHead(transportOf(near), utf8("Hello."));
  assertEquals(await new RawPeer(far, "client").readBytes(6), utf8("Hello."));
  near.reset();
  const error = await assertRejects(() => writeHead(transportOf(near), utf8("Hello.")), ConnectionError);
  assertInstanceOf(error.cause, Deno.errors.ConnectionReset);
});

Deno.test("withDeadline returns the result of the work, and leaves neither timer nor listener", async () => {
  using time = new FakeTime();
  const { signal } = new AbortController();
  let listeners = 0;
  const counting = Object.assign(signal, {
    addEventListener: () => void listeners++,
    removeEventListener: () => void listeners--,
  });
  const options = { time: 1000, late: () => new Error("late"), signal: counting };
  assertEquals(await withDeadline(Promise.resolve(1), options), 1);
  const failure = new Error("no");
  assertStrictEquals(await assertRejects(() => withDeadline(Promise.reject(failure), options)), failure);
  assertEquals([time.timers, listeners], [0, 0]);
});

Deno.test("withDeadline throws the error of the late callback when the time is up", async () => {
  using time = new FakeTime();
  const late = withDeadline(new Promise(() => {}), { time: 1000, late: () => new Error("late") });
  const rejected = assertRejects(() => late, Error, "late");
  await time.advance(999);
  assertEquals(time.timers, 1);
  await time.advance(1);
  await rejected;
  assertEquals(time.timers, 0);
});

Deno.test("withDeadline has no deadline with a time of 0", async () => {
  using time = new FakeTime();
  const { promise, resolve } = Promise.withResolvers<number>();
  const work = withDeadline(promise, { time: 0, late: () => new Error("late") });
  assertEquals(time.timers, 0);
  resolve(2);
  assertEquals(await work, 2);
});

Deno.test("withDeadline throws the signal's reason, before the work and during it", async () => {
  const forever = new Promise(() => {});
  const reason = new Error("enough");
  const during = new AbortController();
  const options = { time: 60_000, late: () => new Error("late") };
  const work = withDeadline(forever, { ...options, signal: during.signal });
  during.abort(reason);
  assertStrictEquals(await assertRejects(() => work), reason);
  const before = withDeadline(forever, { ...options, signal: AbortSignal.abort(reason) });
  assertStrictEquals(await assertRejects(() => before), reason);
});

Deno.test("withDeadline passes a result that comes after the work was given up to discard, and no other", async () => {
  const discarded: unknown[] = [];
  const discard = (...what: unknown[]) => void discarded.push(what);
  const options = { time: 0, late: () => new Error("late"), discard };
  assertEquals(await withDeadline(Promise.resolve(1), options), 1);
  const reason = new Error("enough");
  const { promise, resolve } = Promise.withResolvers<number>();
  await assertRejects(() => withDeadline(Promise.reject(reason), options));
  await assertRejects(() => withDeadline(promise, { ...options, signal: AbortSignal.abort(reason) }));
  assertEquals(discarded, []);
  resolve(2);
  await settle();
  assertEquals(discarded, [[2, reason]]);
});

Deno.test("answerAndEnd writes the response and its end, and keeps reading so that the peer can read it, until the peer ends", async () => {
  const [near, far] = connPair();
  const peer = new RawPeer(far, "client");
  await peer.send(utf8("what nobody wants"));
  const answering = answerAndEnd(transportOf(near), utf8("no"));
  assertEquals(await peer.readText(), "no");
  await peer.send(utf8("still nobody wants it"));
  await settle();
  assertEquals(near.closes, 0);
  await far.closeWrite();
  await soon(answering, "The end");
  assertEquals(near.closes, 1);
});

Deno.test("answerAndEnd waits 2 s for a peer that does not end", async () => {
  using time = new FakeTime();
  const [near] = connPair();
  const answering = answerAndEnd(transportOf(near), utf8("no"));
  await time.advance(1_999);
  assertEquals(near.closes, 0);
  await time.advance(1);
  await soon(answering, "The end");
  assertEquals([near.closes, time.timers], [1, 0]);
});

Deno.test("answerAndEnd waits 2 s for a peer that does not read", async () => {
  using time = new FakeTime();
  const [near] = connPair(1);
  const answering = answerAndEnd(transportOf(near), utf8("no"));
  await time.advance(2_000);
  await soon(answering, "The end");
  assertEquals([near.closes, time.timers], [1, 0]);
});

Deno.test("answerAndEnd drops at most 256 KiB of a peer that keeps sending", async () => {
  const [near, far] = connPair();
  const answering = answerAndEnd(transportOf(near), utf8("no"));
  let sent = 0;
  await assertRejects(async () => {
    for (;;) sent += await far.write(new Uint8Array(16 * 1024));
  });
  await soon(answering, "The end");
  assertEquals(sent > 256 * 1024 && sent <= 512 * 1024, true, `${sent} bytes`);
});

Deno.test("answerAndEnd never rejects: the peer may be gone", async () => {
  const [near] = connPair();
  near.reset();
  await soon(answerAndEnd(transportOf(near), utf8("no")), "The end");
  assertEquals(near.closes, 1);
});
