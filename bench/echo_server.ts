// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * Our server: `bench/echo_server.ts --port N --api callbacks|iterate|streams [--deflate [--takeover]] [--lend] [--fanout] [--topics N] [--max BYTES]
 * [--workers N]`.
 * With `--lend` payloads are lent for the length of the callback; with `--fanout` every message goes to every connection, whatever the
 * API; with `--topics` a connection subscribes to so many, and each message goes to the next of them; `--max` is `maxMessageBytes`; with `--workers` it runs in so many threads, which needs `--unstable-net` and `--allow-read`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { serveWorkers } from "../lib/workers/mod.ts";
import { type EchoOptions, serveEcho } from "./serve_echo.ts";

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    api: { type: "string", default: "callbacks" },
    deflate: { type: "boolean", default: false },
    takeover: { type: "boolean", default: false },
    lend: { type: "boolean", default: false },
    fanout: { type: "boolean", default: false },
    topics: { type: "string", default: "0" },
    max: { type: "string" },
    workers: { type: "string" },
  },
});
const { port, workers, topics, max, ...flags } = values;
const data: EchoOptions = { ...flags, topics: Number(topics), max: max === undefined ? undefined : Number(max) };
const listen = {
  port: Number(port),
  hostname: "127.0.0.1",
  onListen: (addr: Deno.Addr) => console.log(`listening on ${"port" in addr ? addr.port : ""}`),
};
if (workers === undefined) serveEcho(data, listen);
else await serveWorkers(new URL("echo_worker.ts", import.meta.url), { ...listen, workers: Number(workers), data });
