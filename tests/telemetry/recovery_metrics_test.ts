import { assertEquals } from "@std/assert";
import { createRecoverableHub } from "../../lib/recovery/recoverable_hub.ts";
import { prometheusRecoveryMetrics } from "../../lib/telemetry/recovery_metrics.ts";
import { faultyLog } from "../../lib/testing/faulty_log.ts";
import { speaker } from "../recovery/_support.ts";

Deno.test("the log's latency, gaps, losses and held bytes are counted, and those of two servers are added", async () => {
  const metrics = prometheusRecoveryMetrics();
  const log = faultyLog({ messages: 10 });
  const hub = createRecoverableHub({ log, observer: metrics.observer, onError: () => {} });
  const position = await hub.publish("news", "a", { durable: true });
  for (const data of ["b", "c"]) await hub.publish("news", data, { durable: true });
  log.error = new Error("full");
  await hub.publish("news", "d", { durable: true }).catch(() => {});
  log.error = undefined;
  {
    await using client = await speaker(hub);
    client.subscribe("news", position);
    await client.next();
    hub.publish("news", "e");
    assertEquals(await client.data(3), ["b", "c", "e"]);
    client.subscribe("news", { epoch: "other", offset: 1 });
    await client.next();
  }
  const held = /^websocket_recovery_held_bytes (\d+)$/m.exec(metrics.text());
  assertEquals(Number(held?.[1]), hub.heldBytes);
  await hub.close();
  const lines = metrics.text(metrics.snapshot()).split("\n");
  const value = (name: string) => lines.find((line) => line.startsWith(`${name} `))?.split(" ")[1];
  assertEquals([
    value('websocket_recovery_append_seconds_count{outcome="appended"}'),
    value('websocket_recovery_append_seconds_count{outcome="refused"}'),
    value("websocket_recovery_gap_count"),
    value("websocket_recovery_gap_sum"),
    value('websocket_recovery_unrecovered_total{reason="epoch-changed"}'),
    value('websocket_recovery_unrecovered_total{reason="too-far-behind"}'),
    value("websocket_recovery_held_bytes"),
  ], ["8", "2", "2", "4", "2", "0", "0"]);
});
