import { assertEquals } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import { linkBroker } from "../../lib/hub/linked_broker.ts";
import { type OwnShare, shareAmongWorkers } from "../../lib/standalone/share.ts";
import { prometheusMetrics } from "../../lib/telemetry/prometheus.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { readExposition } from "../_support/prometheus.ts";
import { settle } from "../_support/wait.ts";
import { FakeServer } from "../hub/_brokers.ts";

/** Three workers with what each has, and the end of them. */
async function workers(own: (index: number) => Partial<OwnShare>) {
  const server = new FakeServer();
  const sockets = { resources: () => ["/echo"], ping: () => Promise.resolve(undefined) };
  const all = Array.from({ length: 3 }, (_, index) => {
    const broker = linkBroker(server.link(), { pingInterval: 0 });
    return { broker, shared: shareAmongWorkers(broker, 2, { sockets, metrics: undefined, ...own(index) }) };
  });
  await settle();
  return {
    all: all.map(({ shared }) => shared),
    crash: (index: number) => all[index]!.broker.close(),
    [Symbol.asyncDispose]: async () => void await Promise.all(all.map(({ broker }) => broker.close())),
  };
}

Deno.test("a ping finds its connection in any worker, and fails once all workers have answered", async () => {
  using time = new FakeTime();
  const pinged: string[] = [];
  {
    await using started = await workers((index) => ({
      sockets: {
        resources: () => ["/echo"],
        ping(id) {
          pinged.push(`${index} ${id}`);
          return Promise.resolve(id === `of ${index}` ? index : undefined);
        },
      },
    }));
    const [first, second] = started.all.map(({ sockets }) => sockets);
    assertEquals(await first!.ping("of 0"), 0);
    assertEquals(pinged, ["0 of 0"]);
    assertEquals(await first!.ping("of 2"), 2);
    assertEquals(await second!.ping("of 0"), 0);
    assertEquals(await second!.ping("nobody's"), undefined);
    assertEquals(first!.resources(), ["/echo"]);

    await started.crash(2);
    const silent = first!.ping("of 2");
    await time.advance(5_000);
    assertEquals(await silent, undefined);
  }
  assertEquals(time.timers, 0);
});

Deno.test("metrics are the sums of all workers, and are missing while a worker does not answer", async () => {
  using time = new FakeTime();
  const counted = Array.from({ length: 3 }, prometheusMetrics);
  await using started = await workers((index) => ({ metrics: counted[index]! }));
  for (const [index, { observer }] of counted.entries()) {
    for (let refusal = 0; refusal <= index; refusal++) {
      observer.refused?.(new HandshakeError("No", { status: 404 + index % 2 }), {
        remoteAddr: undefined,
        localAddr: undefined,
      });
    }
  }
  for (const { metrics } of started.all) {
    const samples = readExposition(await metrics?.() ?? "");
    assertEquals(samples.get('websocket_refusals_total{reason="404"}'), 1 + 3);
    assertEquals(samples.get('websocket_refusals_total{reason="405"}'), 2);
  }
  await started.crash(1);
  const missing = started.all[0]!.metrics?.();
  await time.advance(5_000);
  assertEquals(await missing, undefined);
});

Deno.test("without counters there are no metrics", async () => {
  await using started = await workers(() => ({}));
  assertEquals(started.all[0]!.metrics, undefined);
});
