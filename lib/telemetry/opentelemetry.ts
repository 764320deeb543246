/**
 * Metrics for OpenTelemetry, with any meter: Deno's own, which `OTEL_DENO=true` exports, or that of an SDK.
 *
 * @module
 */
import type { Observer } from "../connection/watch/observer.ts";
import { like } from "../option_kinds.ts";
import { measuringObserver, type Metric, METRIC_NAMES, type MetricName, METRICS } from "./metrics.ts";

/** Options of an instrument. */
export interface InstrumentOptions {
  /** The description. */
  readonly description: string;
  /** The unit in UCUM. */
  readonly unit: string;
  /** The buckets of a histogram. */
  readonly advice?: { explicitBucketBoundaries: number[] };
}

/** The attributes of a measurement. */
export type Attributes = Readonly<Record<string, string>>;

/** A counter of either kind. */
export interface CounterLike {
  /** Adds a value. */
  add(value: number, attributes?: Attributes): void;
}

/** A histogram. */
export interface HistogramLike {
  /** Records a value. */
  record(value: number, attributes?: Attributes): void;
}

/**
 * The methods of a `Meter` of `@opentelemetry/api` that are used. Nothing of that package is loaded here; the caller imports it.
 */
export interface MeterLike {
  /** Makes a counter. */
  createCounter(name: string, options: InstrumentOptions): CounterLike;
  /** Makes an up-down counter. */
  createUpDownCounter(name: string, options: InstrumentOptions): CounterLike;
  /** Makes a histogram. */
  createHistogram(name: string, options: InstrumentOptions): HistogramLike;
}

const METER = like("a meter of @opentelemetry/api", {
  methods: ["createCounter", "createUpDownCounter", "createHistogram"],
});

/**
 * Makes an observer that counts and measures with OpenTelemetry.
 *
 * @example Use Deno's exporter (run with `OTEL_DENO=true`)
 * ```ts ignore
 * import { metrics } from "npm:@opentelemetry/api@^1";
 * import { serve } from "@sluice/websocket";
 * import { openTelemetryObserver } from "@sluice/websocket/telemetry";
 *
 * serve({ port: 8080, observer: openTelemetryObserver(metrics.getMeter("websocket")) }, {
 *   message: (socket, data) => void socket.send(data),
 * });
 * ```
 *
 * @param meter The meter.
 * @returns The observer, for any number of servers and clients.
 * @throws {TypeError} If the argument is not a meter.
 */
export function openTelemetryObserver(meter: MeterLike): Observer {
  METER.check(meter, "the argument of openTelemetryObserver()");
  const instruments = new Map(METRIC_NAMES.map((name) => [name, instrument(meter, METRICS[name])]));
  return measuringObserver((name: MetricName, value, label) => instruments.get(name)?.(value, label));
}

function instrument(meter: MeterLike, metric: Metric): (value: number, label?: string) => void {
  const { kind, name, help: description, unit, label: key, buckets } = metric;
  const options = {
    description,
    unit,
    ...(buckets === undefined ? {} : { advice: { explicitBucketBoundaries: [...buckets] } }),
  };
  /** One object for each value of the label, because there are few values but many numbers. */
  const known = new Map<string, Attributes>();
  const attributes = (label: string | undefined): Attributes | undefined => {
    if (key === undefined || label === undefined) return undefined;
    let found = known.get(label);
    if (found === undefined) known.set(label, found = { [key]: label });
    return found;
  };
  if (kind === "histogram") {
    const histogram = meter.createHistogram(name, options);
    return (value, label) => histogram.record(value, attributes(label));
  }
  const counter = kind === "counter" ? meter.createCounter(name, options) : meter.createUpDownCounter(name, options);
  return (value, label) => counter.add(value, attributes(label));
}
