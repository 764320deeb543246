import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { ConnectionError } from "../../lib/errors.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { Connection } from "../../lib/connection/connection.ts";
import { runHandler } from "../../lib/connection/readers/callbacks.ts";
import type { ByteConnection } from "../../lib/transport/transport.ts";
import { concat, counting } from "../_support/bytes.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { Drip, frame } from "./_drip.ts";
import { connectionOver } from "./_support.ts";

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

Deno.test("what came behind the handshake is read before the transport is", async () => {
  const conn = scripted([TWO]);
  const connection = connectionOver(conn, { rest: Uint8Array.from(ONE) });
  const messages = messagesOf(connection);
  await soon(connection.closed, "The end");
  assertEquals(messages, [Uint8Array.of(1), Uint8Array.of(2)]);
});

Deno.test("a read that brings nothing is no end", async () => {
  const connection = connectionOver(scripted([new Uint8Array(0), ONE, new Uint8Array(0), TWO]));
  const messages = messagesOf(connection);
  await soon(connection.closed, "The end");
  assertEquals(messages.length, 2);
});

Deno.test("an end without a close frame, in a message or between two, and a read that fails are the transport's fault", async () => {
  const reset = new Error("Connection reset by peer");
  for (const reads of [[], [ONE], [ONE.subarray(0, 3)], [reset], [ONE, reset]]) {
    const connection = connectionOver(scripted(reads));
    messagesOf(connection);
    const { closeCode, wasClean, error } = await soon(connection.closed, "The end");
    assertEquals([closeCode, wasClean], [1006, false]);
    assertInstanceOf(error, ConnectionError);
    if (reads.includes(reset)) assertStrictEquals(error.cause, reset);
  }
});

Deno.test("nothing is read while the application is behind, and reading goes on when it is not", async () => {
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
  await soon(connection.closed, "The end");
});

Deno.test("what was handed on is not read over, and what nobody keeps is", async () => {
  for (const lendPayloads of [false, true]) {
    const drip = new Drip();
    const connection = connectionOver(drip, { lendPayloads });
    const messages = messagesOf(connection);
    await drip.bring(concat([ONE, ONE]));
    await drip.bring(concat([TWO, TWO]));
    assertEquals(messages.map((message) => message[0]), lendPayloads ? [2, 2, 2, 2] : [1, 1, 2, 2]);
    connection.abort();
    await soon(connection.closed, "The end");
  }
});
