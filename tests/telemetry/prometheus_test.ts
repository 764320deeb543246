// @ts-types="../integration/peers/ws.d.ts"
import WebSocket from "npm:ws@^8.18.0";
import { assert, assertEquals } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { serve } from "../../lib/server/serve.ts";
import { prometheusMetrics } from "../../lib/telemetry/prometheus.ts";
import { readExposition } from "../_support/prometheus.ts";
import { soon, until } from "../_support/wait.ts";

const NOBODY = { remoteAddr: undefined, localAddr: undefined };

Deno.test("before any event every metric exists, and counters are 0", () => {
  const samples = readExposition(prometheusMetrics().text());
  assertEquals(samples.get("websocket_connections_open"), 0);
  assertEquals(samples.get('websocket_messages_total{direction="out"}'), 0);
  assertEquals(samples.get('websocket_held_seconds_bucket{direction="in",le="+Inf"}'), 0);
  assertEquals([...samples].filter(([, value]) => value !== 0), []);
});

Deno.test("the text counts the messages that npm:ws sends and receives as a client", async () => {
  const { observer, text } = prometheusMetrics();
  await using server = serve({ port: 0, hostname: "127.0.0.1", observer, perMessageDeflate: true }, {
    message: (socket, data) => void socket.send(data),
  });
  const sizes = [5, 70_000, 0];
  const client = new WebSocket(server.url);
  const heard: number[] = [];
  let open: number | undefined;
  const ended = new Promise<void>((resolve) => client.once("close", () => resolve()));
  client.on("message", (data) => {
    heard.push(data.length);
    open ??= readExposition(text()).get("websocket_connections_open");
    if (heard.length === sizes.length) client.close(1000);
  });
  client.once("open", () => sizes.forEach((size) => client.send("x".repeat(size))));
  await soon(ended, "The end of the client");
  await until(() => readExposition(text()).get("websocket_connections_open") === 0, "The end of ours");
  const samples = readExposition(text());
  assertEquals([heard, open], [sizes, 1]);
  for (const direction of ["in", "out"]) {
    assertEquals(samples.get(`websocket_messages_total{direction="${direction}"}`), sizes.length);
    assertEquals(samples.get(`websocket_compression_ratio_count{direction="${direction}"}`), 1);
    const bytes = samples.get(`websocket_io_bytes_total{direction="${direction}"}`) ?? 0;
    assert(bytes > 20 && bytes < 5_000, `${bytes} bytes ${direction}, compressed`);
  }
  assertEquals(samples.get('websocket_closes_total{code="1000"}'), 1);
  assertEquals(samples.get("websocket_connections_total"), 1);
});

Deno.test("a value is in every bucket whose bound is not below it", async () => {
  await using server = serve({ port: 0, hostname: "127.0.0.1" }, {});
  await using socket = await connect(server.url);
  const { observer, text } = prometheusMetrics();
  const watching = observer.opened?.(socket);
  for (const ms of [1, 1.5, 60_000, 60_001]) watching?.roundTrip?.(ms);
  const samples = readExposition(text());
  const name = "websocket_round_trip_seconds";
  assertEquals(
    ["0.001", "0.0025", "30", "60", "+Inf"].map((bound) => samples.get(`${name}_bucket{le="${bound}"}`)),
    [1, 2, 2, 3, 4],
  );
  assertEquals([samples.get(`${name}_sum`), samples.get(`${name}_count`)], [120.0035, 4]);
});

Deno.test("a label's value is escaped as the format requires", () => {
  const { observer, text } = prometheusMetrics();
  for (const status of [400, 400, 403]) observer.refused?.(new HandshakeError("No", { status }), NOBODY);
  observer.refused?.(new HandshakeError("No", { status: 431, limit: 'a"b\\c\nd' }), NOBODY);
  const samples = readExposition(text());
  assertEquals(samples.get('websocket_refusals_total{reason="400"}'), 2);
  assertEquals(samples.get('websocket_limits_total{limit="a\\"b\\\\c\\nd"}'), 1);
});

Deno.test("several counts are added up, and may be sent as JSON on the way", async () => {
  const all = [prometheusMetrics(), prometheusMetrics()];
  for (const [i, { observer }] of all.entries()) {
    await using server = serve({ port: 0, hostname: "127.0.0.1", observer }, {
      open: (socket) => void socket.send("x".repeat(1 + i)),
    });
    const client = new WebSocket(server.url);
    client.once("message", () => client.close(1001 + 2000 * i));
    await soon(new Promise<void>((resolve) => client.once("close", () => resolve())), "The end");
  }
  const samples = readExposition(all[0]!.text(JSON.parse(JSON.stringify(all[1]!.snapshot()))));
  assertEquals(samples.get("websocket_connections_total"), 2);
  assertEquals(samples.get('websocket_io_bytes_total{direction="out"}'), 3 + 4 + 4 + 4);
  assertEquals(samples.get('websocket_closes_total{code="1001"}'), 1);
  assertEquals(samples.get('websocket_closes_total{code="3xxx"}'), 1);
  assert((samples.get('websocket_queue_bytes_bucket{le="0"}') ?? 0) >= 4);
});
