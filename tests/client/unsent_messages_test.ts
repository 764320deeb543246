import { Buffer } from "node:buffer";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UnsentMessages } from "../../lib/client/unsent_messages.ts";
import { LimitError } from "../../lib/errors.ts";
import type { MessageData } from "../../lib/pipeline/messages/message.ts";

/** A connection that takes everything, and notes it. */
function taker() {
  const taken: [data: MessageData, options: unknown][] = [];
  return {
    taken,
    send(data: MessageData, options?: unknown) {
      taken.push([data, options]);
      return Promise.resolve();
    },
  };
}

Deno.test("an outbox hands over its messages in order, once, with their options", async () => {
  const outbox = new UnsentMessages({ maxOutboxBytes: 100, maxOutboxMessages: 10 });
  const bytes = Uint8Array.of(1, 2, 3);
  const added = [outbox.add("é"), outbox.add(bytes, { compress: false }), outbox.add("")];
  assertEquals([outbox.messages, outbox.bytes], [3, 5]);
  const socket = taker();
  while (outbox.handOne(socket) !== undefined);
  await Promise.all(added);
  assertEquals(socket.taken, [["é", undefined], [bytes, { compress: false }], ["", undefined]]);
  assertEquals([outbox.messages, outbox.bytes], [0, 0]);
});

Deno.test("a message that does not fit is refused with the limit and the numbers; waiting ones stay, and smaller ones still fit", async () => {
  const outbox = new UnsentMessages({ maxOutboxBytes: 4, maxOutboxMessages: 2 });
  const first = outbox.add("abc");
  const tooBig = await assertRejects(() => outbox.add("éx"), LimitError);
  assertEquals([tooBig.limit, tooBig.max, tooBig.actual], ["maxOutboxBytes", 4, 6]);
  const second = outbox.add("d");
  const tooMany = await assertRejects(() => outbox.add(""), LimitError);
  assertEquals(tooMany.message, "UnsentMessages has no room: 3 messages are over maxOutboxMessages 2");
  const socket = taker();
  while (outbox.handOne(socket) !== undefined);
  await Promise.all([first, second]);
  assertEquals(socket.taken.map(([data]) => data), ["abc", "d"]);
  await Promise.all([outbox.add("room"), outbox.handOne(socket)]);
});

Deno.test("a message's promise settles as the connection's own promise does", async () => {
  const outbox = new UnsentMessages({ maxOutboxBytes: 100, maxOutboxMessages: 10 });
  const lost = new Error("lost");
  const sent = outbox.add("a");
  assertEquals(await outbox.handOne({ send: () => Promise.reject(lost) }), undefined);
  assertEquals(await assertRejects(() => sent), lost);
});

Deno.test("the end of an outbox rejects all waiting sends, without unhandled rejections", async () => {
  const outbox = new UnsentMessages({ maxOutboxBytes: 100, maxOutboxMessages: 10 });
  const [first] = [outbox.add("a"), outbox.add("nobody waits for this one")];
  outbox.end(new Error("closed"));
  await assertRejects(() => first, Error, "closed");
  assertEquals([outbox.messages, outbox.bytes, outbox.handOne(taker())], [0, 0, undefined]);
});

Deno.test("binary data is copied at the call: its memory may be changed or transferred while it waits", async () => {
  const outbox = new UnsentMessages({ maxOutboxBytes: 100, maxOutboxMessages: 10 });
  const changed = Uint8Array.of(1, 2, 3);
  const pooled = Buffer.from([4, 5, 6]); // whose own `slice` does not copy
  const transferred = Uint8Array.of(0, 7, 8, 9);
  const added = [changed, pooled, transferred.subarray(1)].map((data) => outbox.add(data));
  changed.fill(0);
  pooled.fill(0);
  structuredClone(transferred.buffer, { transfer: [transferred.buffer] });
  assertEquals(outbox.bytes, 9);
  const socket = taker();
  while (outbox.handOne(socket) !== undefined);
  await Promise.all(added);
  assertEquals(socket.taken.map(([data]) => data), [
    Uint8Array.of(1, 2, 3),
    Uint8Array.of(4, 5, 6),
    Uint8Array.of(7, 8, 9),
  ]);
});

Deno.test("a view whose buffer is detached at the call throws, and waits for nothing", () => {
  const outbox = new UnsentMessages({ maxOutboxBytes: 100, maxOutboxMessages: 10 });
  const view = Uint8Array.of(1);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  for (const data of [view, view.buffer]) assertThrows(() => outbox.add(data), TypeError);
  assertEquals([outbox.messages, outbox.bytes], [0, 0]);
});

Deno.test("a connection that throws for one message rejects that message's promise, and gets the next one", async () => {
  const outbox = new UnsentMessages({ maxOutboxBytes: 100, maxOutboxMessages: 10 });
  const refused = outbox.add("refused");
  const mistake = new TypeError("no");
  const busy = outbox.handOne({
    send() {
      throw mistake;
    },
  });
  assertEquals(await busy, undefined);
  assertEquals(await assertRejects(() => refused), mistake);
  const next = outbox.add("next");
  await outbox.handOne(taker());
  await next;
});

Deno.test("an invalid message throws", () => {
  const outbox = new UnsentMessages({ maxOutboxBytes: 100, maxOutboxMessages: 10 });
  assertThrows(() => Reflect.apply(outbox.add, outbox, [42]), TypeError);
  assertEquals(outbox.messages, 0);
});
