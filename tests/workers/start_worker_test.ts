import { assertEquals, assertThrows } from "@std/assert";
import { startWorker, type WorkerServer } from "../../lib/workers/start_worker.ts";
import { settle } from "../_support/wait.ts";

const listen = { port: 1, hostname: "127.0.0.1", reusePort: true } as const;
const order = { sluice: "start", start: { listen, index: 1, workers: 2, channel: "start_worker_test", data: "x" } };

/** Makes this a worker, as far as `startWorker` can see. */
function worker() {
  const posts: unknown[] = [];
  const listeners: ((event: MessageEvent) => void)[] = [];
  const add = globalThis.addEventListener;
  Object.assign(globalThis, {
    postMessage: (post: unknown) => void posts.push(post),
    addEventListener: (_: string, listener: (event: MessageEvent) => void) => void listeners.push(listener),
  });
  return {
    posts,
    async tell(data: unknown): Promise<void> {
      for (const listener of listeners) listener(new MessageEvent("message", { data }));
      await settle();
    },
    [Symbol.dispose](): void {
      Object.assign(globalThis, { addEventListener: add });
      Reflect.deleteProperty(globalThis, "postMessage");
    },
  };
}

/** A server that stops on command. */
function server(stops: unknown[] = []): WorkerServer {
  const { promise: finished, resolve } = Promise.withResolvers<void>();
  const addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  return { addr, url: "ws://127.0.0.1:1", finished, shutdown: (options) => (stops.push(options), resolve(), finished) };
}

Deno.test("calling startWorker outside a worker throws an error that says so", () => {
  assertThrows(() => startWorker(() => server()), DOMException, "Cannot start a worker here");
});

Deno.test("a worker reports that it is ready, starts its server on command, answers pings, and stops with its brokers", async () => {
  using scope = worker();
  const stops: unknown[] = [];
  const states: string[] = [];
  startWorker<string>((given, { index, workers, data, broker }) => {
    assertEquals({ given, index, workers, data }, { given: listen, index: 1, workers: 2, data: "x" });
    broker().attach({ receive() {}, state: (state) => void states.push(state) });
    return Promise.resolve(server(stops));
  });
  await scope.tell("an application's message");
  await scope.tell({ sluice: "shutdown", options: {} }); // nothing is there to stop
  await scope.tell(order);
  await scope.tell({ sluice: "ping" });
  await scope.tell({ sluice: "shutdown", options: { code: 4000 } });
  const { addr, url } = server();
  assertEquals(scope.posts, [
    { sluice: "ready" },
    { sluice: "listening", addr, url },
    { sluice: "pong" },
    { sluice: "finished" },
  ]);
  assertEquals([stops, states], [[{ code: 4000 }], ["up", "closed"]]);
});

Deno.test("a worker reports why its server does not start", async () => {
  using scope = worker();
  startWorker(() => {
    throw new RangeError("no");
  });
  await scope.tell(order);
  assertEquals(scope.posts.at(-1), { sluice: "failed", reason: "RangeError: no" });
});

Deno.test("a function of startWorker that returns no server fails the start", async () => {
  for (const [made, shown] of [[undefined, "undefined"], [{ addr: 1 }, "(an object)"]] as const) {
    using scope = worker();
    startWorker(() => made as unknown as WorkerServer);
    await scope.tell(order);
    const reason = `TypeError: Cannot use the server of startWorker() ${shown}: it must be a server with addr, url, ` +
      "finished and shutdown(), as serve() makes one";
    assertEquals(scope.posts, [{ sluice: "ready" }, { sluice: "failed", reason }]);
  }
});
