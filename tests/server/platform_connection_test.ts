import { runInNewContext } from "node:vm";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { ConnectionError, LimitError, WebSocketError } from "../../lib/errors.ts";
import { createHub } from "../../lib/hub/mod.ts";
import type { CloseInfo, WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { assertMessage } from "../_support/messages.ts";
import { binary, close, RawPeer, text } from "../_support/raw_peer.ts";
import { soon, until } from "../_support/wait.ts";
import { start, taking } from "./_deno_serve.ts";
import { overlook, RETURNED_AT_ONCE } from "../_support/printed.ts";

overlook(RETURNED_AT_ONCE);

Deno.test("missing features throw: ping rejects and tap throws", async () => {
  const { handler, taken } = taking();
  await using server = start(handler);
  const client = await connect(server.url);
  const socket = await taken;
  await assertRejects(() => socket.ping(), DOMException, "has no ping");
  assertThrows(() => socket.ping("x".repeat(126)), RangeError);
  assertThrows(() => socket.tap(), DOMException, "shows no frames");
  await client.close();
});

Deno.test("messages() gives each message as one chunk, and a source cannot be sent", async () => {
  const types: string[] = [];
  await using server = start(async (socket) => {
    assertThrows(() => void socket.send(ReadableStream.from(["a"])), TypeError, "Cannot send from a source");
    for await (const { type, readable } of socket.messages()) {
      types.push(type);
      for await (const chunk of readable) await socket.send(chunk);
    }
  });
  const client = await connect(server.url);
  const replies = client[Symbol.asyncIterator]();
  for (const message of ["", "text", new Uint8Array(100_000)]) {
    void client.send(message);
    if (message !== "") assertMessage((await soon(replies.next(), "A reply")).value, message);
  }
  assertEquals(types, ["text", "text", "binary"]);
  await client.close();
  assertEquals(server.reports, []);
});

Deno.test("F6: a message over maxMessageBytes is checked when it has arrived, and closes with 1009", async () => {
  for (const message of [text("é".repeat(6)), binary(new Uint8Array(11))]) {
    const { handler, taken } = taking();
    await using server = start(handler, { maxMessageBytes: 10 });
    using peer = await RawPeer.connect(server.port);
    await peer.send(message);
    const { opcode, payload } = await peer.readFrame();
    assertEquals([opcode, payload[0]! * 256 + payload[1]!], [8, 1009]);
    await peer.send(close(1009));
    await peer.expectEnd();
    const { wasClean, error } = await (await taken).closed;
    assertInstanceOf(error, LimitError);
    assertEquals([wasClean, error.limit], [false, "maxMessageBytes"]);
  }
});

Deno.test("unread messages are limited: at maxQueuedBytes the connection is closed with 1013", async () => {
  const { handler, taken } = taking();
  await using server = start(handler, { maxQueuedBytes: 10_000 });
  using peer = await RawPeer.connect(server.port);
  // Empty ones count as well.
  await peer.send(...Array.from({ length: Math.ceil(10_000 / 128) }, () => text("")));
  const { payload } = await peer.readFrame();
  assertEquals(payload[0]! * 256 + payload[1]!, 1013);
  await peer.send(close(1013));
  await peer.expectEnd();
  const { error } = await (await taken).closed;
  assertInstanceOf(error, LimitError);
  assertEquals(error.limit, "maxQueuedBytes");
});

Deno.test("messages from before the end can still be read, and then the end is reported", async () => {
  const { handler, taken } = taking();
  await using server = start(handler);
  using peer = await RawPeer.connect(server.port);
  const socket = await taken;
  await peer.send(text("one"), text("two"));
  await peer.send(close(1000, "done"));
  await peer.expect(close(1000, "done"));
  assertEquals(await socket.closed, { closeCode: 1000, reason: "done", wasClean: true });
  const seen: unknown[] = [];
  for await (const message of socket) seen.push(message);
  assertEquals(seen, ["one", "two"]);
  await assertRejects(() => socket.send("late"), DOMException, "the connection is closed");
});

Deno.test("T3: an end without a close frame is 1006 and makes the reader throw", async () => {
  const { handler, taken } = taking();
  await using server = start(handler);
  const peer = await RawPeer.connect(server.port);
  const socket = await taken;
  const reading = assertRejects(() => socket[Symbol.asyncIterator]().next(), ConnectionError);
  peer.close();
  const { closeCode, wasClean, error } = await soon(socket.closed, "The end");
  assertEquals([closeCode, wasClean], [1006, false]);
  assertInstanceOf(error, ConnectionError);
  await reading;
});

Deno.test("close sends its code and reason, and checks them", async () => {
  const { handler, taken } = taking();
  await using server = start(handler);
  using peer = await RawPeer.connect(server.port);
  const socket = await taken;
  assertThrows(() => socket.close(1005), RangeError);
  assertThrows(() => socket.close(1000, "x".repeat(124)), RangeError);
  const closing = socket.close(1001, "away");
  assertEquals(socket.readyState, 2);
  await assertRejects(() => socket.send("late"), DOMException, "the connection is closing");
  assertThrows(() => Reflect.apply(socket.send, socket, [42]), TypeError, "Cannot send 42");
  await peer.expect(close(1001, "away"));
  await peer.send(close(1001));
  await peer.expectEnd();
  assertEquals((await soon(closing, "The end")).wasClean, true);
  assertEquals(socket.readyState, 3);
  assertEquals((await socket[Symbol.asyncIterator]().next()).done, true);
});

Deno.test("F17: a peer that does not answer our close is dropped after closeTimeout", async () => {
  const { handler, taken } = taking();
  await using server = start(handler, { closeTimeout: 50 });
  using peer = await RawPeer.connect(server.port);
  const info: CloseInfo = await soon((await taken).close(), "The end");
  assertEquals([info.closeCode, info.wasClean], [1006, false]);
  assertInstanceOf(info.error, ConnectionError);
  await peer.send(close(1000)); // so that the platform lets go
});

Deno.test("abort ends the connection for the application at once", async () => {
  const { handler, taken } = taking();
  await using server = start(handler);
  const client = await connect(server.url);
  const socket = await taken;
  const reason = new Error("Enough");
  socket.abort(reason);
  assertEquals(await socket.closed, { closeCode: 1006, reason: "", wasClean: false, error: reason });
  socket.abort();
  await soon(client.closed, "The client's end");
});

Deno.test("A1: an error of a handler is reported and closes with 1011; A2: a handler that returns closes with 1000", async () => {
  const error = new Error("Ours");
  await using failing = start(() => Promise.reject(error));
  assertEquals((await (await connect(failing.url)).closed).closeCode, 1011);
  assertEquals(failing.reports, [error]);
  await using returning = start(() => {});
  assertEquals((await (await connect(returning.url)).closed).closeCode, 1000);
  assertEquals(returning.reports, []);
  await using cancelling = start((socket) =>
    socket.readable.cancel(new WebSocketError("", { closeCode: 4001, reason: "no" }))
  );
  const { closeCode, reason } = await (await connect(cancelling.url)).closed;
  assertEquals([closeCode, reason], [4001, "no"]);
});

Deno.test("A1: a handler that throws undefined has failed too, and abort with null is not a clean end", async () => {
  const ends: CloseInfo[] = [];
  const nothing: unknown = undefined;
  for (
    const handler of [
      () => {
        throw nothing;
      },
      (socket: WebSocketConnection) => socket.abort(null),
    ]
  ) {
    await using server = start({ open: handler, close: (_, info) => void ends.push(info) });
    const socket = await connect(server.url);
    await soon(socket.closed, "The end");
    await until(() => ends.length > 0, "The end at the server");
    const { wasClean, error } = ends.pop()!;
    assertEquals(wasClean, false);
    assertInstanceOf(error, Error);
  }
});

Deno.test("T5: send waits while highWaterMark bytes are queued, drain is called when there is room, and maxQueuedBytes ends it", async () => {
  const opened = Promise.withResolvers<WebSocketConnection>();
  let drains = 0;
  await using server = start({ open: opened.resolve, drain: () => void drains++ }, {
    maxQueuedBytes: 64 * 1024 * 1024,
  });
  using peer = await RawPeer.connect(server.port);
  const socket = await soon(opened.promise, "The connection");
  const chunk = new Uint8Array(1024 * 1024);
  let waited = false;
  const sending = (async () => {
    while (!waited) {
      const sent = socket.send(chunk);
      waited = socket.bufferedAmount >= 16 * chunk.length;
      if (waited) return await sent;
    }
  })();
  await until(() => waited, "The wait");
  assert(socket.bufferedAmount >= 16 * chunk.length);
  assertEquals(drains, 0);
  const buffer = new Uint8Array(chunk.length);
  const reading = (async () => {
    while (await peer.conn.read(buffer) !== null);
  })();
  await soon(sending, "The drain");
  assertEquals(drains, 1);
  assert(socket.bufferedAmount < 64 * 1024);
  peer.close();
  await reading.catch(() => {});
  await soon(socket.closed, "The end");

  const { handler, taken } = taking();
  await using bounded = start(handler, { maxQueuedBytes: 1024 * 1024, closeTimeout: 50 });
  using stuck = await RawPeer.connect(bounded.port);
  const flooded = await taken;
  while (flooded.readyState === 1) void flooded.send(chunk);
  const { error } = await soon(flooded.closed, "The end");
  assertInstanceOf(error, LimitError);
  stuck.close();
});

Deno.test("reading in two ways at once throws", async () => {
  const { handler, taken } = taking();
  await using server = start(handler);
  const client = await connect(server.url);
  const socket = await taken;
  void socket[Symbol.asyncIterator]().next().catch(() => {});
  await assertRejects(() => socket.batches.getReader().read(), TypeError, "read through its iterator");
  await client.close();
});

Deno.test("upgradeRequest sends binary data of every type as it is at the call, and refuses invalid messages", async () => {
  const { handler, taken } = taking();
  await using server = start(handler);
  const socket = await connect(server.url);
  const connection = await taken;
  const detached = new Uint8Array(4);
  detached.buffer.transfer();
  const cases: [value: unknown, words: string][] = [
    [detached, "Cannot send memory that is detached"],
    [new Uint8Array(new SharedArrayBuffer(4)), "Cannot send memory that is shared"],
    [new Uint8Array(new ArrayBuffer(4, { maxByteLength: 8 })), "Cannot send memory of a resizable buffer"],
    [{}, "Cannot send a value of type Object"],
    [new Blob(["text"]), "Send await blob.arrayBuffer()"],
  ];
  for (const [value, words] of cases) {
    assertThrows(() => Reflect.apply(connection.send, connection, [value]), TypeError, words);
  }
  const bytes = Uint8Array.of(1, 2, 3, 4);
  for (const data of [bytes, bytes.buffer, new DataView(bytes.buffer), runInNewContext("Uint8Array.of(1, 2, 3, 4)")]) {
    await connection.send(data);
  }
  bytes.fill(0);
  const received: unknown[] = [];
  for await (const message of socket) {
    received.push(message);
    if (received.length === 4) break;
  }
  assertEquals(received, Array(4).fill(Uint8Array.of(1, 2, 3, 4)));
  await socket.close();
});

Deno.test("after the end no call throws synchronously, its promises may be ignored, and their errors have the cause", async () => {
  const { handler, taken } = taking();
  await using server = start(handler, { hub: createHub() });
  const peer = await RawPeer.connect(server.port);
  const socket = await taken;
  peer.close();
  const { error } = await soon(socket.closed, "The end");
  void socket.send("x");
  void socket.send(Uint8Array.of(1));
  void socket.ping();
  void socket.close();
  assertEquals([socket.subscribe("a"), socket.publish("a", "x"), socket.unsubscribe("a")], [false, 0, false]);
  const late = await assertRejects(() => socket.send("x"), DOMException, "the connection is closed");
  assertEquals([late.name, late.cause === error, error !== undefined], ["InvalidStateError", true, true]);
});

Deno.test("readable.pipeTo(writable) resolves after a clean end and rejects after any other", async () => {
  const pipes: Promise<void>[] = [];
  await using server = start((socket) => {
    const piping = socket.readable.pipeTo(socket.writable);
    pipes.push(piping);
    return piping;
  });
  using clean = await RawPeer.connect(server.port);
  await clean.send(text("a"));
  await clean.expect(text("a"));
  await clean.send(close(1000));
  await clean.expect(close(1000));
  await soon(pipes[0]!, "The pipe");
  const lost = await RawPeer.connect(server.port);
  await lost.send(text("a"));
  await lost.expect(text("a"));
  lost.close();
  await assertRejects(() => soon(pipes[1]!, "The pipe"), ConnectionError);
});
