import { assertEquals } from "@std/assert";
import { BrokerQueue, type Outgoing } from "../../lib/hub/broker_queue.ts";

const message = (name: string | number, size = 10): Outgoing => ({ name: `${name}`, bytes: new Uint8Array(size) });
const names = (messages: readonly Outgoing[]) => messages.map(({ name }) => name).join("");

Deno.test("an outbox returns messages in order, as many as fit, and at least one", () => {
  const outbox = new BrokerQueue({ maxQueuedMessages: 100, maxQueuedBytes: 1_000 });
  for (const name of "abcde") assertEquals(outbox.push(message(name)), 0);
  assertEquals([outbox.length, outbox.byteLength], [5, 50]);
  assertEquals(names(outbox.take(25)), "ab");
  assertEquals(names(outbox.take(1)), "c");
  assertEquals(names(outbox.take(1_000)), "de");
  assertEquals(names(outbox.take(1_000)), "");
  assertEquals([outbox.length, outbox.byteLength], [0, 0]);
});

Deno.test("A9: a full outbox drops the oldest, by count and by bytes, and counts them", () => {
  const few = new BrokerQueue({ maxQueuedMessages: 3, maxQueuedBytes: 1_000 });
  assertEquals([..."abcde"].map((name) => few.push(message(name))), [0, 0, 0, 1, 1]);
  assertEquals(names(few.take(1_000)), "cde");

  const small = new BrokerQueue({ maxQueuedMessages: 100, maxQueuedBytes: 30 });
  assertEquals([..."abcd"].map((name) => small.push(message(name))), [0, 0, 0, 1]);
  assertEquals(small.push(message("e", 25)), 3);
  assertEquals(names(small.take(1_000)), "e");
});

Deno.test("a message that is larger than the whole outbox is dropped itself, and no others with it", () => {
  const outbox = new BrokerQueue({ maxQueuedMessages: 100, maxQueuedBytes: 30 });
  outbox.push(message("a"));
  assertEquals(outbox.push(message("b", 31)), 1);
  assertEquals(names(outbox.take(1_000)), "a");
});

Deno.test("clearing an outbox returns how many messages were in it", () => {
  const outbox = new BrokerQueue({ maxQueuedMessages: 2, maxQueuedBytes: 1_000 });
  for (const name of "abc") outbox.push(message(name));
  assertEquals([outbox.clear(), outbox.clear(), outbox.length, outbox.byteLength], [2, 0, 0, 0]);
});

Deno.test("a long queue with additions and removals stays in order", () => {
  const outbox = new BrokerQueue({ maxQueuedMessages: 1_000, maxQueuedBytes: Infinity });
  let next = 0;
  let expected = 0;
  for (let round = 0; round < 200; round++) {
    for (let i = 0; i < 7; i++) outbox.push(message(next++));
    for (const { name } of outbox.take(10 * (round % 11))) assertEquals(name, `${expected++}`);
  }
  assertEquals(outbox.length, next - expected);
});
