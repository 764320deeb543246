import { assertEquals, assertThrows } from "@std/assert";
import { composeStages, type Stage } from "../../lib/pipeline/stage.ts";
import { runStage } from "../_support/stages.ts";

/** Splits lines into words, and refuses the word `bad`; ends with a dot. */
const words = (): Stage<string, string> => ({
  push(line, output) {
    for (const word of line.split(" ").filter((word) => word !== "")) {
      if (word === "bad") throw new Error("bad word");
      output.push(word);
    }
  },
  end: (output) => void output.push("."),
});

/** Gives the lengths of words, and refuses those above 5; ends with -1. */
const lengths = (): Stage<string[], number> => ({
  push(batch, output) {
    for (const { length } of batch) {
      if (length > 5) throw new Error("long word");
      output.push(length);
    }
  },
  end: (output) => void output.push(-1),
});

Deno.test("two stages as one run each chunk through both, and end in order", () => {
  assertEquals(runStage(composeStages(words(), lengths()), ["a bc", "", "def"]), {
    output: [1, 2, 3, 1, -1],
    error: undefined,
  });
});

Deno.test("each chunk is one batch for the second stage, and a chunk that completes nothing is no batch", () => {
  const batches: string[][] = [];
  const stage = composeStages(words(), { push: (batch: string[]) => void batches.push(batch) });
  runStage(stage, ["a b", "", "c"]);
  assertEquals(batches, [["a", "b"], ["c"], ["."]]);
});

Deno.test("output before an error of the first stage passes the second before the error is thrown", () => {
  const output: number[] = [];
  assertThrows(() => composeStages(words(), lengths()).push("a bc bad d", output), Error, "bad word");
  assertEquals(output, [1, 2]);
});

Deno.test("output before an error of the second stage is emitted before the error is thrown", () => {
  const output: number[] = [];
  assertThrows(() => composeStages(words(), lengths()).push("a bc toolong d", output), Error, "long word");
  assertEquals(output, [1, 2]);
});

Deno.test("if both stages refuse a chunk, the error that comes first in the input is thrown", () => {
  const output: number[] = [];
  assertThrows(() => composeStages(words(), lengths()).push("a toolong bad", output), Error, "long word");
  assertEquals(output, [1]);
});

Deno.test("an error at the end of the first stage is thrown after its last output, and the second is not ended", () => {
  const first: Stage<string, string> = {
    push() {},
    end(output) {
      output.push("abc");
      throw new Error("too early");
    },
  };
  const output: number[] = [];
  assertThrows(() => composeStages(first, lengths()).end?.(output), Error, "too early");
  assertEquals(output, [3]);
});

Deno.test("stages without an end compose, on either side", () => {
  const { push } = words();
  const second = lengths();
  assertEquals(runStage(composeStages({ push }, second), ["a"]).output, [1, -1]);
  assertEquals(runStage(composeStages(words(), { push: second.push }), ["a"]).output, [1, 1]);
});
