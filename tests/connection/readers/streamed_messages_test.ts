import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLessOrEqual,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { ConnectionError, ProtocolError } from "../../../lib/errors.ts";
import { frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import type { Message } from "../../../lib/pipeline/messages/message.ts";
import { assertBytes, concat, counting } from "../../_support/bytes.ts";
import { utf8 } from "../../_support/frames.ts";
import { binary, close, ping, pong, text } from "../../_support/raw_peer.ts";
import { settle, soon } from "../../_support/wait.ts";
import { chunksOfNext, next, part, readerOfNext } from "../_streamed.ts";
import { closed, LANES, open } from "../_support.ts";

const { TEXT, BINARY, CONTINUATION } = Opcode;

for (const role of ["server", "client"] as const) {
  Deno.test(`on a ${role} the content of a message comes as it arrives, text as strings, binary data as bytes`, async () => {
    const { connection, peer } = open({ role });
    const messages = connection.messages();
    await peer.send(part(TEXT, utf8("Hel")));
    const { type, chunk } = await readerOfNext(connection);
    assertEquals([type, await chunk()], ["text", "Hel"]);
    await peer.send(part(CONTINUATION, utf8("l")));
    assertEquals(await chunk(), "l");
    await peer.send(frame(CONTINUATION, utf8("o")), part(BINARY, counting(2)), frame(CONTINUATION, counting(3)));
    assertEquals([await chunk(), await chunk()], ["o", undefined]);
    const data = await next(connection);
    assert(data.type === "binary");
    assertEquals(await Array.fromAsync(data.readable), [counting(2), counting(3)]);

    const ended = messages.next();
    await peer.send(close(1000));
    await peer.expect(close(1000));
    peer.close();
    assertEquals(await soon(ended, "The end"), { value: undefined, done: true });
    assertEquals((await closed(connection)).wasClean, true);
  });
}

Deno.test("a partial frame is passed on as far as it has arrived", async () => {
  const { connection, peer } = open({ role: "client" });
  connection.messages();
  await peer.send("81 05 61 62");
  const { chunk } = await readerOfNext(connection);
  assertEquals(await chunk(), "ab");
  await peer.send("63 64 65");
  assertEquals([await chunk(), await chunk()], ["cde", undefined]);
  connection.abort();
});

Deno.test("messages that arrived before messages() are not lost: whole ones, and the part of an unfinished one", async () => {
  const { connection, peer } = open();
  await peer.send(text("one"), text(""), binary(counting(2)), part(TEXT, utf8("th")), part(CONTINUATION, utf8("re")));
  await settle();
  assertEquals(await chunksOfNext(connection), ["one"]);
  assertEquals(await chunksOfNext(connection), []);
  assertEquals(await chunksOfNext(connection), [counting(2)]);
  const { chunk } = await readerOfNext(connection);
  assertEquals(await chunk(), "thre");
  await peer.send(frame(CONTINUATION, utf8("e")));
  assertEquals([await chunk(), await chunk()], ["e", undefined]);
  connection.abort();
});

for (const first of [100, 5000, 60_000]) {
  Deno.test(`messages() may be called in the middle of a frame of which ${first} bytes have arrived`, async () => {
    const { connection, peer } = open({ role: "client" });
    const whole = counting(100_000);
    const sent = concat([Uint8Array.of(0x82, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa0), whole]);
    await peer.send(sent.subarray(0, 10 + first));
    await settle();
    connection.messages();
    const { reader, chunk } = await readerOfNext(connection);
    const chunks = [await chunk()];
    void peer.send(sent.subarray(10 + first), text("behind"));
    for (let value = await chunk(); value !== undefined; value = await chunk()) chunks.push(value);
    reader.releaseLock();
    assertBytes(concat(chunks.map((part) => part as Uint8Array<ArrayBuffer>)), whole);
    assertEquals(await chunksOfNext(connection), ["behind"]);
    connection.abort();
  });
}

Deno.test("messages that arrived before the connection ended can still be read, then comes the cause", async () => {
  const { connection, peer, far } = open();
  await peer.send(text("whole"), part(TEXT, utf8("half")));
  await settle();
  far.reset();
  const { error } = await closed(connection);
  assertEquals(await chunksOfNext(connection), ["whole"]);
  const { reader, chunk } = await readerOfNext(connection);
  assertEquals(await chunk(), "half");
  assertStrictEquals(await assertRejects(() => reader.read()), error);
  assertStrictEquals(await assertRejects(() => connection.messages().next()), error);
});

Deno.test("messages in a single frame are one chunk each, empty ones none", async () => {
  const { connection, peer } = open();
  connection.messages();
  await peer.send(text("a"), text(""), binary(counting(0)), binary(counting(300)));
  for (const chunks of [["a"], [], [], [counting(300)]]) assertEquals(await chunksOfNext(connection), chunks);
  connection.abort();
});

Deno.test("a character that is split between two fragments comes with the second, wherever it is cut", async () => {
  const content = "aé€𐍈b";
  const bytes = utf8(content);
  const { connection, peer } = open();
  connection.messages();
  for (let cut = 0; cut <= bytes.length; cut++) {
    await peer.send(part(TEXT, bytes.slice(0, cut)), frame(CONTINUATION, bytes.slice(cut)));
    const chunks = await chunksOfNext(connection);
    assertEquals(chunks.join(""), content);
    for (const chunk of chunks) assert(typeof chunk === "string" && chunk.isWellFormed() && !chunk.includes("\ufffd"));
  }
  await peer.send(
    ...[...bytes].map((byte, i) => part(i === 0 ? TEXT : CONTINUATION, Uint8Array.of(byte))),
    frame(CONTINUATION),
  );
  assertEquals(await chunksOfNext(connection), ["a", "é", "€", "𐍈", "b"]);
  connection.abort();
});

Deno.test("F10: text that is not UTF-8 fails the connection with 1007 at its first bad byte, and the stream with it", async () => {
  const { connection, peer } = open({ role: "client" });
  connection.messages();
  await peer.send("01 03 61 62 e2", "00 02 28 63");
  const { reader, chunk } = await readerOfNext(connection);
  assertEquals(await chunk(), "ab");
  const { opcode, payload } = await peer.readFrame();
  assertEquals([opcode, [...payload.subarray(0, 2)]], [Opcode.CLOSE, [1007 >> 8, 1007 & 255]]);
  peer.close();
  const error = await assertRejects(
    () => soon(reader.read(), "The error"),
    ProtocolError,
    "Text is not UTF-8 at byte 3",
  );
  assertStrictEquals((await closed(connection)).error, error);
});

Deno.test("asking for the next message discards the rest of the previous one, and its stream errors with that reason", async () => {
  const { connection, peer } = open();
  connection.messages();
  await peer.send(part(TEXT, utf8("a")));
  const { reader, chunk } = await readerOfNext(connection);
  assertEquals(await chunk(), "a");
  const waiting = assertRejects(() => reader.read(), DOMException, "the next one was asked for");
  const following = next(connection);
  await waiting;
  await peer.send(part(CONTINUATION, utf8("b")), ping("p"), frame(CONTINUATION, utf8("c")), text("next"));
  await peer.expect(pong("p"));
  const { readable } = await following;
  assertEquals(await Array.fromAsync<unknown>(readable), ["next"]);
  connection.abort();
});

Deno.test("a loop that reads no content skips all of it", async () => {
  const { connection, peer } = open({ highWaterMark: 100 });
  const types: string[] = [];
  const loop = (async () => {
    for await (const { type } of connection.messages()) types.push(type);
  })();
  for (let i = 0; i < 10; i++) {
    await peer.send(part(i % 2 === 0 ? TEXT : BINARY, new Uint8Array(500)), frame(CONTINUATION, new Uint8Array(500)));
  }
  await peer.send(close(1000));
  await peer.expect(close(1000));
  peer.close();
  await soon(loop, "The loop");
  assertEquals(types, Array.from({ length: 10 }, (_, i) => i % 2 === 0 ? "text" : "binary"));
  connection.abort();
});

for (
  const [how, leave] of [
    ["cancel()", async (readable: ReadableStream<Message>) => await readable.cancel("enough")],
    ["a loop that is left", async (readable: ReadableStream<Message>) => {
      for await (const _ of readable) break;
    }],
  ] as const
) {
  Deno.test(`${how} discards the rest of a message: the peer is not stopped, and the next message comes`, async () => {
    const { connection, peer } = open({ highWaterMark: 100, capacity: 100 });
    connection.messages();
    await peer.send(part(BINARY, counting(10)));
    await soon(leave((await next(connection)).readable), "The end of reading");
    // The next message is not requested yet.
    for (let i = 0; i < 20; i++) await peer.send(part(CONTINUATION, counting(90)));
    await peer.send(frame(CONTINUATION, counting(90)), text("next"));
    assertEquals(await chunksOfNext(connection), ["next"]);
    connection.abort();
  });
}

Deno.test("a stream is cancelled while its reader waits, and the next message comes", async () => {
  const { connection, peer } = open();
  connection.messages();
  await peer.send(part(BINARY, counting(1)));
  const { reader, chunk } = await readerOfNext(connection);
  await chunk();
  const waiting = reader.read();
  await reader.cancel();
  assertEquals((await waiting).done, true);
  const following = chunksOfNext(connection);
  await peer.send(frame(CONTINUATION, counting(1)), text("next"));
  assertEquals(await following, ["next"]);
  connection.abort();
});

Deno.test("leaving the loop leaves the message open, and the next loop continues after it", async () => {
  const { connection, peer } = open();
  await peer.send(text("one"), text("two"));
  for await (const { readable } of connection.messages()) {
    assertEquals(await Array.fromAsync<unknown>(readable), ["one"]);
    break;
  }
  assertStrictEquals(connection.messages(), connection.messages());
  assertEquals(await chunksOfNext(connection), ["two"]);
  connection.abort();
});

Deno.test("T5: a slow reader of a message stops the peer, and gets all of it later", async () => {
  const highWaterMark = 1000;
  const { connection, peer } = open({ highWaterMark, capacity: 1000 });
  connection.messages();
  const size = 50_000;
  let written = 0;
  const flood = (async () => {
    for (; written < size; written += 500) {
      await peer.send(part(written === 0 ? BINARY : CONTINUATION, counting(500, written)));
    }
    await peer.send(frame(CONTINUATION));
  })();
  const { readable } = await next(connection);
  await settle();
  // What the connection holds, what the pipe holds, and one read and one write under way.
  assertLessOrEqual(written, 2 * highWaterMark + 2 * 1000);
  const chunks: Uint8Array[] = [];
  for await (const chunk of readable) if (typeof chunk !== "string") chunks.push(chunk);
  await flood;
  assertEquals(concat(chunks), concat(Array.from({ length: size / 500 }, (_, i) => counting(500, i * 500))));
  connection.abort();
});

Deno.test("pings between fragments are answered while the message is read", async () => {
  const { connection, peer } = open();
  connection.messages();
  await peer.send(part(TEXT, utf8("a")), ping("1"));
  const { chunk } = await readerOfNext(connection);
  assertEquals(await chunk(), "a");
  await peer.expect(pong("1"));
  const waiting = chunk();
  await peer.send(ping("2"));
  await peer.expect(pong("2"));
  await peer.send(frame(CONTINUATION, utf8("b")));
  assertEquals(await waiting, "b");
  connection.abort();
});

Deno.test("a close frame in the middle of a message ends the connection cleanly, and the stream with an error", async () => {
  const { connection, peer } = open();
  connection.messages();
  await peer.send(part(TEXT, utf8("a")), close(1000));
  const { reader, chunk } = await readerOfNext(connection);
  assertEquals(await chunk(), "a");
  const reading = assertRejects(() => soon(reader.read(), "The error"), ConnectionError, "in the middle of a message");
  await peer.expect(close(1000));
  peer.close();
  await reading;
  assertEquals((await connection.messages().next()).done, true);
  assertEquals((await closed(connection)).wasClean, true);
});

for (
  const [how, lose] of [
    ["is lost", ({ far }: ReturnType<typeof open>) => far.reset()],
    ["ends without a close frame", ({ peer }: ReturnType<typeof open>) => peer.close()],
    ["is aborted", ({ connection }: ReturnType<typeof open>) => connection.abort()],
  ] as const
) {
  Deno.test(`T1: a connection that ${how} in the middle of a message errors its stream with the cause`, async () => {
    const opened = open();
    const { connection, peer } = opened;
    connection.messages();
    await peer.send(part(TEXT, utf8("a")));
    const { reader, chunk } = await readerOfNext(connection);
    assertEquals(await chunk(), "a");
    const waiting = assertRejects(() => soon(reader.read(), "The error"), ConnectionError);
    lose(opened);
    const error = await waiting;
    assertStrictEquals((await closed(connection)).error, error);
    assertStrictEquals(await assertRejects(() => connection.messages().next()), error);
  });
}

Deno.test("messages() cannot be mixed with other ways to read, whichever comes first", async () => {
  for (const lane of LANES) {
    const { connection: first } = open();
    const reading = lane.read(first);
    await settle();
    assertThrows(() => first.messages(), TypeError, "Cannot read through messages");
    first.abort();
    await reading.ended;

    const { connection: second } = open();
    second.messages();
    try {
      assertInstanceOf(await lane.read(second).ended, TypeError);
    } catch (error) {
      assertInstanceOf(error, TypeError);
    }
    second.abort();
  }
});

Deno.test("only one read waits for the next message at a time", async () => {
  const { connection, peer } = open();
  const messages = connection.messages();
  const waiting = messages.next();
  await assertRejects(() => messages.next(), TypeError, "another read is waiting");
  await peer.send(text("a"));
  assertEquals((await waiting).done, false);
  connection.abort();
});
