import { assertEquals } from "@std/assert";
import { isMet, ratioOf, type Result, spread, spreadOf } from "../../bench/results.ts";

const result: Result = {
  work: "echo",
  unit: "messages/s",
  targets: [],
  runs: {
    ours: [{ value: 30, busy: 0.5 }, { value: 10, busy: 1 }, { value: 40, busy: 0.75 }],
    theirs: [{ value: 10 }, { value: 5 }, { value: 10 }],
  },
};

Deno.test("a spread has the middle number, or the mean of the two in the middle, and both ends", () => {
  assertEquals(spread([30, 4, 5]), { median: 5, least: 4, most: 30 });
  assertEquals(spread([30, 4, 5, 7]), { median: 6, least: 4, most: 30 });
  assertEquals(spread([7]), { median: 7, least: 7, most: 7 });
});

Deno.test("a ratio compares runs of the same round", () => {
  assertEquals(ratioOf(result, { ours: "ours", against: "theirs" }), { median: 3, least: 2, most: 4 });
});

Deno.test("what was not measured has no spread and no ratio", () => {
  assertEquals(spreadOf(result, "ours", "busy")?.median, 0.75);
  assertEquals(spreadOf(result, "theirs", "busy"), undefined);
  assertEquals(ratioOf(result, { ours: "ours", against: "theirs" }, "busy"), undefined);
  assertEquals(ratioOf(result, { ours: "ours", against: "nobody" }), undefined);
  assertEquals(ratioOf(result, { ours: "nobody", against: "ours" }), undefined);
});

Deno.test("a target is met at its number, and missed beyond it", () => {
  const target = { ours: "ours", against: "theirs" };
  const at = (median: number) => ({ median, least: 0, most: 9 });
  assertEquals([1.1, 1.09].map((ratio) => isMet({ ...target, atLeast: 1.1 }, at(ratio))), [true, false]);
  assertEquals([0.5, 0.51].map((ratio) => isMet({ ...target, atMost: 0.5 }, at(ratio))), [true, false]);
});
