import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { OutgoingMessages } from "../../lib/client/outgoing_messages.ts";
import { open as openConnection } from "../connection/_support.ts";
import { counting } from "../_support/bytes.ts";
import { utf8 } from "../_support/frames.ts";
import { binary, text } from "../_support/raw_peer.ts";
import { settle } from "../_support/wait.ts";

/** Messages on their way through a connection in memory. */
function open(capacity?: number) {
  const { connection, ...ends } = openConnection({ role: "client", ...(capacity === undefined ? {} : { capacity }) });
  const outgoing = new OutgoingMessages();
  outgoing.open(connection);
  return { outgoing, connection, ...ends };
}

Deno.test("before the connection opens, or if it never opens, messages are counted and not sent", () => {
  const outgoing = new OutgoingMessages();
  outgoing.send("é");
  outgoing.send(counting(3));
  outgoing.send(new Blob(["1234"]));
  assertEquals(outgoing.bufferedAmount, 9);
  outgoing.close(() => {
    throw new Error("There is nothing to close");
  });
  outgoing.end({ wasClean: false });
  assertEquals(outgoing.bufferedAmount, 9);
});

Deno.test("messages leave in order; data behind a blob is sent as it was when send was called", async () => {
  const { outgoing, connection, peer } = open();
  const bytes = counting(3);
  outgoing.send("first");
  outgoing.send(new Blob(["second"]));
  outgoing.send(bytes);
  bytes.fill(255);
  assertEquals(outgoing.bufferedAmount, 14);
  await peer.expect(text("first"), binary(utf8("second")), binary(counting(3)));
  outgoing.send("last"); // nothing is being read any more: it need not wait
  await peer.expect(text("last"));
  await settle();
  assertEquals(outgoing.bufferedAmount, 0);
  connection.abort();
});

Deno.test("close calls back once, after everything is queued on the connection", async () => {
  const { outgoing, connection, peer } = open();
  const log: unknown[] = [];
  outgoing.send(new Blob(["blob"]));
  outgoing.close((closing) => {
    assertStrictEquals(closing, connection);
    log.push(connection.bufferedAmount > 0);
  });
  outgoing.send("late");
  assertEquals([log, outgoing.bufferedAmount], [[], 8]);
  await peer.expect(binary(utf8("blob")));
  assertEquals([log, outgoing.bufferedAmount], [[true], 4]);
  connection.abort();
});

Deno.test("close calls back at once if there is no blob to read", () => {
  const { outgoing, connection } = open();
  outgoing.send("text");
  let called = false;
  outgoing.close(() => called = true);
  assertEquals(called, true);
  connection.abort();
});

Deno.test("the messages of a lost connection stay counted, and those of a clean one have been sent", async () => {
  for (const [wasClean, left] of [[false, 1_000], [true, 0]] as const) {
    const { outgoing, connection } = open(10);
    outgoing.send(counting(1_000));
    await settle();
    connection.abort();
    assertEquals(outgoing.bufferedAmount, 1_000);
    outgoing.end({ wasClean });
    assertEquals(outgoing.bufferedAmount, left);
    outgoing.send("four");
    assertEquals(outgoing.bufferedAmount, left + 4);
  }
});

Deno.test("shared memory and what cannot become a string throw, and do not count", () => {
  const { outgoing, connection } = open();
  const send = (data: unknown) => Reflect.apply(outgoing.send, outgoing, [data]);
  assertThrows(() => send(new Uint8Array(new SharedArrayBuffer(2))), TypeError);
  assertThrows(() => send(Object.create(null)), TypeError);
  assertEquals(outgoing.bufferedAmount, 0);
  connection.abort();
});
