import { assert, assertEquals, assertRejects } from "@std/assert";
import { WorkerSlot } from "../../lib/workers/worker_slot.ts";
import { FakeTime } from "../_support/fake_time.ts";

const addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
const listening = { sluice: "listening", addr, url: "ws://127.0.0.1:1" };

/** Workers that do what the test says, in place of Deno's. */
function fakeWorkers() {
  const made: FakeWorker[] = [];
  class FakeWorker {
    readonly orders: { sluice: string; options?: unknown }[] = [];
    onmessage: ((event: MessageEvent) => void) | null = null;
    onerror: ((event: ErrorEvent) => void) | null = null;
    ended = false;
    answers = true;

    constructor() {
      made.push(this);
    }
    say(data: unknown): void {
      this.onmessage?.(new MessageEvent("message", { data }));
    }
    crash(): void {
      this.onerror?.(new ErrorEvent("error", { message: "crashed", cancelable: true }));
    }
    postMessage(order: { sluice: string }): void {
      this.orders.push(order);
      if (order.sluice === "ping" && this.answers) this.say({ sluice: "pong" });
    }
    terminate(): void {
      this.ended = true;
    }
  }
  const real = globalThis.Worker;
  Object.assign(globalThis, { Worker: FakeWorker });
  return { made, [Symbol.dispose]: () => void Object.assign(globalThis, { Worker: real }) };
}

function slot(restart = { first: 100, most: 100 }) {
  const errors: string[] = [];
  const listen = { port: 1, hostname: "127.0.0.1", reusePort: true } as const;
  return {
    errors,
    slot: new WorkerSlot({
      module: "file:///worker.ts",
      start: { listen, index: 0, workers: 1, channel: "", data: undefined },
      startTimeout: 1_000,
      restart,
      onError: (error) => void errors.push(String(error)),
    }),
  };
}

Deno.test("a worker that answers pings stays; one that does not is stopped after half a minute, and replaced", async () => {
  using time = new FakeTime();
  using workers = fakeWorkers();
  const { slot: place, errors } = slot();
  const filled = place.fill();
  workers.made[0]!.say("an application's message");
  workers.made[0]!.say({ sluice: "ready" });
  workers.made[0]!.say(listening);
  assertEquals((await filled).url, "ws://127.0.0.1:1");
  await time.advance(600_000);
  assertEquals([workers.made.length, place.listening], [1, true]);

  workers.made[0]!.answers = false;
  await time.advance(40_000);
  assertEquals(errors, ["Error: Worker 0 is gone: it has not answered for 30000 ms"]);
  await time.advance(100);
  assertEquals([workers.made.length, workers.made[0]!.ended, place.listening], [2, true, false]);
  workers.made[1]!.say(listening);
  assertEquals(place.listening, true);
  workers.made[0]!.crash(); // an echo of the first
  assertEquals([errors.length, place.listening], [1, true]);
  place.end();
  assertEquals([workers.made[1]!.ended, time.timers], [true, 0]);
});

Deno.test("a worker that crashes repeatedly is restarted after growing delays; after a long run they start again", async () => {
  using time = new FakeTime();
  using workers = fakeWorkers();
  const { slot: place, errors } = slot({ first: 100, most: 60_000 });
  void place.fill();
  workers.made[0]!.say(listening);
  for (let crashes = 1; crashes <= 12; crashes++) {
    workers.made.at(-1)!.crash();
    assertEquals([errors.length, place.listening], [crashes, false]);
    while (workers.made.length === crashes) await time.advance(1_000);
    workers.made.at(-1)!.say(listening);
  }
  await time.advance(60_001);
  workers.made.at(-1)!.crash();
  await time.advance(100);
  assertEquals(workers.made.length, 14);
  // One that does not even start is tried again as well.
  await time.advance(1_000);
  assertEquals(
    errors.at(-1),
    "Error: Worker 0 did not start: its module did not call startWorker, or that took more than 1000 ms",
  );
  place.end();
});

Deno.test("a worker that does not shut down is terminated when its time is up", async () => {
  using time = new FakeTime();
  using workers = fakeWorkers();
  const { slot: place, errors } = slot();
  void place.fill();
  workers.made[0]!.say(listening);
  let empty = false;
  void place.empty({ code: 4000 }, 500).then(() => empty = true);
  assertEquals(workers.made[0]!.orders.at(-1), { sluice: "shutdown", options: { code: 4000 } });
  await time.advance(499);
  assertEquals([empty, workers.made[0]!.ended], [false, false]);
  await time.advance(1);
  assertEquals([empty, workers.made[0]!.ended, errors, time.timers], [true, true, [], 0]);
});

Deno.test("a worker that crashes during its shutdown is not restarted, nor one that waits for its restart", async () => {
  using time = new FakeTime();
  using workers = fakeWorkers();
  for (const crash of ["after", "before"]) {
    const { slot: place } = slot();
    const made = workers.made.length;
    void place.fill();
    workers.made.at(-1)!.say(listening);
    if (crash === "before") workers.made.at(-1)!.crash();
    const empty = place.empty({}, 500);
    if (crash === "after") workers.made.at(-1)!.crash();
    await empty;
    await time.advance(10_000);
    assertEquals(workers.made.length, made + 1);
  }
  assertEquals(time.timers, 0);
});

Deno.test("a worker that does not start is terminated, and its slot stays empty", async () => {
  using time = new FakeTime();
  using workers = fakeWorkers();
  const { slot: place, errors } = slot();
  const filled = assertRejects(() => place.fill(), Error, "Worker 0 did not start: no");
  workers.made[0]!.say({ sluice: "failed", reason: "no" });
  await filled;
  await time.advance(10_000);
  assertEquals([workers.made.length, errors.length, time.timers], [1, 0, 0]);
  assert(workers.made[0]!.ended);
});

Deno.test("data that cannot be cloned fails the start, and does not end the process", async () => {
  using _time = new FakeTime();
  using workers = fakeWorkers();
  const { slot: place } = slot();
  const filled = place.fill();
  workers.made[0]!.postMessage = () => {
    throw new DOMException("()=>1 could not be cloned.", "DataCloneError");
  };
  workers.made[0]!.say({ sluice: "ready" });
  await assertRejects(
    () => filled,
    Error,
    "Worker 0 did not start: its data cannot be passed to it: DataCloneError: ()=>1 could not be cloned.",
  );
  assert(workers.made[0]!.ended);
});
