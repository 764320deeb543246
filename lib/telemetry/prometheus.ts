/**
 * Metrics as text for Prometheus (exposition format, version 0.0.4).
 *
 * @module
 */
import type { Observer } from "../connection/watch/observer.ts";
import { measuringObserver, type Metric, METRICS } from "./metrics.ts";

/** The `Content-Type` of {@linkcode PrometheusMetrics.text}. */
export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The numbers of one server as plain data. Several workers can send theirs to one of them, which adds them up. */
export type PrometheusSnapshot = readonly (readonly [series: string, numbers: readonly number[]])[];

/** Metrics for a Prometheus server. */
export interface PrometheusMetrics {
  /** The observer that counts. Pass it as the option `observer` of `serve`, `accept` or `connect`. */
  readonly observer: Observer;
  /** Returns the numbers counted so far. */
  snapshot(): PrometheusSnapshot;
  /**
   * Returns the numbers counted so far as text, for the response to `/metrics`.
   *
   * @param others Snapshots of other servers to add.
   */
  text(...others: PrometheusSnapshot[]): string;
}

/**
 * Makes metrics for Prometheus. They are held in memory, with one number for each line of the text.
 *
 * @example A server that can be scraped
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { PROMETHEUS_CONTENT_TYPE, prometheusMetrics } from "@sluice/websocket/telemetry";
 * import { assertEquals } from "@std/assert";
 *
 * const { observer, text } = prometheusMetrics();
 * await using server = serve({
 *   port: 0,
 *   hostname: "127.0.0.1",
 *   observer,
 *   http: () => new Response(text(), { headers: { "Content-Type": PROMETHEUS_CONTENT_TYPE } }),
 * }, {});
 *
 * await using _socket = await connect(server.url);
 * const scraped = await (await fetch(server.url.replace("ws", "http"))).text();
 * assertEquals(scraped.includes("\nwebsocket_connections_open 1\n"), true);
 * ```
 *
 * @returns The observer, and the text.
 */
export function prometheusMetrics(): PrometheusMetrics {
  const { record, snapshot, text } = createSeries(METRICS);
  return { observer: measuringObserver(record), snapshot, text };
}

/** The numbers of a table of metrics, and their text. */
export interface Series<Name extends string> {
  /** Adds to a counter, or adds a value to a histogram. */
  record(name: Name, value: number, label?: string): void;
  /** See {@linkcode PrometheusMetrics.snapshot}. */
  snapshot(): PrometheusSnapshot;
  /** See {@linkcode PrometheusMetrics.text}. */
  text(...others: PrometheusSnapshot[]): string;
}

/**
 * Makes the numbers for a table of metrics.
 *
 * @param table The metrics by name. A name must not contain a space.
 */
export function createSeries<Name extends string>(table: Readonly<Record<Name, Metric>>): Series<Name> {
  /** For each metric and label: the sum, and for a histogram the number of values in each bucket. */
  const series = new Map<string, number[]>();
  const metrics: [name: string, metric: Metric][] = Object.entries<Metric>(table);
  for (const [name, metric] of metrics) {
    const labels = metric.label === undefined ? [""] : metric.values ?? [];
    for (const label of labels) series.set(keyOf(name, label), fresh(metric));
  }
  const snapshot = () => Array.from(series, ([key, numbers]) => [key, [...numbers]] as const);
  return {
    record(name, value, label = "") {
      const metric = table[name];
      const key = keyOf(name, label);
      let numbers = series.get(key);
      if (numbers === undefined) series.set(key, numbers = fresh(metric));
      numbers[0]! += value;
      if (metric.buckets === undefined) return;
      const bucket = metric.buckets.findIndex((bound) => value <= bound);
      numbers[1 + (bucket === -1 ? metric.buckets.length : bucket)]!++;
    },
    snapshot,
    text: (...others) => textOf(metrics, [snapshot(), ...others]),
  };
}

function fresh({ buckets }: Metric): number[] {
  return new Array<number>(buckets === undefined ? 1 : 2 + buckets.length).fill(0);
}

/** Unambiguous, because the name of a metric contains no space. */
function keyOf(name: string, label: string): string {
  return `${name} ${label}`;
}

function textOf(metrics: readonly (readonly [string, Metric])[], snapshots: readonly PrometheusSnapshot[]): string {
  const sums = new Map<string, number[]>();
  for (const [key, numbers] of snapshots.flat()) {
    const sum = sums.get(key);
    sums.set(key, sum === undefined ? [...numbers] : sum.map((value, i) => value + (numbers[i] ?? 0)));
  }
  let text = "";
  for (const [name, metric] of metrics) {
    const full = fullName(metric);
    text += `# HELP ${full} ${metric.help}\n# TYPE ${full} ${TYPES[metric.kind]}\n`;
    const start = keyOf(name, "");
    for (const [key, numbers] of sums) {
      if (!key.startsWith(start)) continue;
      const labels = metric.label === undefined ? [] : [`${metric.label}="${escape(key.slice(start.length))}"`];
      text += metric.buckets === undefined
        ? line(full, labels, numbers[0] ?? 0)
        : histogram(full, { labels, numbers, buckets: metric.buckets });
    }
  }
  return text;
}

const TYPES = { counter: "counter", upDownCounter: "gauge", histogram: "histogram" } as const;

/** Returns the name that OpenTelemetry's own exporter for Prometheus would use. */
function fullName({ name, unit, kind }: Metric): string {
  const suffix = unit === "s" ? "_seconds" : unit === "By" ? "_bytes" : "";
  return `${name.replaceAll(".", "_")}${suffix}${kind === "counter" ? "_total" : ""}`;
}

/** A bucket counts all values up to its bound. */
function histogram(
  name: string,
  { labels, numbers, buckets }: { labels: string[]; numbers: readonly number[]; buckets: readonly number[] },
): string {
  const [sum = 0, ...counts] = numbers;
  let text = "";
  let count = 0;
  for (const [i, bound] of [...buckets, Infinity].entries()) {
    count += counts[i] ?? 0;
    text += line(`${name}_bucket`, [...labels, `le="${bound === Infinity ? "+Inf" : bound}"`], count);
  }
  return text + line(`${name}_sum`, labels, sum) + line(`${name}_count`, labels, count);
}

function line(name: string, labels: readonly string[], value: number): string {
  return `${name}${labels.length === 0 ? "" : `{${labels.join(",")}}`} ${value}\n`;
}

function escape(label: string): string {
  return label.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
