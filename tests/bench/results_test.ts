import { assertEquals } from "@std/assert";
import { differenceOf, isMet, ratioOf, type Result, spread, spreadOf } from "../../bench/results.ts";
import type { Target } from "../../bench/rows.ts";

const result: Result = {
  work: "echo",
  unit: "messages/s",
  targets: [],
  runs: {
    ours: [{ value: 30, busy: 0.5 }, { value: 10, busy: 1 }, { value: 40, busy: 0.75 }],
    theirs: [{ value: 10 }, { value: 5 }, { value: 10 }],
  },
};

Deno.test("a spread has the median (or the mean of the two middle values) and both ends", () => {
  assertEquals(spread([30, 4, 5]), { median: 5, least: 4, most: 30 });
  assertEquals(spread([30, 4, 5, 7]), { median: 6, least: 4, most: 30 });
  assertEquals(spread([7]), { median: 7, least: 7, most: 7 });
});

Deno.test("a ratio compares runs of the same round", () => {
  assertEquals(ratioOf(result, { ours: "ours", against: "theirs" }), { median: 3, least: 2, most: 4 });
});

Deno.test("a missing measurement has no spread and no ratio", () => {
  assertEquals(spreadOf(result, "ours", "busy")?.median, 0.75);
  assertEquals(spreadOf(result, "theirs", "busy"), undefined);
  assertEquals(ratioOf(result, { ours: "ours", against: "theirs" }, "busy"), undefined);
  assertEquals(ratioOf(result, { ours: "ours", against: "nobody" }), undefined);
  assertEquals(ratioOf(result, { ours: "nobody", against: "ours" }), undefined);
});

Deno.test("a target is met at its number and missed beyond it", () => {
  const verdict = (target: Partial<Target>) => isMet(result, { ours: "ours", against: "theirs", ...target });
  assertEquals([3, 3.1].map((atLeast) => verdict({ atLeast })), [true, false]);
  assertEquals([3, 2.9].map((atMost) => verdict({ atMost })), [true, false]);
  assertEquals(verdict({ against: "nobody", atMost: 1 }), undefined);
});

Deno.test("a target may judge processor time, of which less is better", () => {
  const spent: Result = { ...result, runs: { ours: [{ value: 1, cpu: 4 }], theirs: [{ value: 9, cpu: 6 }] } };
  const verdict = (atLeast: number) =>
    isMet(spent, { ours: "ours", against: "theirs", atLeast, byProcessorTime: true });
  assertEquals([1.5, 1.6].map(verdict), [true, false]);
});

Deno.test("a target may limit the difference instead of the ratio", () => {
  assertEquals(differenceOf(result, { ours: "ours", against: "theirs" }), { median: 20, least: 5, most: 30 });
  assertEquals(differenceOf(result, { ours: "ours", against: "nobody" }), undefined);
  const verdict = (atMostMore: number) => isMet(result, { ours: "ours", against: "theirs", atMostMore });
  assertEquals([20, 19].map(verdict), [true, false]);
});
