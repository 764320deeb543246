import { assert, assertEquals } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { serve } from "../../lib/server/serve.ts";
import { METRIC_NAMES, METRICS } from "../../lib/telemetry/metrics.ts";
import { type InstrumentOptions, type MeterLike, openTelemetryObserver } from "../../lib/telemetry/opentelemetry.ts";
import { runDeno } from "../_support/child.ts";
import { until } from "../_support/wait.ts";

Deno.test("every metric is an instrument of the meter, with its unit, and numbers carry their label", async () => {
  const made: [kind: string, name: string, options: InstrumentOptions][] = [];
  const numbers: unknown[][] = [];
  const make = (kind: string) => (name: string, options: InstrumentOptions) => {
    made.push([kind, name, options]);
    const note = (value: number, attributes?: object) => void numbers.push([name, value, attributes]);
    return { add: note, record: note };
  };
  const meter: MeterLike = {
    createCounter: make("counter"),
    createUpDownCounter: make("upDownCounter"),
    createHistogram: make("histogram"),
  };
  await using server = serve({ port: 0, hostname: "127.0.0.1", observer: openTelemetryObserver(meter) }, {});
  const socket = await connect(server.url);
  await socket.send("hello");
  await socket.close();
  await until(() => numbers.some(([name]) => name === "websocket.closes"), "The end");
  assertEquals(
    made.map(([kind, name]) => [kind, name]),
    METRIC_NAMES.map((name) => [METRICS[name].kind, METRICS[name].name]),
  );
  assertEquals(made.find(([, name]) => name === "websocket.round_trip")?.[2].unit, "s");
  const has = (...fact: unknown[]) =>
    assert(numbers.some((number) => JSON.stringify(number) === JSON.stringify(fact)), `${fact}`);
  has("websocket.connections.open", 1, undefined);
  has("websocket.connections.open", -1, undefined);
  has("websocket.messages", 1, { direction: "in" });
  has("websocket.closes", 1, { code: "1000" });
});

/** What an OTLP/HTTP exporter sends, as far as it is looked at. */
interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly sum?: { readonly dataPoints: readonly Point[]; readonly isMonotonic?: boolean };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
}
interface Point {
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
  readonly asDouble?: number;
  readonly asInt?: string | number;
  readonly count?: string;
  readonly explicitBounds?: readonly number[];
}

Deno.test("npm:@opentelemetry/api has such a meter, and Deno exports its counts (OTEL_DENO, OTLP over HTTP)", async () => {
  const metrics = new Map<string, Metric>();
  await using collector = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { resourceMetrics = [] } = await request.json();
    for (const { scopeMetrics } of resourceMetrics) {
      for (const scope of scopeMetrics) {
        if (scope.scope.name === "websocket") { for (const metric of scope.metrics) metrics.set(metric.name, metric); }
      }
    }
    return Response.json({});
  });
  // A file of its own, with types: the package must not get into the lock file.
  const folder = await Deno.makeTempDir();
  try {
    const mod = (path: string) => new URL(`../../lib/${path}`, import.meta.url).href;
    await Deno.writeTextFile(
      `${folder}/watched.ts`,
      `import { metrics } from "npm:@opentelemetry/api@^1";
      import { connect } from "${mod("client/connect.ts")}";
      import { serve } from "${mod("server/serve.ts")}";
      import { openTelemetryObserver } from "${mod("telemetry/opentelemetry.ts")}";
      const observer = openTelemetryObserver(metrics.getMeter("websocket"));
      const server = serve({ port: 0, hostname: "127.0.0.1", observer }, { message: (socket, data) => void socket.send(data) });
      const socket = await connect(server.url);
      const messages = socket[Symbol.asyncIterator]();
      for (const message of ["one", "two", "three"]) {
        await socket.send(message);
        await messages.next();
      }
      await [...server.connections][0]?.ping();
      await socket.close(1000);
      await connect(server.url, { headers: { Origin: "https://evil.example" } }).catch(() => {});
      await server.shutdown();`,
    );
    await runDeno(["run", "--check", "--no-config", "--allow-net=127.0.0.1", `${folder}/watched.ts`], {
      env: {
        OTEL_DENO: "true",
        OTEL_DENO_CONSOLE: "ignore",
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.addr.port}`,
      },
      ms: 60_000,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const points = (name: string): readonly Point[] => {
    const metric = metrics.get(name);
    return metric?.sum?.dataPoints ?? metric?.histogram?.dataPoints ?? [];
  };
  const value = (name: string, label?: string) => {
    const point = points(name).find(({ attributes }) => attributes[0]?.value.stringValue === label);
    return Number(point?.asDouble ?? point?.asInt);
  };
  assertEquals(value("websocket.connections"), 1);
  assertEquals(value("websocket.connections.open"), 0);
  assertEquals([value("websocket.messages", "in"), value("websocket.messages", "out")], [3, 3]);
  assertEquals(value("websocket.closes", "1000"), 1);
  assertEquals(value("websocket.refusals", "403"), 1);
  assertEquals(metrics.get("websocket.connections")?.sum?.isMonotonic, true);
  const [roundTrip] = points("websocket.round_trip");
  assertEquals([roundTrip?.count, roundTrip?.explicitBounds], ["1", [...METRICS.roundTrip.buckets]]);
  assertEquals(metrics.get("websocket.round_trip")?.unit, "s");
});
