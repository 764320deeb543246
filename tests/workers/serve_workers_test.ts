import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { serveWorkers, type ServeWorkersOptions } from "../../lib/workers/serve_workers.ts";
import { soon, until } from "../_support/wait.ts";

const FIXTURE = new URL("_fixture.ts", import.meta.url);

/** Workers without a server of their own, told what to do and heard on a channel. */
function control(module: URL = FIXTURE) {
  const name = `control ${crypto.randomUUID()}`;
  const channel = new BroadcastChannel(name);
  const said: string[] = [];
  const errors: string[] = [];
  channel.onmessage = ({ data }) => void said.push(data);
  return {
    said,
    errors,
    tell: (order: string) => channel.postMessage(order),
    start: (options: ServeWorkersOptions = {}, data: object = {}) =>
      serveWorkers(module, {
        workers: 2,
        hostname: "127.0.0.1",
        port: 0,
        data: { control: name, ...data },
        restart: { first: 1, most: 1 },
        onError: (error) => void errors.push(error instanceof Error ? error.message : String(error)),
        ...options,
      }),
    [Symbol.dispose]: () => channel.close(),
  };
}

Deno.test("every worker starts with the same port, its number and the application's data; the server is there when all listen", async () => {
  using workers = control();
  const addresses: Deno.Addr[] = [];
  const server = await workers.start({ onListen: (addr) => void addresses.push(addr) });
  const { addr, url, listening } = server;
  assert(addr.transport === "tcp" && addr.port > 0);
  assertEquals({ url, listening, addresses }, { url: `ws://127.0.0.1:${addr.port}`, listening: 2, addresses: [addr] });
  await soon(server.shutdown(), "The shutdown");
  assertEquals(server.listening, 0);
  await until(() => workers.said.length === 4, "What they say");
  const started = ["0 of 2 on 127.0.0.1 true true", "1 of 2 on 127.0.0.1 true true"];
  assertEquals(workers.said.toSorted(), [started[0], "0 shutdown {}", started[1], "1 shutdown {}"]);
  assertEquals(workers.errors, []);
});

Deno.test("the workers' brokers carry messages from one to the other", async () => {
  using workers = control();
  await using server = await workers.start({ workers: 3 });
  workers.tell("1 publish");
  await until(() => workers.said.filter((line) => line.includes("heard")).length === 2, "The message");
  assertEquals(workers.said.filter((line) => line.includes("heard")).toSorted(), ["0 heard from 1", "2 heard from 1"]);
  assertEquals(server.listening, 3);
});

Deno.test("a worker that crashes is reported and started again; the others go on", async () => {
  using workers = control();
  await using server = await workers.start();
  const begun = () => workers.said.filter((line) => line.startsWith("1 of")).length;
  for (const crash of [1, 2]) {
    workers.tell("1 throw");
    await until(() => workers.errors.length === crash, "The crash");
    await until(() => begun() === 1 + crash && server.listening === 2, "The next worker");
  }
  assert(
    /^Worker 1 is gone: Uncaught .*Error: crashed \(.*_fixture\.ts:\d+\)$/.test(workers.errors[0]!),
    workers.errors[0],
  );
  workers.tell("1 publish");
  await until(() => workers.said.includes("0 heard from 1"), "The message of the new worker");
  assertEquals(workers.said.filter((line) => line.startsWith("0 of")).length, 1);
});

Deno.test("a worker whose server stops by itself is reported and started again", async () => {
  using workers = control();
  await using server = await workers.start();
  workers.tell("0 finish");
  await until(() => workers.errors.length === 1 && server.listening === 2, "The next worker");
  assertEquals(workers.errors, ["Worker 0 is gone: its server has stopped"]);
});

Deno.test("where one worker does not start, none stays, and the error says why", async () => {
  using workers = control();
  const error = await assertRejects(() => workers.start({}, { refuse: 1 }), Error);
  assertEquals(error.message, "Worker 1 did not start: RangeError: no");
});

Deno.test("a module that does not load, or does not call startWorker, is an error that says so", async () => {
  using missing = control(new URL("_missing.ts", import.meta.url));
  await assertRejects(() => missing.start(), Error, "did not start: ");
  using silent = control(new URL("data:text/javascript,setInterval(() => {}, 1000)"));
  await assertRejects(
    () => silent.start({ startTimeout: 300 }),
    Error,
    "did not start: its module did not call startWorker, or that took more than 300 ms",
  );
});

Deno.test("shutdown hands on its options, once, and a signal does it too", async () => {
  using workers = control();
  const stop = new AbortController();
  const server = await workers.start({ workers: 1, signal: stop.signal });
  assertThrows(() => void server.shutdown({ code: 1005 }), RangeError);
  const shutdown = server.shutdown({ code: 4000, reason: "bye" });
  stop.abort();
  assertEquals(server.shutdown(), shutdown);
  await soon(server.finished, "The end");
  await until(() => workers.said.length === 2, "What it says");
  assertEquals(workers.said.at(-1), '0 shutdown {"code":4000,"reason":"bye"}');

  using others = control();
  const stopped = await others.start({ workers: 1, signal: AbortSignal.abort() });
  await soon(stopped.finished, "The end");
  await until(() => others.said.length === 2, "What it says");
  assertEquals(others.said.at(-1), "0 shutdown {}");
});

Deno.test("a taken port is found out, though sockets that share it would not", async () => {
  using workers = control();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await assertRejects(() => workers.start({ port: taken.addr.port }), Deno.errors.AddrInUse);
  assertEquals(workers.said, []);
});

Deno.test("the number of workers is checked", async () => {
  using workers = control();
  for (const number of [0, 1.5, NaN]) {
    await assertRejects(() => workers.start({ workers: number }), RangeError, `Cannot use workers ${number}`);
  }
});
