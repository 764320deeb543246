import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ConnectionError } from "../../lib/errors.ts";
import { Opcode } from "../../lib/pipeline/frames/frame.ts";
import type { MessageData } from "../../lib/pipeline/messages/message.ts";
import { counting } from "../_support/bytes.ts";
import { utf8 } from "../_support/frames.ts";
import { close, text } from "../_support/raw_peer.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { chunks, Faucet, part } from "./_streamed.ts";
import { closed, open } from "./_support.ts";

const { TEXT } = Opcode;
const KiB = 1024;

Deno.test("§7.1.7: a source that fails in the middle fails the connection with 1011, and send rejects with its error", async () => {
  const { connection, peer } = open();
  const faucet = new Faucet<string>();
  const sent = connection.send(faucet);
  const behind = connection.send("behind");
  await faucet.give("a");
  await peer.expect(part(TEXT, utf8("a")));
  const cause = new Error("The disk is gone");
  faucet.fail(cause);
  assertStrictEquals(await assertRejects(() => sent), cause);
  await peer.expect(close(1011));
  peer.close();
  const { error, wasClean } = await closed(connection);
  assertInstanceOf(error, ConnectionError);
  assertStrictEquals(error.cause, cause);
  assertEquals(wasClean, false);
  assertStrictEquals(await assertRejects(() => behind), error);
});

Deno.test("a source that fails before anything was sent only rejects the send, and the connection goes on", async () => {
  const { connection, peer } = open();
  const cause = new Error("No such file");
  const failing = new ReadableStream<string>({ start: (controller) => controller.error(cause) });
  const sent = connection.send(failing);
  const behind = connection.send("behind");
  assertStrictEquals(await assertRejects(() => sent), cause);
  await peer.expect(text("behind"));
  await behind;
  connection.abort();
});

Deno.test("mixing text and binary chunks is a TypeError: 1011 if the message has begun, no effect otherwise", async () => {
  const { connection, peer } = open();
  const faucet = new Faucet<MessageData>();
  const sent: Promise<void> = Reflect.apply(connection.send, connection, [faucet]);
  const rejected = assertRejects(() => sent, TypeError, "Cannot continue a text message with a binary chunk");
  await faucet.give("a");
  await peer.expect(part(TEXT, utf8("a")));
  faucet.last(counting(1));
  await rejected;
  assertEquals(faucet.returned, true);
  await peer.expect(close(1011));
  peer.close();
  await closed(connection);

  const { connection: other, peer: otherPeer } = open();
  await assertRejects(() => other.send(chunks("a"), { type: "binary" }), TypeError, "Cannot continue a binary message");
  const wrong = Reflect.apply(other.send, other, [chunks(undefined)]);
  await assertRejects(() => wrong, TypeError, "Cannot send undefined");
  await other.send("fine");
  await otherPeer.expect(text("fine"));
  other.abort();
});

Deno.test("close is sent between the fragments: the message stays unfinished, the source is cancelled, and sends reject", async () => {
  const { connection, peer } = open();
  const faucet = new Faucet<string>();
  const waiting = new Faucet<string>();
  const sends = [connection.send(faucet), connection.send("behind"), connection.send(waiting)];
  await faucet.give("a");
  await peer.expect(part(TEXT, utf8("a")));
  const closing = connection.close(1000);
  await peer.expect(close(1000));
  for (const sent of sends) await assertRejects(() => sent, DOMException, "the connection is closing");
  assertEquals([faucet.returned, waiting.returned], [true, true]);
  const late = new Faucet<string>();
  await assertRejects(() => connection.send(late), DOMException, "the connection is closing");
  assertEquals(late.returned, true);
  faucet.end(); // too late
  await peer.send(close(1000));
  peer.close();
  assertEquals((await soon(closing, "The end")).wasClean, true);
});

Deno.test("a close frame of the peer in the middle has the same effect", async () => {
  const { connection, peer } = open();
  const faucet = new Faucet<string>();
  const sent = connection.send(faucet);
  await faucet.give("a");
  await peer.expect(part(TEXT, utf8("a")));
  await peer.send(close(1000));
  await assertRejects(() => soon(sent, "The rejection"), DOMException, "the connection is closing");
  await peer.expect(close(1000));
  peer.close();
  assertEquals((await closed(connection)).wasClean, true);
});

Deno.test("T1: if the connection is lost, the source is cancelled with the reason, and send rejects with the cause even while it waits for a chunk", async () => {
  const { connection, far } = open();
  const reasons: unknown[] = [];
  const stalled = new ReadableStream<string>({
    start: (controller) => controller.enqueue("a"),
    cancel: (reason) => void reasons.push(reason),
  });
  const sent = connection.send(stalled);
  await settle();
  far.reset();
  const { error } = await closed(connection);
  assertStrictEquals(await assertRejects(() => soon(sent, "The rejection")), error);
  assertEquals(reasons, [error]);
});

Deno.test("T1: a generator that waits for the queue ends with the connection", async () => {
  const { connection, far } = open({ capacity: 100 });
  let ended = false;
  const endless = async function* () {
    try {
      for (;;) yield counting(50 * KiB);
    } finally {
      ended = true;
    }
  };
  const sent = connection.send(endless());
  await settle();
  far.reset();
  await assertRejects(() => soon(sent, "The rejection"), ConnectionError);
  await until(() => ended, "The end of the generator");
});

Deno.test("a promise that is ignored is no unhandled rejection", async () => {
  const { connection } = open();
  void connection.send(new Faucet<string>());
  void connection.send("behind");
  connection.abort();
  await settle();
});

Deno.test("a stream that already has a reader is a TypeError at the call", () => {
  const { connection } = open();
  const stream = new ReadableStream<string>();
  stream.getReader();
  assertThrows(() => void connection.send(stream), TypeError);
  connection.abort();
});
