import { assertEquals } from "@std/assert";
import { createHub } from "../../lib/hub/hub.ts";
import { Subscription } from "../../lib/recovery/session.ts";
import { connectedPair } from "../../lib/testing/connected_pair.ts";

Deno.test("a subscription sends its start, sends messages in the envelope, and joins those at the head", async () => {
  await using head = createHub();
  await using pair = await connectedPair();
  const gaps: number[] = [];
  const subscription = new Subscription(pair.server, "news", head, {
    recovered: (messages) => void gaps.push(messages),
  });
  subscription.begin({ epoch: "e", offset: 1 }, true);
  assertEquals(subscription.give({ offset: 2, previous: 1, data: "a" }), undefined);
  subscription.join();
  head.publish("news", "live");
  const messages = pair.client[Symbol.asyncIterator]();
  const lines = [await messages.next(), await messages.next(), await messages.next()].map(({ value }) => value);
  assertEquals(lines, [
    '{"type":"subscribed","topic":"news","epoch":"e","offset":1,"recovered":true}',
    '{"type":"message","topic":"news","offset":2,"data":"a"}',
    "live",
  ]);
  assertEquals([gaps, subscription.active], [[1], true]);
  subscription.end();
  assertEquals([subscription.active, head.count("news")], [false, 0]);
});

Deno.test("a full queue makes a subscription's next message wait, and the end of its connection ends the wait", async () => {
  await using head = createHub();
  await using pair = await connectedPair({ capacity: 100 });
  const subscription = new Subscription(pair.server, "news", head, {});
  const waiting = subscription.give({ offset: 1, previous: 0, data: "x".repeat(100_000) });
  assertEquals(waiting instanceof Promise, true);
  pair.server.abort();
  await waiting;
  assertEquals(subscription.active, false);
});
