import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { MessageSource } from "../../../lib/connection/message_source.ts";
import type { Message, MessageData } from "../../../lib/pipeline/messages/message.ts";
import { ConnectionError, WebSocketError } from "../../../lib/errors.ts";
import { counting } from "../../_support/bytes.ts";
import { binary, close, type RawPeer, text } from "../../_support/raw_peer.ts";
import { settle, soon } from "../../_support/wait.ts";
import { closed, open } from "../_support.ts";

/** Answers a close frame, which must be this one, and ends the transport. */
async function answerClose(peer: RawPeer, code?: number, reason = ""): Promise<void> {
  await peer.expect(close(code, reason));
  await peer.send(close(code));
  await peer.closeWrite();
}

Deno.test("readable gives messages, batches gives the messages of one read, and each is created once", async () => {
  const { connection, peer } = open();
  assertStrictEquals(connection.readable, connection.readable);
  assertStrictEquals(connection.writable, connection.writable);
  const reader = connection.readable.getReader();
  await peer.send(text("a"), binary(counting(2)));
  assertEquals([(await reader.read()).value, (await reader.read()).value], ["a", counting(2)]);
  connection.abort();

  const { connection: other, peer: otherPeer } = open();
  assertStrictEquals(other.batches, other.batches);
  await otherPeer.send(text("a"), text("b"));
  await otherPeer.send(text("c"));
  const batches = other.batches.getReader();
  assertEquals([(await batches.read()).value, (await batches.read()).value], [["a", "b"], ["c"]]);
  other.abort();
});

Deno.test("opened resolves to the connection's streams and the agreed options, as in WebSocketStream, and reads nothing", async () => {
  const { connection, peer } = open();
  assertStrictEquals(connection.opened, connection.opened);
  const { extensions, protocol, readable, writable } = await connection.opened;
  assertEquals([extensions, protocol], ["", ""]);
  assertStrictEquals(readable, connection.readable);
  assertStrictEquals(writable, connection.writable);
  await peer.send(text("hello"));
  for await (const message of connection) {
    assertEquals(message, "hello");
    break;
  }
  connection.abort();
});

Deno.test("readable and batches read nothing ahead", async () => {
  for (const way of ["readable", "batches"] as const) {
    const { connection, peer } = open({ highWaterMark: 10, capacity: 10 });
    connection[way].getReader();
    let written = 0;
    const flood = (async () => {
      for (; written < 20; written++) await peer.send(text("x".repeat(20)));
    })();
    const rejected = assertRejects(() => flood);
    await settle();
    assert(written < 5, `${written} messages of 26 bytes without a reader`);
    connection.abort();
    await rejected;
  }
});

Deno.test("iterators and streams cannot be mixed with batches, whichever comes first", async () => {
  for (const [first, second] of [["readable", "batches"], ["batches", "readable"]] as const) {
    const { connection } = open();
    const waiting = assertRejects(() => connection[first].getReader().read());
    await settle();
    await assertRejects(() => connection[second].getReader().read(), TypeError, "Cannot read through");
    connection.abort();
    await waiting;
  }
});

Deno.test("desiredSize is counted in bytes of the messages, and text by its length", async () => {
  const { connection, peer } = open({ highWaterMark: 1_000, capacity: 10 });
  const writer = connection.writable.getWriter();
  assertEquals(writer.desiredSize, 1_000);
  void writer.write(counting(600));
  void writer.write("x".repeat(100));
  void writer.write(new DataView(new ArrayBuffer(50)));
  assertEquals(writer.desiredSize, 250);
  await peer.expect(binary(counting(600)), text("x".repeat(100)), binary(new Uint8Array(50)));
  await soon(writer.ready, "Readiness");
  assertEquals(writer.desiredSize, 1_000);
  connection.abort();
});

Deno.test("desiredSize counts a Blob by its bytes, and any other source as 1 because its data stays in the source", async () => {
  const { connection } = open({ highWaterMark: 1_000, capacity: 10 });
  const writer = connection.writable.getWriter();
  const ignored = (written: Promise<void>) => void written.catch(() => {});
  const sizes: [MessageData | MessageSource, number][] = [
    ["x".repeat(100), 100],
    [new Blob(["€".repeat(50)]), 150],
    [new Blob([]), 0],
    [ReadableStream.from(["x".repeat(100)]), 1],
    [
      (async function* () {
        yield counting(100);
      })(),
      1,
    ],
    ["é", 1],
    [new ArrayBuffer(7), 7],
  ];
  ignored(writer.write(counting(500)));
  for (const [data, size] of sizes) {
    const before = writer.desiredSize!;
    ignored(writer.write(data));
    assertEquals(before - writer.desiredSize!, size, Object.prototype.toString.call(data));
  }
  ignored(writer.closed);
  ignored(writer.ready);
  connection.abort();
  await connection.closed;
  await settle();
});

Deno.test("a write waits while highWaterMark or more is queued for a slow peer, and so does pipeTo", async () => {
  const { connection, peer } = open({ highWaterMark: 1_000, capacity: 100 });
  let pulled = 0;
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (++pulled > 50) controller.close();
      else controller.enqueue(counting(500));
    },
  }, { highWaterMark: 0 });
  const piping = source.pipeTo(connection.writable);
  await settle();
  assert(pulled < 10, `${pulled} chunks of 500 bytes were pulled into 1000 bytes of queue twice over`);
  for (let i = 0; i < 50; i++) await peer.expect(binary(counting(500)));
  await answerClose(peer);
  await soon(piping, "The pipe");
});

Deno.test("writable.close sends all written messages, then a close frame without a code, and resolves after the handshake", async () => {
  const { connection, peer } = open();
  const writer = connection.writable.getWriter();
  void writer.write("last");
  let done = false;
  const closing = writer.close().then(() => done = true);
  await peer.expect(text("last"), close());
  await settle();
  assertEquals(done, false);
  await peer.send(close(1000));
  await peer.closeWrite();
  await soon(closing, "The close");
  await writer.closed;
  assertEquals((await closed(connection)).wasClean, true);
});

const ENDINGS: [string, unknown, number | undefined, string][] = [
  ["a WebSocketError: its code and reason", new WebSocketError("", { closeCode: 4001, reason: "why" }), 4001, "why"],
  ["a WebSocketError with a reason alone: 1000 and the reason", new WebSocketError("", { reason: "why" }), 1000, "why"],
  ["a WebSocketError with neither: no code", new WebSocketError("nothing to say"), undefined, ""],
  ["a code that never is on the wire: no code", new ConnectionError("lost"), undefined, ""],
  ["any other error: no code", new Error("private"), undefined, ""],
  ["nothing: no code", undefined, undefined, ""],
];
for (const [what, reason, code, said] of ENDINGS) {
  for (const way of ["readable", "batches", "writable"] as const) {
    const call = way === "writable" ? "abort" : "cancel";
    Deno.test(`${way}.${call} closes the connection; with ${what}`, async () => {
      const { connection, peer } = open();
      const ending = way === "writable" ? connection.writable.abort(reason) : connection[way].cancel(reason);
      await answerClose(peer, code, said);
      await soon(ending, "The end");
      assertEquals((await closed(connection)).wasClean, true);
    });
  }
}

Deno.test("an unclean end errors both streams with the cause", async () => {
  const { connection, far } = open();
  const reading = connection.readable.getReader().read();
  const writer = connection.writable.getWriter();
  far.reset();
  const error = await assertRejects(() => reading, ConnectionError);
  assertStrictEquals(await assertRejects(() => writer.closed), error);
  assertStrictEquals(await assertRejects(() => writer.write("late")), error);
});

Deno.test("a clean end by the peer closes readable, and errors writable with InvalidStateError", async () => {
  const { connection, peer } = open();
  const reader = connection.readable.getReader();
  const writer = connection.writable.getWriter();
  await peer.send(text("last"), close(1000));
  await peer.closeWrite();
  assertEquals((await reader.read()).value, "last");
  assertEquals((await reader.read()).done, true);
  const error = await assertRejects(() => writer.closed, DOMException);
  assertEquals(error.name, "InvalidStateError");
  await assertRejects(() => writer.write("late"), DOMException);
});

Deno.test("streams that are first accessed after the end have ended", async () => {
  const { connection, peer } = open();
  await peer.send(text("last"), close(1000));
  await peer.closeWrite();
  await closed(connection);
  assertEquals(await Array.fromAsync(connection.readable), ["last"]);
  await assertRejects(() => connection.writable.getWriter().write("late"), DOMException);
});

Deno.test("an invalid chunk errors writable, and does not close the connection", async () => {
  const { connection } = open();
  const writer = connection.writable.getWriter();
  const write: (chunk: never) => Promise<void> = (chunk) => writer.write(chunk);
  await assertRejects(() => Reflect.apply(write, undefined, [42]), Error);
  assertEquals(connection.readyState, 1);
  connection.abort();
});

Deno.test("an iterator continues the same batch for the next reader", async () => {
  const { connection, peer } = open();
  const messages = connection[Symbol.asyncIterator]();
  assertStrictEquals(connection[Symbol.asyncIterator](), messages);
  assertStrictEquals(messages[Symbol.asyncIterator](), messages);
  await peer.send(text("a"), text("b"), text("c"));
  assertEquals(await messages.next(), { value: "a", done: false });
  assertEquals(await messages.return?.(), { value: undefined, done: true });
  assertEquals(await messages.next(), { value: "b", done: false });
  for await (const message of connection.readable) {
    assertEquals(message, "c");
    await Promise.all([answerClose(peer, 1000), connection.close()]);
  }
  assertEquals((await messages.next()).done, true);
});

for (const code of [1000, undefined, 4001]) {
  Deno.test(`readable.pipeTo(writable) resolves after a clean end with ${code ?? "no code"}, and nothing is lost before`, async () => {
    const { connection, peer } = open();
    const piping = connection.readable.pipeTo(connection.writable);
    await peer.send(text("a"), text("b"), close(code));
    await peer.expect(text("a"), text("b"), close(code));
    await peer.closeWrite();
    await soon(piping, "The pipe");
    assertEquals((await closed(connection)).wasClean, true);
  });
}

Deno.test("a pipe through another stream also resolves after a clean end from our side", async () => {
  const { connection, peer } = open();
  const loud = new TransformStream<Message, Message>({
    transform: (message, controller) => controller.enqueue(String(message).toUpperCase()),
  });
  const piping = connection.readable.pipeThrough(loud).pipeTo(connection.writable);
  await peer.send(text("a"));
  await peer.expect(text("A"));
  void connection.close(1000);
  await answerClose(peer, 1000);
  await soon(piping, "The pipe");
});

Deno.test("readable.pipeTo(writable) rejects after an unclean end, with the cause", async () => {
  const { connection, far } = open();
  const piping = connection.readable.pipeTo(connection.writable);
  far.reset();
  const error = await assertRejects(() => soon(piping, "The pipe"), ConnectionError);
  assertStrictEquals((await closed(connection)).error, error);
});

Deno.test("closing writable rejects if the connection does not end cleanly", async () => {
  const { connection, peer, far } = open();
  const closing = connection.writable.close();
  await peer.expect(close());
  far.reset();
  await assertRejects(() => soon(closing, "The end"), ConnectionError);
});

Deno.test("a clean end closes every way to read", async () => {
  for (const way of ["batches", "messages", "iterator"] as const) {
    const { connection, peer } = open();
    const reading = Array.fromAsync<unknown>(
      way === "batches" ? connection.batches : way === "messages" ? connection.messages() : connection,
    );
    await peer.send(close(1000));
    await peer.expect(close(1000));
    await peer.closeWrite();
    assertEquals(await soon(reading, "The end"), []);
  }
});
