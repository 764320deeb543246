// deno-lint-ignore-file no-console -- it tells the bench what it measured
/**
 * A server that publishes to its subscribers, and says what processor time that took: `--log none|memory|redis|jetstream`.
 *
 * It prints its port; then for each line `MESSAGES BURST SIZE` that it reads, the microseconds of processor time.
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { serve } from "../mod.ts";
import { createHub } from "../lib/hub/mod.ts";
import { createRecoverableHub, memoryLog } from "../lib/recovery/mod.ts";
import type { Log } from "../lib/recovery/log.ts";

const { values } = parseArgs({
  options: { log: { type: "string", default: "none" }, at: { type: "string", default: "" } },
});

// deno-lint-ignore no-explicit-any -- a module that is named at run time has no types
const load = (path: string): Promise<any> => import(new URL(path, import.meta.url).href);

async function openLog(): Promise<Log> {
  if (values.log === "redis") return (await load("../lib/recovery/redis.ts")).redisLog({ url: values.at });
  if (values.log === "jetstream") return (await load("../lib/recovery/nats.ts")).jetStreamLog({ servers: values.at });
  return memoryLog();
}

const listen = { port: 0, hostname: "127.0.0.1", pingInterval: 0 };
let publish: (text: string) => unknown;
let server;
if (values.log === "none") {
  const hub = createHub({ slowPolicy: "wait" });
  server = serve({ ...listen, hub }, { open: (socket) => void socket.subscribe("room") });
  publish = (text) => hub.publish("room", text);
} else {
  const hub = createRecoverableHub({ log: await openLog(), slowPolicy: "wait" });
  server = serve({ ...listen, protocols: "sluice.v1" }, hub.handlers());
  publish = values.log === "memory"
    ? (text) => hub.publish("room", text)
    : (text) => hub.publish("room", text, { durable: true });
}
console.log("port" in server.addr && server.addr.port);

const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
for await (const line of lines) {
  const [messages = 0, burst = 1, size = 32] = line.trim().split(" ").map(Number);
  const text = "x".repeat(size);
  const before = process.cpuUsage();
  for (let sent = 0; sent < messages;) {
    const published: unknown[] = [];
    for (let i = 0; i < burst && sent < messages; i++, sent++) published.push(publish(text));
    if (values.log !== "none" && values.log !== "memory") await Promise.all(published);
    await new Promise((resolve) => setImmediate(resolve));
  }
  while ([...server.connections].some(({ bufferedAmount }) => bufferedAmount > 0)) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const { user, system } = process.cpuUsage(before);
  console.log(user + system);
}
