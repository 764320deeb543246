import { assertEquals } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { serve } from "../../lib/server/serve.ts";
import type { ServeOptions } from "../../lib/server/server_options.ts";
import { measuringObserver, METRIC_NAMES, METRICS } from "../../lib/telemetry/metrics.ts";
import { close, RawPeer, text } from "../_support/raw_peer.ts";
import { soon, until } from "../_support/wait.ts";

/** A server that is measured, and the numbers: sums by metric and label. */
function measured(options: ServeOptions = {}) {
  const sums = new Map<string, number>();
  const values = new Map<string, number[]>();
  const observer = measuringObserver((name, value, label) => {
    const key = label === undefined ? name : `${name} ${label}`;
    sums.set(key, (sums.get(key) ?? 0) + value);
    values.set(key, [...values.get(key) ?? [], value]);
  });
  const server = serve({ port: 0, hostname: "127.0.0.1", ...options, observer }, {
    message: (socket, data) => void socket.send(data),
  });
  const port = "port" in server.addr ? server.addr.port : 0;
  return { server, port, sums, values, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("metrics have unique names, increasing buckets, and labels with a limited set of values", () => {
  const names = METRIC_NAMES.map((name) => METRICS[name].name);
  assertEquals(new Set(names).size, names.length);
  for (const name of METRIC_NAMES) {
    const metric = METRICS[name];
    if ("buckets" in metric) assertEquals([...metric.buckets], metric.buckets.toSorted((a, b) => a - b), name);
    assertEquals("buckets" in metric, metric.kind === "histogram");
  }
});

Deno.test("connections are counted in and out, with their messages, bytes and close codes", async () => {
  await using under = measured();
  const { sums, values } = under;
  const [one, two] = [await connect(under.server.url), await connect(under.server.url)];
  assertEquals([sums.get("open"), sums.get("connections")], [2, 2]);
  await one.send("hello");
  await one[Symbol.asyncIterator]().next();
  await one.ping();
  const roundTrip = under.server.connections.values().next().value?.ping();
  await soon(roundTrip ?? Promise.reject(new Error("nobody")), "The pong");
  await one.close(4001);
  await two.close(1000);
  await until(() => sums.get("open") === 0, "Both ends");
  assertEquals(sums.get("connections"), 2);
  assertEquals([sums.get("messages in"), sums.get("messages out")], [1, 1]);
  // hello 11, ping 10, pong 10, close 8 twice; out: hello 7, pong 6, ping 6, close 4 twice.
  assertEquals([sums.get("io in"), sums.get("io out")], [47, 27]);
  assertEquals([sums.get("closes 4xxx"), sums.get("closes 1000")], [1, 1]);
  assertEquals(values.get("roundTrip")?.length, 1);
  assertEquals(values.get("queue")?.every((bytes) => bytes === 0), true);
});

Deno.test("a peer that uses every close code creates only two label values", async () => {
  await using under = measured();
  for (let code = 3000; code < 5000; code += 250) {
    using peer = await RawPeer.connect(under.port);
    await peer.send(close(code));
    await peer.expect(close(code));
  }
  await until(() => under.sums.get("open") === 0, "The ends");
  assertEquals([...under.sums.keys()].filter((key) => key.startsWith("closes")), ["closes 3xxx", "closes 4xxx"]);
});

Deno.test("refusals are counted by status, disconnected clients by their error, limits by their name", async () => {
  await using under = measured({
    maxHeaderCount: 8,
    maxMessageBytes: 4,
    upgrade: ({ path }) => {
      if (path === "/no") throw new HandshakeError("No", { status: 410 });
    },
  });
  const { sums, port } = under;
  await connect(`${under.server.url}/no`).catch(() => {});
  await connect(under.server.url, { headers: { a: "", b: "", c: "", d: "" } }).catch(() => {});
  (await RawPeer.dial(port)).close();
  using peer = await RawPeer.connect(port);
  await peer.send(text("too long"));
  await peer.readToEnd();
  peer.close();
  await until(() => sums.get("closes 1006") === 1 && sums.get("refusals ConnectionError") === 1, "The ends");
  assertEquals([sums.get("refusals 410"), sums.get("refusals 431")], [1, 1]);
  assertEquals([sums.get("limits maxHeaderCount"), sums.get("limits maxMessageBytes")], [1, 1]);
});

Deno.test("the compression ratio is measured for each connection and direction, at its end", async () => {
  await using under = measured({ perMessageDeflate: { threshold: 0 } });
  const socket = await connect(under.server.url, { perMessageDeflate: { threshold: 0 } });
  await socket.send("ha".repeat(5_000));
  await socket[Symbol.asyncIterator]().next();
  assertEquals(under.values.has("ratio in"), false);
  await socket.close();
  await until(() => under.sums.get("open") === 0, "The end");
  for (const way of ["in", "out"]) {
    const [ratio = 0, ...more] = under.values.get(`ratio ${way}`) ?? [];
    assertEquals([ratio > 20 && ratio < 1032, more.length], [true, 0]);
  }
});
