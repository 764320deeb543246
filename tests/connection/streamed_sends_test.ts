import { assert, assertEquals, assertInstanceOf, assertLess, assertRejects, assertStrictEquals } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { LimitError } from "../../lib/errors.ts";
import type { PerMessageDeflateOptions } from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { frame, Opcode, Rsv } from "../../lib/pipeline/frames/frame.ts";
import { MAX_HEADER_BYTES } from "../../lib/pipeline/frames/frame_layout.ts";
import type { MessageData } from "../../lib/pipeline/messages/message.ts";
import type { MessageSource } from "../../lib/connection/message_source.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { accept } from "../../lib/server/accept.ts";
import { assertBytes, concat, counting } from "../_support/bytes.ts";
import { lines, utf8 } from "../_support/frames.ts";
import { connPair } from "../_support/pair.ts";
import { PAYLOADS } from "../_support/payloads.ts";
import { binary, close, ping, pong, type RawPeer, text } from "../_support/raw_peer.ts";
import { randomBytes, seeded } from "../_support/random.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { end } from "../extensions/_support.ts";
import { NO_TAKEOVER } from "../extensions/permessage_deflate/_support.ts";
import { chunks, Faucet, part } from "./_streamed.ts";
import { closed, open } from "./_support.ts";

const { TEXT, BINARY, CONTINUATION } = Opcode;
const KiB = 1024;

/** Reads a message's frames as a peer: its payload, and each frame's size. */
async function readMessage(
  peer: RawPeer,
): Promise<{ opcode: number; bytes: Uint8Array<ArrayBuffer>; sizes: number[] }> {
  const frames = [await peer.readFrame()];
  while (!frames.at(-1)!.fin) frames.push(await peer.readFrame());
  assert(frames.slice(1).every(({ opcode }) => opcode === CONTINUATION));
  return {
    opcode: frames[0]!.opcode,
    bytes: concat(frames.map(({ payload }) => payload)),
    sizes: frames.map(({ payload }) => payload.length),
  };
}

for (const role of ["server", "client"] as const) {
  Deno.test(`a ${role} cuts large chunks of a source into frames of 32 KiB and joins small ones`, async () => {
    const { connection, peer } = open({ role });
    const content = randomBytes(seeded(), 150 * KiB);
    for (const size of [1000, 50 * KiB, 64 * KiB, 150 * KiB]) {
      const cut = Array.from(
        { length: Math.ceil(content.length / size) },
        (_, i) => content.slice(i * size, (i + 1) * size),
      );
      const sent = connection.send(ReadableStream.from(cut));
      const { opcode, bytes, sizes } = await readMessage(peer);
      assertEquals(opcode, BINARY);
      assertBytes(bytes, content);
      assertEquals(sizes, [...Array(4).fill(32 * KiB), 22 * KiB]);
      await soon(sent, "The end of sending");
    }
    connection.abort();
  });
}

Deno.test("a chunk leaves if no other comes in the same turn: a live stream does not wait", async () => {
  const { connection, peer } = open();
  const faucet = new Faucet<string>();
  const sent = connection.send(faucet);
  await faucet.give("one");
  await peer.expect(part(TEXT, utf8("one")));
  await faucet.give("two");
  await faucet.give("");
  await peer.expect(part(CONTINUATION, utf8("two")));
  await faucet.give("three");
  faucet.end();
  await peer.expect(frame(CONTINUATION, utf8("three")));
  await soon(sent, "The end of sending");
  connection.abort();
});

Deno.test("chunks that come in every turn do not delay each other", async () => {
  const { connection, peer } = open();
  const faucet = new Faucet<string>();
  const sent = connection.send(faucet);
  for (let i = 0; i < 20; i++) await faucet.give("x");
  faucet.end();
  const { bytes, sizes } = await readMessage(peer);
  assertEquals(bytes.length, 20);
  assertLess(5, sizes.length);
  await sent;
  connection.abort();
});

Deno.test("the first chunk decides the type; a message without chunks is binary, or as options.type says", async () => {
  const { connection, peer } = open();
  await connection.send(chunks("a", "b"));
  await connection.send(chunks<BufferSource>(counting(1), new Uint16Array([0x0302])));
  await connection.send(chunks<string>());
  await connection.send(chunks<string>(), { type: "text" });
  await connection.send(ReadableStream.from([""]));
  await peer.expect(text("ab"), binary(Uint8Array.of(0, 2, 3)), binary(counting(0)), text(""), text(""));
  connection.abort();
});

Deno.test("a surrogate pair in two chunks arrives as one character", async () => {
  const { connection, peer } = open();
  await connection.send(chunks("a\ud800", "\udf48b", "\ud800"));
  await peer.expect(text("a𐍈b\ufffd"));
  connection.abort();
});

Deno.test("a source may reuse its buffer for the next chunk, whatever the marks are", async () => {
  const reusing = async function* () {
    const buffer = new Uint8Array(64 * KiB);
    for (let i = 0; i < 4; i++) yield buffer.fill(i);
  };
  for (const role of ["server", "client"] as const) {
    for (const highWaterMark of [1, 1000, 64 * KiB, 1024 * KiB]) {
      const { connection, peer } = open({ role, highWaterMark, capacity: 300 * KiB });
      const sent = connection.send(reusing());
      const { bytes } = await readMessage(peer);
      assertBytes(bytes, concat([0, 1, 2, 3].map((byte) => new Uint8Array(64 * KiB).fill(byte))));
      await sent;
      connection.abort();
    }
  }
});

Deno.test("pings and pongs are sent between the fragments", async () => {
  const { connection, peer } = open();
  const faucet = new Faucet<string>();
  const sent = connection.send(faucet);
  await faucet.give("a");
  await peer.expect(part(TEXT, utf8("a")));
  const roundTrip = connection.ping("ours");
  await peer.expect(ping("ours"));
  await peer.send(pong("ours"), ping("theirs"));
  await soon(roundTrip, "The pong");
  await peer.expect(pong("theirs"));
  faucet.end();
  await peer.expect(frame(CONTINUATION));
  await sent;
  connection.abort();
});

Deno.test("messages sent meanwhile wait behind it in order, and count in bufferedAmount", async () => {
  const { connection, peer } = open();
  const [first, second] = [new Faucet<string>(), new Faucet<string>()];
  const order: string[] = [];
  const send = (name: string, data: MessageData | MessageSource) => connection.send(data).then(() => order.push(name));
  const all = [
    send("first", first),
    send("text", "x".repeat(100)),
    send("second", second),
    send("bytes", counting(50)),
  ];
  await settle();
  const { bufferedAmount } = connection;
  assert(bufferedAmount >= 150 && bufferedAmount < 200, `${bufferedAmount} bytes of 150 with two headers`);
  assertEquals(order, []);
  await first.give("1");
  await peer.expect(part(TEXT, utf8("1")));
  first.end();
  await peer.expect(frame(CONTINUATION), text("x".repeat(100)));
  await second.give("2");
  await peer.expect(part(TEXT, utf8("2")));
  assertEquals(order, ["first", "text"]);
  second.end();
  await peer.expect(frame(CONTINUATION), binary(counting(50)));
  await soon(Promise.all(all), "The ends of sending");
  assertEquals([order, connection.bufferedAmount], [["first", "text", "second", "bytes"], 0]);
  await connection.send("at once");
  await peer.expect(text("at once"));
  connection.abort();
});

Deno.test("the source is read only while less than highWaterMark is queued", async () => {
  const { connection, peer } = open({ highWaterMark: 1000, capacity: 1000 });
  let pulled = 0;
  let cancelled: unknown;
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (++pulled > 100) controller.close();
      else controller.enqueue(counting(500, pulled));
    },
    cancel: (reason) => void (cancelled = reason),
  }, { highWaterMark: 0 });
  let done = false;
  const sent = connection.send(source).then(() => done = true);
  await settle();
  assertLess(pulled * 500, 40 * KiB);
  assertEquals(done, false);
  const { bytes } = await readMessage(peer);
  assertBytes(bytes, concat(Array.from({ length: 100 }, (_, i) => counting(500, i + 1))));
  await soon(sent, "The end of sending");
  assertStrictEquals(cancelled, undefined);
  connection.abort();
});

Deno.test("of a very large chunk no more than the mark and one frame is queued", async () => {
  const { connection, peer } = open({ capacity: 1000 });
  const sent = connection.send(chunks(counting(1024 * KiB)));
  await settle();
  assertLess(connection.bufferedAmount, 64 * KiB + 33 * KiB);
  for (let got = 0; got < 1024 * KiB;) got += (await peer.readFrame()).payload.length;
  await peer.expect(frame(CONTINUATION));
  await sent;
  connection.abort();
});

Deno.test("T5: messages that wait behind a streamed message count against maxQueuedBytes", async () => {
  const { connection } = open({ maxQueuedBytes: 1000 });
  const faucet = new Faucet<string>();
  const first = connection.send(faucet);
  const waiting = [600, 600].map((size) => connection.send(counting(size)));
  const { error } = await closed(connection);
  assertInstanceOf(error, LimitError);
  assertEquals([error.limit, error.closeCode], ["maxQueuedBytes", 1013]);
  for (const sent of [first, ...waiting]) assertStrictEquals(await assertRejects(() => sent), error);
  assertEquals(faucet.returned, true);
});

Deno.test("T5: behind a streamed message, waiting and queued bytes together reach maxQueuedBytes, and not one byte earlier", async () => {
  for (const queued of [0, 500]) {
    for (const [missing, readyState] of [[1, 1], [0, 3]] as const) {
      const { connection } = open({ maxQueuedBytes: 2000, highWaterMark: 10_000, capacity: 0 });
      const faucet = new Faucet<Uint8Array<ArrayBuffer>>();
      const sends = [connection.send(faucet)];
      if (queued > 0) {
        await faucet.give(counting(queued));
        await until(() => connection.bufferedAmount > queued, "The chunk in the queue");
      }
      const rest = 2000 - missing - connection.bufferedAmount;
      sends.push(connection.send(counting(rest - MAX_HEADER_BYTES)));
      assertEquals(connection.readyState, readyState, `${queued} bytes queued, and ${missing} missing`);
      if (readyState === 1) assertEquals(connection.bufferedAmount, 1999);
      connection.abort();
      const { error } = await closed(connection);
      if (readyState === 3) {
        assertInstanceOf(error, LimitError);
        assertEquals([error.limit, error.max, error.actual, error.closeCode], ["maxQueuedBytes", 2000, 2000, 1013]);
      }
      for (const sent of sends) assertStrictEquals(await assertRejects(() => sent), error);
    }
  }
});

for (const role of ["server", "client"] as const) {
  Deno.test(`T5: text of a ${role} that waits behind a streamed message counts as UTF-8, against every limit`, async () => {
    for (const [missing, readyState] of [[1, 1], [0, 3]] as const) {
      const { connection, peer } = open({ role, maxQueuedBytes: 2000, highWaterMark: 1000 });
      const faucet = new Faucet<string>();
      const sends = [connection.send(faucet)];
      sends.push(connection.send("é".repeat(400)));
      assertEquals(connection.bufferedAmount, 800 + MAX_HEADER_BYTES);
      assertEquals(connection.full, false);
      const rest = 2000 - missing - connection.bufferedAmount - MAX_HEADER_BYTES;
      const last = "𐍈".repeat(200) + "a".repeat(rest - 800);
      sends.push(connection.send(last));
      assertEquals(connection.readyState, readyState, `${missing} bytes missing`);
      if (readyState === 1) {
        assertEquals([connection.bufferedAmount, connection.full], [1999, true]);
        // What has waited below the limit is below it in the queue too.
        faucet.end();
        await peer.expect(binary(counting(0)), text("é".repeat(400)), text(last));
        await soon(Promise.all(sends), "The end of sending");
      }
      connection.abort();
      const { error } = await closed(connection);
      if (readyState === 1) continue;
      assertInstanceOf(error, LimitError);
      assertEquals([error.limit, error.max, error.actual], ["maxQueuedBytes", 2000, 2000]);
      for (const sent of sends) assertStrictEquals(await assertRejects(() => sent), error);
    }
  });
}

Deno.test("callbacks whose replies wait behind a streamed message stop the peer", async () => {
  const { connection, peer } = open({ highWaterMark: 1000, capacity: 1000 });
  const faucet = new Faucet<string>();
  const streamed = connection.send(faucet);
  for (let i = 0; i < 3; i++) void connection.send(counting(400));
  assertInstanceOf(connection.drained(), Promise);
  faucet.end();
  await peer.expect(binary(counting(0)), binary(counting(400)), binary(counting(400)), binary(counting(400)));
  await streamed;
  await settle();
  assertStrictEquals(connection.drained(), undefined);
  connection.abort();
});

Deno.test("writable takes sources as well as messages, and each source is one message", async () => {
  const { connection, peer } = open();
  const messages = ReadableStream.from<MessageData | MessageSource>([
    "a",
    chunks("b", "c"),
    ReadableStream.from([counting(2)]),
    "d",
  ]);
  const piped = messages.pipeTo(connection.writable);
  await peer.expect(text("a"), text("bc"), binary(counting(2)), text("d"), close());
  await peer.send(close());
  peer.close();
  await soon(piped, "The pipe");
});

/** Our client and our server in memory, with compression. */
async function pair(
  options: PerMessageDeflateOptions,
): Promise<[client: WebSocketConnection, server: WebSocketConnection]> {
  const [near, far] = connPair();
  const shared = { perMessageDeflate: options, pingInterval: 0 };
  return await soon(
    Promise.all([connect("ws://127.0.0.1/", { conn: near, ...shared }), accept(far, shared)]),
    "Both ends",
  );
}

for (const takeover of [false, true]) {
  Deno.test(`RFC 7692 §7.2.1: compressed fragments arrive whole, ${takeover ? "with" : "without"} context takeover, both ways`, async () => {
    const ends = await pair({ serverContextTakeover: takeover, clientContextTakeover: takeover });
    assertEquals(ends[0].extensions.includes("no_context_takeover"), !takeover);
    for (const [from, to] of [ends, ends.toReversed()] as const) {
      const received = to![Symbol.asyncIterator]();
      for (const [name, payload] of Object.entries(PAYLOADS)) {
        for (const size of [0, 1, 1000, 32 * KiB, 100_000]) {
          const message = payload(size);
          const whole = [message];
          const halves = [message.slice(0, size / 2), message.slice(size / 2)];
          for (const cut of [whole, halves]) {
            const source = ReadableStream.from(cut);
            const sent: Promise<void> = Reflect.apply(from!.send, from, [source]);
            const { value } = await soon(received.next(), `${name} of ${size} bytes`);
            assertEquals(value, message);
            await sent;
          }
        }
      }
    }
    const closing = ends[0].close();
    assertEquals((await soon(closing, "The end")).wasClean, true);
  });
}

Deno.test("only the first frame of a compressed message has RSV1, and `compress: false` is respected", async () => {
  const { socket, peer } = await end("server", `permessage-deflate; ${NO_TAKEOVER}`, { perMessageDeflate: true });
  const content = PAYLOADS["English-like text"]!(100_000).toString();
  const sent = socket.send(chunks(content));
  const frames = [await peer.readFrame()];
  while (!frames.at(-1)!.fin) frames.push(await peer.readFrame());
  assertEquals(frames.map(({ rsv }) => rsv), [Rsv.RSV1, 0, 0, 0]);
  assertEquals(frames.map(({ opcode }) => opcode), [TEXT, CONTINUATION, CONTINUATION, CONTINUATION]);
  await sent;
  await socket.send(chunks(content.slice(0, 2000)), { compress: false });
  await peer.expect(text(content.slice(0, 2000)));
  assertEquals(lines(frames).length, 4);
  socket.abort();
});
