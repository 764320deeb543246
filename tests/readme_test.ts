/**
 * The README is short, and it is true: its programs run (`deno test --doc`), its limits are the source's, its ratios were measured.
 *
 * @module
 */
import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { blocksOf, pages, read, referencePage } from "./_support/docs.ts";

/** The cells of each row of a table that has this head, but for the first two lines. */
function rowsOf(text: string, head: readonly string[]): string[][] {
  const tables = text.split(/\n{2,}/).filter((part) => part.startsWith("|"))
    .map((part) => part.trim().split("\n").map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim())));
  return tables.filter(([first]) => head.every((name, i) => first![i] === name)).flatMap((rows) => rows.slice(2));
}

Deno.test("the README has at most three screens, and all of its programs run", () => {
  assertLessOrEqual(read("README.md").trimEnd().split("\n").length, 150);
  const programs = blocksOf("README.md").filter(({ words }) => words[0] === "ts");
  assertEquals(programs.map(({ words }) => words.length), [1, 1, 1]);
});

Deno.test("the README's limits have the defaults of lib/limits.ts", () => {
  const defaults = new Map<string, string>();
  for (const [, name, amount] of referencePage().matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm)) {
    if (!defaults.has(name!)) defaults.set(name!, amount!);
  }
  const rows = rowsOf(read("README.md"), ["option", "default"]);
  assert(rows.length > 0);
  for (const [options, amounts] of rows) {
    const names = Array.from(options!.matchAll(/`(\w+)`/g), ([, name]) => name!);
    assertEquals(names.map((name) => defaults.get(name)), amounts!.split(", "), options);
  }
});

Deno.test("every ratio in a table with the columns work, ours, against and ratio matches bench/results/results.md", () => {
  const head = ["work", "ours", "against", "ratio"];
  const measured = rowsOf(read("bench/results/results.md"), head).map((row) => row.slice(0, 4));
  const told = ["README.md", ...pages()].flatMap((page) => rowsOf(read(page), head).map((row) => [page, ...row]));
  assert(told.some(([page]) => page === "README.md"));
  const found = told.map(([page, ...row]) => {
    const line = measured.find((line) => `${line.slice(0, 3)}` === `${row.slice(0, 3)}`) ?? [];
    return [page, ...line];
  });
  assertEquals(told, found, "Copy the rows from bench/results/results.md");
});
