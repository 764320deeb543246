import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { LimitError } from "../../lib/errors.ts";
import { Opcode } from "../../lib/pipeline/frames/frame.ts";
import { counting } from "../_support/bytes.ts";
import { utf8 } from "../_support/frames.ts";
import { binary, close, pong, text } from "../_support/raw_peer.ts";
import { soon } from "../_support/wait.ts";
import { KEY, setup } from "./_write_queue.ts";

Deno.test("bytes of another framing leave in their place, and as they are where they are many", async () => {
  const { queue, conn, peer } = setup({ maskKey: () => KEY });
  const large = counting(1000);
  queue.append(Opcode.TEXT, utf8("a"));
  queue.appendBytes(Uint8Array.of(0x00, 0x62, 0xff));
  queue.appendBytes(large);
  queue.appendBytes(Uint8Array.of(0xff, 0x00), { last: true });
  assertEquals(queue.queuedBytes, 7 + 3 + 1000 + 2);
  queue.flush();
  await peer.readBytes(7);
  assertEquals(await peer.readBytes(3), Uint8Array.of(0x00, 0x62, 0xff));
  assertEquals(await peer.readBytes(1000), large);
  assertEquals(await peer.readBytes(2), Uint8Array.of(0xff, 0x00));
  assertStrictEquals(conn.writes[1]?.buffer, large.buffer);
  assertEquals(queue.queuedBytes, 0);
});

Deno.test("bytes of another framing end at maxQueuedBytes too, but for the last", () => {
  const { queue, events } = setup();
  queue.appendBytes(new Uint8Array(10_000));
  queue.appendBytes(Uint8Array.of(0xff, 0x00), { last: true });
  assertEquals([queue.queuedBytes, events.length], [10_002, 0]);
  queue.appendBytes(new Uint8Array(1));
  assertInstanceOf(events[0], LimitError);
  queue.appendBytes(new Uint8Array(1), { last: true });
  queue.appendBytes(new Uint8Array(1));
  assertEquals([queue.queuedBytes, events.length], [0, 1]);
});

/** A server's frame as bytes. */
const encoded = (payload: string) => Uint8Array.of(0x81, payload.length, ...utf8(payload));

Deno.test("A7: shared frames are not copied for each queue: one is written as it is, several as bytes that all queues share", async () => {
  const [one, other] = [setup(), setup()];
  const [a, b, c] = ["a", "b", "c"].map(encoded);
  for (const { queue } of [one, other]) {
    queue.appendShared(a!);
    queue.flush();
  }
  for (const frame of [b!, c!]) for (const { queue } of [one, other]) queue.appendShared(frame);
  assertEquals([one.queue.queuedBytes, other.queue.queuedBytes], [9, 9]);
  for (const { peer } of [one, other]) await peer.expect(text("a"), text("b"), text("c"));
  assertEquals(one.conn.writes.map(({ length }) => length), [3, 6]);
  assertStrictEquals(one.conn.writes[0], a);
  assertStrictEquals(one.conn.writes[1], other.conn.writes[1]);
  assertEquals([one.queue.queuedBytes, other.queue.queuedBytes], [0, 0]);
});

Deno.test("shared frames keep their place among all others", async () => {
  const { queue, peer, conn } = setup();
  queue.appendText("1");
  queue.appendShared(encoded("2"));
  queue.flush();
  queue.appendShared(encoded("3"));
  queue.appendShared(encoded("4"));
  queue.append(Opcode.BINARY, counting(2000));
  queue.appendShared(encoded("5"));
  queue.appendBytes(encoded("6"));
  queue.appendShared(encoded("7"));
  queue.owePong(utf8("8"));
  queue.append(Opcode.CLOSE, close(1000).payload);
  await peer.expect(
    text("1"),
    text("2"),
    text("3"),
    text("4"),
    binary(counting(2000)),
    text("5"),
    text("6"),
    text("7"),
  );
  await peer.expect(pong("8"), close(1000));
  assertEquals(conn.writes[0]!.length, 6);
});

Deno.test("a run of shared frames is bounded, and so is the queue", async () => {
  const first = setup({ highWaterMark: 1e6, maxQueuedBytes: 100_000, capacity: 1e6 });
  const frame = encoded("x".repeat(125));
  for (let i = 0; i < 1_000; i++) first.queue.appendShared(frame);
  assertInstanceOf(first.events[0], LimitError);
  assertEquals([first.events.length, first.queue.queuedBytes], [1, 0]);

  const other = setup({ highWaterMark: 1e6, maxQueuedBytes: 1e6, capacity: 1e6 });
  for (let i = 0; i < 1_000; i++) other.queue.appendShared(frame);
  other.queue.flush();
  await soon(other.queue.flushed(), "The flush");
  const most = Math.floor(64 * 1024 / frame.length) * frame.length;
  assertEquals(other.conn.writes.map(({ length }) => length), [most, 127_000 - most]);
  for (const { conn } of [first, other]) conn.close();
});
