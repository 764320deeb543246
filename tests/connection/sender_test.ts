import { assertEquals, assertNotStrictEquals, assertStrictEquals, fail } from "@std/assert";
import { frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import type { Framing } from "../../lib/pipeline/frames/framing.ts";
import { Sender, type SenderOptions } from "../../lib/connection/sender.ts";
import { turn } from "../_support/wait.ts";

/** A sender of a server, and what each write was. */
function sender(highWaterMark = 1000, options: Partial<SenderOptions> = {}) {
  const writes: number[] = [];
  const under = new Sender({
    read: () => Promise.resolve(null),
    writeSome: (bytes) => {
      writes.push(bytes.length);
      return Promise.resolve(bytes.length);
    },
    closeWrite: () => Promise.resolve(),
    close: () => {},
  }, {
    highWaterMark,
    maxQueuedBytes: 1_000_000,
    maskKey: undefined,
    failed: () => {},
    broken: () => {},
    drained: () => {},
    chain: undefined,
    framing: undefined,
    ...options,
  });
  return { under, writes };
}

Deno.test("sends of one microtask leave in one write", async () => {
  const { under, writes } = sender();
  for (const text of ["a", "b", "c"]) under.send(text);
  assertEquals(writes, []);
  await Promise.resolve();
  assertEquals(writes, [9]);
});

Deno.test("while a batch is consumed in one call stack nothing is flushed but by the consumer", async () => {
  const { under, writes } = sender();
  under.consuming = "now";
  under.send("a");
  await turn();
  assertEquals(writes, []);
  under.queue.flush();
  assertEquals(writes, [3]);
});

Deno.test("while a batch is consumed over several turns, the end of the turn flushes", async () => {
  const { under, writes } = sender();
  under.consuming = "later";
  under.send("a");
  await Promise.resolve();
  under.send("b");
  assertEquals(writes, []);
  await turn();
  assertEquals(writes, [6]);
  under.end(new Error("over"));
});

Deno.test("what was sent in one call stack is flushed at the end of the turn when the batch lasts longer", async () => {
  const { under, writes } = sender();
  under.consuming = "now";
  under.send("a");
  under.consuming = "later";
  await turn();
  assertEquals(writes, [3]);
  under.end(new Error("over"));
});

Deno.test("what was sent in one call stack is flushed in the next microtask when nothing is left of the batch", async () => {
  const { under, writes } = sender();
  under.consuming = "now";
  under.send("a");
  under.consuming = "nothing";
  assertEquals(writes, []);
  under.send("b");
  await Promise.resolve();
  assertEquals(writes, [6]);
});

Deno.test("send makes no promise while less than the high-water mark is queued", async () => {
  const { under } = sender(10);
  const first = under.send("a");
  assertStrictEquals(under.send("b"), first);
  const full = under.send("cdefg");
  assertNotStrictEquals(full, first);
  await full;
});

Deno.test("a frame is appended with its bits, and nothing is left after the end", async () => {
  const { under, writes } = sender();
  under.append(frame(Opcode.PONG, Uint8Array.of(1, 2)));
  under.flushLater();
  under.end(new Error("over"));
  await turn();
  assertEquals(writes, []);
});

Deno.test("A7: a server's plain messages are encoded alike on every connection; a client masks each, and a draft frames its own", () => {
  const [one, other] = [sender().under, sender().under];
  assertStrictEquals(one.encoding, "");
  assertEquals(one.encode("héllo"), other.encode("héllo"));
  assertEquals([...one.encode(Uint8Array.of(1, 2))], [0x82, 2, 1, 2]);
  const large = one.encode(new Uint8Array(100_000));
  assertEquals([large.length, ...large.subarray(0, 10)], [100_010, 0x82, 127, 0, 0, 0, 0, 0, 1, 0x86, 0xa0]);
  assertStrictEquals(sender(1000, { maskKey: () => 0 }).under.encoding, undefined);
  const framing: Framing = { hasCloseFrame: true, createParser: () => fail(), serialize: () => fail() };
  assertStrictEquals(sender(1000, { framing }).under.encoding, undefined);
});
