/**
 * What is counted and measured about connections: a table of the metrics, and the observer that records them for any backend.
 *
 * @module
 */
import { HandshakeError, LimitError } from "../errors.ts";
import type { Observer } from "../connection/watch/observer.ts";
import type { CloseInfo, WebSocketConnection } from "../connection/websocket_connection.ts";

/** A counter only grows, an up-down counter can also fall, and a histogram has buckets. */
export type MetricKind = "counter" | "upDownCounter" | "histogram";

/** A metric. */
export interface Metric {
  /** The kind of the metric. */
  readonly kind: MetricKind;
  /** The name, in the form of OpenTelemetry. */
  readonly name: string;
  /** The unit in UCUM: `s`, `By`, `1`, or the counted thing in braces. */
  readonly unit: string;
  /** A description of the metric. */
  readonly help: string;
  /** The attribute, if it has one. A peer cannot choose its values freely, so their number is limited. */
  readonly label?: string;
  /** The values of the label, if they are known in advance. */
  readonly values?: readonly string[];
  /** The upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

const WAYS = { label: "direction", values: ["in", "out"] } as const;
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** All metrics. */
export const METRICS = {
  open: { kind: "upDownCounter", name: "websocket.connections.open", unit: "{connection}", help: "Open connections" },
  connections: {
    kind: "counter",
    name: "websocket.connections",
    unit: "{connection}",
    help: "Connections that were opened",
  },
  refusals: {
    kind: "counter",
    name: "websocket.refusals",
    unit: "{handshake}",
    help: "Handshakes that failed, by HTTP status, or by error if the peer went away",
    label: "reason",
  },
  closes: {
    kind: "counter",
    name: "websocket.closes",
    unit: "{connection}",
    help:
      "Connections that ended, by the peer's close code: 1006 if it sent none, 3xxx and 4xxx for codes of applications",
    label: "code",
  },
  limits: {
    kind: "counter",
    name: "websocket.limits",
    unit: "{limit}",
    help: "Limits that ended a connection or a handshake",
    label: "limit",
  },
  messages: { kind: "counter", name: "websocket.messages", unit: "{message}", help: "Messages", ...WAYS },
  io: { kind: "counter", name: "websocket.io", unit: "By", help: "Bytes of frames on the wire", ...WAYS },
  roundTrip: {
    kind: "histogram",
    name: "websocket.round_trip",
    unit: "s",
    help: "Round trip of a ping",
    buckets: SECONDS,
  },
  queue: {
    kind: "histogram",
    name: "websocket.queue",
    unit: "By",
    help: "Queued bytes after each write",
    buckets: [0, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864],
  },
  held: {
    kind: "histogram",
    name: "websocket.held",
    unit: "s",
    help: "Backpressure: how long reading paused for the application (in), how long a send waited for the peer (out)",
    buckets: SECONDS,
    ...WAYS,
  },
  ratio: {
    kind: "histogram",
    name: "websocket.compression.ratio",
    unit: "1",
    help: "Compression ratio of a connection's compressed messages",
    buckets: [1, 1.5, 2, 3, 4, 6, 8, 12, 16, 32, 64, 128, 256],
    ...WAYS,
  },
} as const satisfies Readonly<Record<string, Metric>>;

/** The name of a metric in the table. */
export type MetricName = keyof typeof METRICS;

/** The names in the order of the table. */
export const METRIC_NAMES: readonly MetricName[] = Object.keys(METRICS).filter(isMetric);

/** Records a number: a counter adds it, a histogram counts it as a measured value. */
export type Recorder = (metric: MetricName, value: number, label?: string) => void;

/**
 * Makes an observer that counts and measures.
 *
 * @param record Called with the numbers.
 * @returns The observer, for any number of servers and clients.
 */
export function measuringObserver(record: Recorder): Observer {
  return {
    opened(socket) {
      record("open", 1);
      record("connections", 1);
      return {
        received(messages, bytes) {
          record("io", bytes, "in");
          if (messages > 0) record("messages", messages, "in");
        },
        sent(messages, bytes, queued) {
          record("io", bytes, "out");
          if (messages > 0) record("messages", messages, "out");
          record("queue", queued);
        },
        held: (way, ms) => record("held", ms / 1000, way),
        roundTrip: (ms) => record("roundTrip", ms / 1000),
        closed(info) {
          record("open", -1);
          recordClose(info, record);
          recordRatios(socket, record);
        },
      };
    },
    refused(error) {
      const refused = error instanceof HandshakeError;
      record("refusals", 1, refused ? String(error.status) : error.name);
      if (refused && error.limit !== undefined) record("limits", 1, error.limit);
    },
  };
}

function recordClose({ closeCode, error }: CloseInfo, record: Recorder): void {
  // Any peer may choose a code from 3000 to 4999 (RFC 6455 §7.4.2). One that sends them all would fill the memory.
  record("closes", 1, closeCode < 3000 ? String(closeCode) : `${Math.floor(closeCode / 1000)}xxx`);
  if (error instanceof LimitError) record("limits", 1, error.limit);
}

/** Records the counters of extensions that use the names of permessage-deflate. */
function recordRatios({ extensionProcessors }: WebSocketConnection, record: Recorder): void {
  for (const { stats = {} } of extensionProcessors) {
    const { bytesIn = 0, compressedIn = 0, bytesOut = 0, compressedOut = 0 } = stats;
    if (compressedIn > 0) record("ratio", bytesIn / compressedIn, "in");
    if (compressedOut > 0) record("ratio", bytesOut / compressedOut, "out");
  }
}

function isMetric(name: string): name is MetricName {
  return Object.hasOwn(METRICS, name);
}
