import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { ConnectionError, ProtocolError, WebSocketError } from "../../lib/errors.ts";
import { createHandlerStream, type HandlerStream } from "../../lib/handlers/handler_stream.ts";
import { counting } from "../_support/bytes.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { utf8 } from "../_support/frames.ts";
import { binary, close, pong, text } from "../_support/raw_peer.ts";
import { settle, soon } from "../_support/wait.ts";
import { open as openConnection, type Opened, type OpenOptions } from "../connection/_support.ts";

/** A connection in memory with a raw client, as a handler has it. */
function open(options?: OpenOptions): Opened & { stream: HandlerStream } {
  const opened = openConnection(options);
  return { ...opened, stream: createHandlerStream(opened.connection) };
}

Deno.test("receiveMessage returns text as strings and binary data as bytes, also empty ones, and null when the client closes", async () => {
  const { stream, peer } = open();
  await peer.send(text("héllo"), binary(counting(3)), text(""), close(1000));
  assertEquals(await stream.receiveMessage(), "héllo");
  assertEquals(await stream.receiveMessage(), counting(3));
  assertEquals(await stream.receiveMessage(), "");
  const last = stream.receiveMessage();
  await peer.expect(close(1000));
  await peer.closeWrite();
  assertEquals(await soon(last, "The end"), null);
  assertEquals(await stream.receiveMessage(), null);
});

Deno.test("receiveMessage throws the client's violation, or that the connection was lost", async () => {
  const wrong = open();
  await wrong.peer.send("c1 80 00 00 00 00"); // a reserved bit without an owner
  await wrong.peer.closeWrite();
  await assertRejects(() => soon(wrong.stream.receiveMessage(), "The error"), ProtocolError);

  const lost = open();
  lost.far.reset();
  await assertRejects(() => soon(lost.stream.receiveMessage(), "The error"), ConnectionError);
});

Deno.test("the stream is iterable, again after a loop was left, and ends when the client closes", async () => {
  const { stream, peer } = open();
  await peer.send(text("a"), text("b"), text("c"), close());
  const seen: unknown[] = [];
  for await (const message of stream) {
    seen.push(message);
    break;
  }
  seen.push(await stream.receiveMessage());
  const rest = (async () => {
    for await (const message of stream) seen.push(message);
  })();
  await peer.expect(close());
  await peer.closeWrite();
  await soon(rest, "The end");
  assertEquals(seen, ["a", "b", "c"]);
});

Deno.test("sendMessage sends a string as text and bytes as binary data, unless the binary argument overrides it", async () => {
  const { stream, peer, connection } = open();
  await stream.sendMessage("héllo");
  await stream.sendMessage(counting(3));
  await stream.sendMessage(counting(3).buffer);
  await stream.sendMessage("héllo", { binary: true });
  await stream.sendMessage(utf8("\ufeffhéllo"), { binary: false });
  await stream.sendMessage("", { binary: false });
  await peer.expect(
    text("héllo"),
    binary(counting(3)),
    binary(counting(3)),
    binary(utf8("héllo")),
    text("\ufeffhéllo"),
    text(""),
  );
  assertThrows(() => stream.sendMessage(Uint8Array.of(0xff), { binary: false }), TypeError);
  connection.abort();
});

Deno.test("sendMessage keeps the parts of a message until its end, and then sends it whole", async () => {
  const { stream, peer, connection } = open();
  const reused = counting(2);
  await stream.sendMessage(reused, { end: false });
  reused.fill(9);
  await stream.sendMessage("\x02\x03", { end: false });
  await stream.sendMessage(counting(2, 4));
  await peer.expect(binary(counting(6)));

  const [high, low] = "😀".split("");
  await stream.sendMessage(high!, { end: false });
  await stream.sendMessage(low!, { end: true });
  await peer.expect(text("😀"));

  const euro = utf8("€");
  await stream.sendMessage(euro.slice(0, 1), { binary: false, end: false });
  await stream.sendMessage(euro.slice(1));
  await stream.sendMessage("next");
  await peer.expect(text("€"), text("next"));
  connection.abort();
});

Deno.test("a part of the other type than the first throws, and the message can still be ended", async () => {
  const { stream, peer, connection } = open();
  await stream.sendMessage("a", { end: false });
  assertThrows(
    () => stream.sendMessage("b", { binary: true }),
    TypeError,
    "Cannot continue a text message: binary is true",
  );
  await stream.sendMessage("c");
  await peer.expect(text("ac"));
  connection.abort();
});

Deno.test("T5: sendMessage waits while the client does not read", async () => {
  const { stream, peer, connection } = open({ highWaterMark: 100, capacity: 50 });
  let sent = false;
  const sending = stream.sendMessage(counting(200)).then(() => sent = true);
  await settle();
  assertEquals(sent, false);
  await peer.expect(binary(counting(200)));
  await soon(sending, "Room");
  connection.abort();
});

Deno.test("sendPing returns the round trip in milliseconds", async () => {
  const { stream, peer, connection } = open();
  const ping = stream.sendPing("are you there");
  assertEquals((await peer.readFrame()).opcode, 9);
  await peer.send(pong("are you there"));
  assertEquals(await soon(ping, "The pong") >= 0, true);
  assertThrows(() => stream.sendPing(counting(126)), RangeError);
  connection.abort();
});

Deno.test("closeConnection sends the code and the reason, and waits for the acknowledgement", async () => {
  const { stream, peer } = open();
  let done = false;
  const closing = stream.closeConnection(4001, "enough").then(() => done = true);
  await peer.expect(close(4001, "enough"));
  await peer.send(text("too late, discarded"));
  await settle();
  assertEquals(done, false);
  await peer.send(close(4001));
  await peer.closeWrite();
  await soon(closing, "The acknowledgement");
  assertEquals(await stream.receiveMessage(), null);
});

for (const [code, frame] of [[undefined, close(1000)], [null, close()]] as const) {
  Deno.test(`closeConnection(${code}) sends ${code === null ? "a close frame without a code" : "1000"}`, async () => {
    const { stream, peer } = open();
    const closing = stream.closeConnection(code);
    await peer.expect(frame);
    await peer.send(frame);
    await peer.closeWrite();
    await soon(closing, "The acknowledgement");
  });
}

Deno.test("closeConnection throws for an invalid acknowledgement", async () => {
  const { stream, peer } = open();
  const closing = stream.closeConnection();
  await peer.expect(close(1000));
  await peer.send(close(1005));
  await peer.closeWrite();
  await assertRejects(() => soon(closing, "The error"), ProtocolError);
});

Deno.test("closeConnection throws if the client ends the transport, or does not answer within closeTimeout", async () => {
  const gone = open();
  const closing = gone.stream.closeConnection();
  await gone.peer.expect(close(1000));
  await gone.peer.closeWrite();
  await assertRejects(() => soon(closing, "The error"), ConnectionError, "without a close frame");

  using time = new FakeTime();
  const silent = open({ closeTimeout: 3_000 });
  const waiting = silent.stream.closeConnection();
  await time.advance(3_000);
  await assertRejects(() => soon(waiting, "The error"), ConnectionError, "more than 3000 ms");
});

Deno.test("F20: closeConnection throws for an invalid code or reason, and the connection stays open", async () => {
  const { stream, peer, connection } = open();
  assertThrows(() => stream.closeConnection(1005), RangeError);
  assertThrows(() => stream.closeConnection(1000, "x".repeat(124)), RangeError);
  assertThrows(() => stream.closeConnection(null, "a reason needs a code"), RangeError);
  await stream.sendMessage("still here");
  await peer.expect(text("still here"));
  connection.abort();
});

Deno.test("F19: sends after the end reject with InvalidStateError, without unhandled rejections; wrong arguments still throw", async () => {
  const { stream, connection } = open();
  connection.abort();
  for (const call of [() => stream.sendMessage("x"), () => stream.sendPing()]) {
    assertEquals((await assertRejects(call, DOMException)).name, "InvalidStateError");
  }
  assertInstanceOf(await stream.closeConnection().catch((error) => error), WebSocketError);
  void stream.sendMessage("x");
  void stream.sendPing();
  void stream.closeConnection();
  await settle();
  assertThrows(() => Reflect.apply(stream.sendMessage, undefined, [42]), TypeError);
  assertThrows(() => stream.sendPing("x".repeat(126)), RangeError);
  assertThrows(() => stream.closeConnection(1005), RangeError);
});
