import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { invalidState } from "../../lib/errors.ts";
import { connect, serve } from "../../mod.ts";
import { checkSteps, runSteps } from "./application.ts";
import type { Step } from "./application/hosts.ts";
import { Divergence } from "./_target.ts";

/** A step that does something, and notes it. */
function step(text: string, run: Step["run"] = () => {}): Step {
  return {
    text,
    run(world) {
      world.judge.note(text);
      return run(world);
    },
  };
}

const FAULTS: Record<string, Step["run"]> = {
  'unhandled rejection: Error "mine"': () => void Promise.reject(new Error("mine")),
  'uncaught: Error "mine"': () =>
    queueMicrotask(() => {
      throw new Error("mine");
    }),
  "thrown at the call: send: InvalidStateError": ({ judge }) =>
    judge.call("send", {}, () => {
      throw invalidState("The connection is closed");
    }),
  "the engine's error at the call: send: TypeError": ({ judge }) =>
    judge.call("send", { wrong: true }, () => {
      throw new TypeError("handler.message is not a function");
    }),
  "does not settle: send": ({ judge }) => judge.call("send", {}, () => new Promise(() => {})) && undefined,
  "listeners are left of a signal": ({ judge }) =>
    judge.controller("a signal").signal.addEventListener("abort", () => {}),
  "a connection is not closed: the near end of wire 1": (world) => world.wire()[1].close(),
};
for (const [finding, run] of Object.entries(FAULTS)) {
  Deno.test(`a program fails if this is found: ${finding}`, async () => {
    const { findings } = await runSteps([step("the fault", run)]);
    assertEquals(findings.map((found) => found.slice(0, finding.length)), [finding]);
  });
}

Deno.test("a program fails if a timer is left", async () => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const { findings } = await runSteps([step("the fault", () => void (timer = setTimeout(() => {}, 60_000)))]);
  clearTimeout(timer);
  assertMatch(findings.join(), /^a timer is left: 60000 ms, [^,]+$/);
});

Deno.test("a program fails if an unrelated connection ends", async () => {
  const { findings } = await runSteps([step("the fault", async (world) => {
    const server = serve({ hostname: "127.0.0.1", port: 0 }, {});
    await world.host({ text: "a server", url: server.url, stopped: false, shutdown: () => server.shutdown() });
    for (const socket of server.connections) socket.abort();
    await (await connect(server.url)).close();
  })]);
  assertEquals(findings.map((found) => found.slice(0, 51)), ["an innocent connection of a server has ended: 1006 "]);
});

Deno.test("a failing program is reduced to the steps that matter", async () => {
  const others = Array.from({ length: 9 }, (_, at) => step(`step ${at}`));
  const fault = step("the fault", ({ judge }) => judge.lines.includes("what it needs") && judge.find("a fault"));
  const steps = [...others, step("what it needs"), ...others, fault];
  const { input, message } = await assertRejects(() => checkSteps([...steps, ...others]), Divergence);
  assertEquals([input, message], ["what it needs\nthe fault\nthe end: everything is closed", "a fault"]);
});
