import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { ConnectionError } from "../../lib/errors.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { Connection } from "../../lib/connection/connection.ts";
import { runHandler } from "../../lib/connection/readers/callbacks.ts";
import type { ByteConnection } from "../../lib/transport/transport.ts";
import { concat, counting } from "../_support/bytes.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { binary } from "../_support/raw_peer.ts";
import { settle, until } from "../_support/wait.ts";
import { Drip, frame } from "./_drip.ts";
import { closed, connectionOver, inEveryLane, open } from "./_support.ts";

/** A connection whose reads bring these, one after the other, and then its end. */
function scripted(reads: readonly (Uint8Array | Error)[]): ByteConnection & { readonly asked: number } {
  let at = 0;
  return {
    get asked() {
      return at;
    },
    read(buffer) {
      const next = reads[at++];
      if (next instanceof Error) return Promise.reject(next);
      if (next === undefined) return Promise.resolve(null);
      buffer.set(next);
      return Promise.resolve(next.length);
    },
    write: (bytes) => Promise.resolve(bytes.length),
    close() {},
  };
}

/** The messages of a connection, as they come. */
function messagesOf(connection: Connection, message: (data: Message) => void | Promise<void> = () => {}): Message[] {
  const messages: Message[] = [];
  void runHandler(connection, {
    message(_, data) {
      messages.push(data);
      return message(data);
    },
  }, () => {});
  return messages;
}

const ONE = frame("server", Uint8Array.of(1));
const TWO = frame("server", Uint8Array.of(2));

Deno.test("bytes behind the handshake are read before the transport", async () => {
  const { connection, peer } = open({ rest: Uint8Array.from(ONE) });
  await peer.send(binary(Uint8Array.of(2)));
  const messages = messagesOf(connection);
  await peer.closeWrite();
  await closed(connection);
  assertEquals(messages, [Uint8Array.of(1), Uint8Array.of(2)]);
});

Deno.test("a read of zero bytes is not an end", async () => {
  const connection = connectionOver(scripted([new Uint8Array(0), ONE, new Uint8Array(0), TWO]));
  const messages = messagesOf(connection);
  await closed(connection);
  assertEquals(messages.length, 2);
});

inEveryLane(
  "an end without a close frame, in a message or between two, and a failed read are errors of the transport",
  async (lane) => {
    const message = [...ONE];
    for (
      const [sent, how] of [[[], "end"], [message, "end"], [message.slice(0, 3), "end"], [[], "reset"], [
        message,
        "reset",
      ]] as const
    ) {
      const { connection, peer, far } = open();
      const reading = lane.read(connection);
      if (sent.length > 0) await peer.send(Uint8Array.from(sent));
      if (how === "reset") {
        await settle();
        far.reset();
      } else await peer.closeWrite();
      const { closeCode, wasClean, error } = await closed(connection);
      assertEquals([closeCode, wasClean], [1006, false]);
      assertInstanceOf(error, ConnectionError);
      if (how === "reset") assertInstanceOf(error.cause, Deno.errors.ConnectionReset);
      assertStrictEquals(await reading.ended, error);
      assertEquals(reading.messages.length, sent.length === message.length ? 1 : 0);
    }
  },
);

Deno.test("if a read fails, its error is the cause of the connection's end", async () => {
  const reset = new Error("Connection reset by peer");
  for (const reads of [[reset], [ONE, reset]]) {
    const connection = connectionOver(scripted(reads));
    messagesOf(connection);
    const { closeCode, wasClean, error } = await closed(connection);
    assertEquals([closeCode, wasClean], [1006, false]);
    assertInstanceOf(error, ConnectionError);
    assertStrictEquals(error.cause, reset);
  }
});

Deno.test("nothing is read while the application is behind, and reading resumes later", async () => {
  const read = frame("server", counting(440));
  const conn = scripted(Array.from({ length: 20 }, () => read));
  const gate = Promise.withResolvers<void>();
  const connection = connectionOver(conn, { highWaterMark: 1000 });
  const messages = messagesOf(connection, () => gate.promise);
  await until(() => conn.asked >= 3, "Reads up to the mark");
  await settle();
  assert(conn.asked <= 4, `${conn.asked} reads`);
  gate.resolve();
  await until(() => messages.length === 20, "All that was sent");
  await closed(connection);
});

Deno.test("delivered bytes are not overwritten, and memory that the application does not keep is", async () => {
  for (const lendPayloads of [false, true]) {
    const drip = new Drip();
    const connection = connectionOver(drip, { lendPayloads });
    const messages = messagesOf(connection);
    await drip.bring(concat([ONE, ONE]));
    await drip.bring(concat([TWO, TWO]));
    assertEquals(messages.map((message) => message[0]), lendPayloads ? [2, 2, 2, 2] : [1, 1, 2, 2]);
    connection.abort();
    await closed(connection);
  }
});

Deno.test("a transport of streams is read like one of bytes: an empty chunk is not an end, and chunks are not overwritten", async () => {
  const transport = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      for (const chunk of [new Uint8Array(0), concat([ONE, ONE]), new Uint8Array(0), TWO, TWO.subarray(0, 3)]) {
        controller.enqueue(Uint8Array.from(chunk));
      }
      controller.close();
    },
  });
  const connection = connectionOver({ readable: transport, writable: new WritableStream<Uint8Array>() });
  const messages = messagesOf(connection);
  const { closeCode, error } = await closed(connection);
  assertEquals([closeCode, error instanceof ConnectionError], [1006, true]);
  assertEquals(messages, [Uint8Array.of(1), Uint8Array.of(1), Uint8Array.of(2)]);
});

Deno.test("while the application is behind, a stream is not read either", async () => {
  let pulled = 0;
  const read = frame("server", counting(440));
  const transport = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (++pulled > 20) controller.close();
      else controller.enqueue(Uint8Array.from(read));
    },
  }, { highWaterMark: 0 });
  const gate = Promise.withResolvers<void>();
  const streams = { readable: transport, writable: new WritableStream<Uint8Array>() };
  const connection = connectionOver(streams, { highWaterMark: 1000 });
  const messages = messagesOf(connection, () => gate.promise);
  await until(() => pulled >= 3, "Reads up to the mark");
  await settle();
  assert(pulled <= 4, `${pulled} reads`);
  gate.resolve();
  await until(() => messages.length === 20, "All that was sent");
  await closed(connection);
});

Deno.test("a read of zero bytes is not a sign of life", async () => {
  using time = new FakeTime();
  const reads: PromiseWithResolvers<number>[] = [];
  const conn: ByteConnection = {
    read() {
      const next = Promise.withResolvers<number>();
      reads.push(next);
      return next.promise;
    },
    write: (bytes) => Promise.resolve(bytes.length),
    close() {},
  };
  const connection = connectionOver(conn, { pingInterval: 20_000, pongTimeout: 10_000 });
  await time.advance(25_000);
  reads[0]!.resolve(0);
  await time.advance(5_000);
  assertEquals([reads.length, connection.readyState], [2, 3]);
  const { error } = await connection.closed;
  assertEquals(String(error), "ConnectionError: The peer was silent for 10000 ms after a ping");
});
