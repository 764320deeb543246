/**
 * Observability: metrics for OpenTelemetry and Prometheus, and replays of recordings made with `socket.tap()`.
 *
 * @example Metrics, and a recording of one connection
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { prometheusMetrics, replay } from "@sluice/websocket/telemetry";
 * import { assertEquals } from "@std/assert";
 *
 * const { observer, text } = prometheusMetrics();
 * await using server = serve({ port: 0, hostname: "127.0.0.1", observer }, {
 *   message: (socket, data) => void socket.send(data),
 * });
 * const socket = await connect(server.url);
 * const recording = Array.fromAsync(socket.tap());
 * await socket.send("hello");
 * await socket[Symbol.asyncIterator]().next();
 * await socket.close();
 *
 * assertEquals(text().includes('\nwebsocket_messages_total{direction="in"} 1\n'), true);
 * assertEquals([...replay(await recording)].find((event) => "message" in event)?.message, "hello");
 * ```
 *
 * @module
 */
export type { ConnectionObserver, Direction, Observer, RefusalInfo } from "../connection/watch/observer.ts";
export type { TapOptions } from "../connection/socket_options.ts";
export { combineObservers } from "./combine_observers.ts";
export { type Metric, type MetricKind, METRICS } from "./metrics.ts";
export {
  type Attributes,
  type CounterLike,
  type HistogramLike,
  type InstrumentOptions,
  type MeterLike,
  openTelemetryObserver,
} from "./opentelemetry.ts";
export {
  PROMETHEUS_CONTENT_TYPE,
  type PrometheusMetrics,
  prometheusMetrics,
  type PrometheusSnapshot,
} from "./prometheus.ts";
export { type PrometheusRecoveryMetrics, prometheusRecoveryMetrics, RECOVERY_METRICS } from "./recovery_metrics.ts";
export type { RecoveryObserver } from "../recovery/recoverable_options.ts";
export { replay, type ReplayEvent, type ReplayOptions } from "./replay.ts";
