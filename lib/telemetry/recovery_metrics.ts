/**
 * Metrics of topics that catch up, as text for Prometheus.
 *
 * @module
 */
import type { RecoveryObserver } from "../recovery/recoverable_options.ts";
import type { Metric } from "./metrics.ts";
import { createSeries, type PrometheusSnapshot } from "./prometheus.ts";

/** All metrics. */
export const RECOVERY_METRICS = {
  append: {
    kind: "histogram",
    name: "websocket.recovery.append",
    unit: "s",
    help: "From a publish until the log had the message, or refused it",
    label: "outcome",
    values: ["appended", "refused"],
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  gap: {
    kind: "histogram",
    name: "websocket.recovery.gap",
    unit: "{message}",
    help: "Missed messages that a returning subscriber received",
    buckets: [0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000],
  },
  unrecovered: {
    kind: "counter",
    name: "websocket.recovery.unrecovered",
    unit: "{subscription}",
    help: "Subscriptions that could not resume where they were",
    label: "reason",
    values: ["epoch-changed", "too-far-behind"],
  },
  held: {
    kind: "upDownCounter",
    name: "websocket.recovery.held",
    unit: "By",
    help: "Bytes of messages in memory for subscribers that catch up",
  },
} as const satisfies Readonly<Record<string, Metric>>;

/** Metrics of topics that catch up. */
export interface PrometheusRecoveryMetrics {
  /** The observer that counts. Pass it as the option `observer` of `createRecoverableHub`. */
  readonly observer: RecoveryObserver;
  /** Returns the numbers counted so far. */
  snapshot(): PrometheusSnapshot;
  /**
   * Returns the numbers counted so far as text, to append to the text of `prometheusMetrics`.
   *
   * @param others Snapshots of other servers to add.
   */
  text(...others: PrometheusSnapshot[]): string;
}

/**
 * Makes metrics of topics that catch up: how long the log takes, how many messages returning clients had missed, and how many
 * clients could not resume.
 *
 * @example Measure how long the log takes
 * ```ts
 * import { createRecoverableHub, memoryLog } from "@sluice/websocket/recovery";
 * import { prometheusRecoveryMetrics } from "@sluice/websocket/telemetry";
 * import { assertEquals } from "@std/assert";
 *
 * const { observer, text } = prometheusRecoveryMetrics();
 * await using hub = createRecoverableHub({ log: memoryLog(), observer });
 * await hub.publish("news", "It rains", { durable: true });
 * assertEquals(text().includes('websocket_recovery_append_seconds_count{outcome="appended"} 1'), true);
 * ```
 *
 * @returns The observer, and the text.
 */
export function prometheusRecoveryMetrics(): PrometheusRecoveryMetrics {
  const { record, snapshot, text } = createSeries(RECOVERY_METRICS);
  const observer: RecoveryObserver = {
    appended: (milliseconds) => record("append", milliseconds / 1_000, "appended"),
    refused: (milliseconds) => record("append", milliseconds / 1_000, "refused"),
    recovered: (messages) => record("gap", messages),
    unrecovered: (reason, subscriptions) => record("unrecovered", subscriptions, reason),
    held: (bytes) => record("held", bytes),
  };
  return { observer, snapshot, text };
}
