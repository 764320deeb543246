// deno-lint-ignore-file no-console -- an example prints
// An echo server with monitoring: metrics for Prometheus on /metrics and for OpenTelemetry, refusals on the console, and a
// recording of connections to /recorded, which is read back when they end.
//
//   deno run --allow-net examples/metrics.ts [port]
//   OTEL_DENO=true OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 deno run --allow-net examples/metrics.ts [port]

import { serve, type WebSocketConnection } from "@sluice/websocket";
import type { Observer } from "@sluice/websocket/telemetry";
import {
  combineObservers,
  openTelemetryObserver,
  PROMETHEUS_CONTENT_TYPE,
  prometheusMetrics,
  replay,
} from "@sluice/websocket/telemetry";

const prometheus = prometheusMetrics();

// In a program of your own: import { metrics } from "npm:@opentelemetry/api@^1".
const OPENTELEMETRY = "npm:@opentelemetry/api@^1";
const { metrics } = await import(OPENTELEMETRY);

/** An observer of our own. */
const printing: Observer = {
  opened(socket) {
    // Nothing of it is read yet, so the recording is whole.
    if (new URL(socket.url).pathname === "/recorded") void record(socket);
  },
  refused: (error, { request }) => console.log(`Refused ${request?.path ?? "what came"}: ${error.message}`),
};

async function record(socket: WebSocketConnection): Promise<void> {
  // A file would do: socket.tap().pipeThrough(new TextEncoderStream()).pipeTo(file.writable), with line ends between.
  const recording = await Array.fromAsync(socket.tap());
  for (const event of replay(recording)) {
    if ("message" in event) console.log(`Replayed ${JSON.stringify(event.message)} of ${socket.url}`);
    if ("error" in event) console.log(`Replayed ${event.error}`);
  }
}

serve({
  port: Number(Deno.args[0] ?? 8080),
  hostname: "127.0.0.1",
  perMessageDeflate: true,
  upgrade: ({ path }) => path === "/nowhere" ? new Response("Not found\n", { status: 404 }) : undefined,
  observer: combineObservers(prometheus.observer, openTelemetryObserver(metrics.getMeter("websocket")), printing),
  http: ({ url }) =>
    new URL(url).pathname === "/metrics"
      ? new Response(prometheus.text(), { headers: { "Content-Type": PROMETHEUS_CONTENT_TYPE } })
      : new Response("Not found\n", { status: 404 }),
  onListen(addr) {
    if ("port" in addr) console.log(`Echoing on ws://127.0.0.1:${addr.port}`);
  },
}, {
  message: (socket, data) => socket.send(data),
});
