import { assertEquals } from "@std/assert";
import { ALL, BrokerSubscriptions } from "../../lib/hub/broker_subscriptions.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { FakeBroker } from "./_support.ts";

/** The hub's side of a broker, and the broker. */
function start() {
  const broker = new FakeBroker();
  const reports: unknown[] = [];
  const upstream = new BrokerSubscriptions(broker, { delay: 1_000, report: (error) => void reports.push(error) });
  return { broker, upstream, reports };
}

Deno.test("A11: the broker is subscribed to a topic at once, and unsubscribed after a delay", async () => {
  using time = new FakeTime();
  const { broker, upstream } = start();
  upstream.enter("a");
  upstream.enter(ALL);
  assertEquals(broker.told, ["+a", "+all"]);
  upstream.leave("a");
  await time.advance(500);
  upstream.leave(ALL);
  await time.advance(499);
  assertEquals(broker.told, ["+a", "+all"]);
  await time.advance(1);
  assertEquals(broker.told, ["+a", "+all", "-a"]);
  await time.advance(500);
  assertEquals(broker.told, ["+a", "+all", "-a", "-all"]);
});

Deno.test("A11: resubscribing within the delay costs the broker nothing, however often", async () => {
  using time = new FakeTime();
  const { broker, upstream } = start();
  upstream.enter("a");
  for (let round = 0; round < 20; round++) {
    upstream.leave("a");
    await time.advance(999);
    upstream.enter("a");
  }
  await time.advance(10_000);
  assertEquals(broker.told, ["+a"]);
  upstream.leave("a");
  await time.advance(1_000);
  upstream.enter("a");
  assertEquals(broker.told, ["+a", "-a", "+a"]);
});

Deno.test("A9: an error of the broker is reported, and stops no subscriber", () => {
  const { broker, upstream, reports } = start();
  const oops = new Error("oops");
  broker.publish = broker.subscribe = () => {
    throw oops;
  };
  upstream.publish("a", "1");
  upstream.enter("a");
  assertEquals(reports, [oops, oops]);
});

Deno.test("the end of the hub closes the broker, and the broker gets no calls later", async () => {
  const { broker, upstream } = start();
  upstream.enter("a");
  upstream.leave("a"); // the timer would be found by the test runner
  await upstream.close();
  assertEquals([broker.state, broker.told], ["closed", ["+a"]]);
});
