// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * Our server: `bench/echo_server.ts --port N --api callbacks|iterate|streams [--deflate] [--lend] [--fanout] [--workers N]`. With
 * `--lend` payloads are lent for the length of the callback; with `--fanout` every message goes to every connection, whatever the
 * API; with `--workers` it runs in so many threads, which needs `--unstable-net` and `--allow-read`.
 *
 * @module
 */
import { flag, value } from "./flags.ts";
import { type EchoOptions, serveEcho } from "./serve_echo.ts";

const data: EchoOptions = {
  api: value("api", "callbacks"),
  deflate: flag("deflate"),
  lend: flag("lend"),
  fanout: flag("fanout"),
};
const listen = {
  port: Number(value("port", "0")),
  hostname: "127.0.0.1",
  onListen: (addr: Deno.Addr) => console.log(`listening on ${"port" in addr ? addr.port : ""}`),
};
if (flag("workers")) {
  const { serveWorkers } = await import("../lib/workers/mod.ts");
  await serveWorkers(new URL("echo_worker.ts", import.meta.url), {
    ...listen,
    workers: Number(value("workers", "2")),
    data,
  });
} else serveEcho(data, listen);
