import { assertEquals, assertThrows } from "@std/assert";
import { allows, atOnce, handleReturn, isThenable, logError } from "../lib/log_error.ts";
import { printed } from "./_support/printed.ts";
import { settle } from "./_support/wait.ts";

Deno.test("an error goes to the hook, and to the console if there is no hook", async () => {
  const heard: unknown[] = [];
  const lines = await printed(() => {
    logError("a", { onError: (error) => heard.push(error) });
    logError("b");
  });
  assertEquals([heard, lines], [["a"], ["b"]]);
});

Deno.test("a hook that throws or rejects is reported to the console, with its error", async () => {
  const lines = await printed(async () => {
    logError("a", {
      onError() {
        throw new Error("thrown");
      },
    });
    logError("b", { onError: () => Promise.reject("rejected") });
    await settle();
  });
  assertEquals(lines.map(String), ["Error: thrown", "rejected"]);
});

Deno.test("a call may return anything: it has failed only if it throws or rejects", async () => {
  const failed: unknown[] = [];
  const rejecting = { then: (_: unknown, reject: (error: unknown) => void) => reject("thenable") };
  for (const value of [undefined, true, {}, { then: 1 }, Promise.resolve(1), Promise.reject("promise"), rejecting]) {
    handleReturn(() => value, (error) => failed.push(error));
  }
  await settle();
  assertEquals(failed, ["promise", "thenable"]);
});

Deno.test("a thenable is an object with a then method", () => {
  const values = [Promise.resolve(), { then() {} }, { then: 1 }, {}, null, undefined, "then", () => {}];
  assertEquals(values.map(isThenable), [true, true, false, false, false, false, false, false]);
});

Deno.test("only true allows: a promise refuses, whatever it resolves to, and its rejection is reported", async () => {
  const failed: unknown[] = [];
  const values = [true, false, undefined, 1, "yes", Promise.resolve(true), Promise.reject("promise")];
  assertEquals(values.map((value) => allows(value, (error) => failed.push(error))), [true, ...Array(6).fill(false)]);
  await settle();
  assertEquals(failed, ["promise"]);
});

Deno.test("an answer is needed at once: a promise throws, and its rejection is reported", async () => {
  const failed: unknown[] = [];
  const answer = (value: unknown) => atOnce(value, "takes()", (error) => failed.push(error));
  assertEquals([true, false, undefined, "yes"].map(answer), [true, false, undefined, "yes"]);
  for (const promise of [Promise.resolve(true), Promise.reject("promise")]) {
    assertThrows(() => answer(promise), TypeError, "takes() must return its answer at once, not a promise");
  }
  await settle();
  assertEquals(failed, ["promise"]);
});
