import { assertEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { deno } from "../_support/child.ts";
import { readExposition } from "../_support/prometheus.ts";

Deno.test("examples/metrics.ts counts for Prometheus and OpenTelemetry, prints refusals, and replays what it recorded", async () => {
  await using child = deno("run", "--allow-net=127.0.0.1", "examples/metrics.ts", "0");
  const [, url] = await child.said(/(ws:\S+)/);
  const socket = await connect(`${url}/recorded`);
  await socket.send("héllo");
  assertEquals((await socket[Symbol.asyncIterator]().next()).value, "héllo");
  await socket.close();
  await child.said(/Replayed "héllo" of ws:\S+\/recorded\n/);
  await connect(`${url}/nowhere`).catch(() => {});
  await child.said(/Refused \/nowhere: The application refused the handshake with 404\n/);
  const samples = readExposition(await (await fetch(`${url!.replace("ws", "http")}/metrics`)).text());
  assertEquals(samples.get('websocket_messages_total{direction="out"}'), 1);
  assertEquals(samples.get('websocket_refusals_total{reason="404"}'), 1);
});
