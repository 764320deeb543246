import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { runDeno } from "../_support/child.ts";
import { soon, until } from "../_support/wait.ts";
import { control } from "./_control.ts";

/** Plays in a process of its own: Deno always prints the error that ends a worker. */
async function playCrash(play: string): Promise<{ errors: string[]; said: string[] }> {
  const permissions = ["--no-prompt", "--no-check", "--quiet", "--allow-net=127.0.0.1", "--allow-read"];
  const cwd = new URL("../..", import.meta.url);
  return JSON.parse(await runDeno(["run", ...permissions, "tests/workers/_crashes.ts", play], { cwd }));
}

Deno.test("every worker starts with the same port, its number and the application's data; serve resolves when all listen", async () => {
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
  const { errors, said } = await playCrash("crash");
  assertEquals(errors.length, 2);
  for (const error of errors) {
    assertMatch(error, /^Worker 1 is gone: Uncaught .*Error: crashed \(.*_fixture\.ts:\d+\)$/);
  }
  const count = (start: string) => said.filter((line) => line.startsWith(start)).length;
  assertEquals([count("0 of"), count("1 of"), said.includes("0 heard from 1")], [1, 3, true]);
});

Deno.test("a worker whose server stops by itself is reported and started again", async () => {
  using workers = control();
  await using server = await workers.start();
  workers.tell("0 finish");
  await until(() => workers.errors.length === 1 && server.listening === 2, "The next worker");
  assertEquals(workers.errors, ["Worker 0 is gone: its server has stopped"]);
});

Deno.test("if one worker does not start, all are stopped, and the error says why", async () => {
  using workers = control();
  const error = await assertRejects(() => workers.start({}, { refuse: 1 }), Error);
  assertEquals(error.message, "Worker 1 did not start: RangeError: no");
});

Deno.test("a module that does not load, or does not call startWorker, is an error that says so", async () => {
  const { errors } = await playCrash("missing");
  assertMatch(errors[0] ?? "", /^Worker [01] did not start: .*_missing\.ts/);
  using silent = control(new URL("data:text/javascript,setInterval(() => {}, 1000)"));
  await assertRejects(
    () => silent.start({ startTimeout: 300 }),
    Error,
    "did not start: its module did not call startWorker, or that took more than 300 ms",
  );
});

Deno.test("shutdown passes on its options, once, and a signal shuts down too", async () => {
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

Deno.test("a taken port is detected, although shared sockets would not detect it", async () => {
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
