/**
 * The English of pages, comments and messages: a list of words that are avoided (`_support/words.ts`).
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { avoidedIn } from "./_support/words.ts";

const ROOT = new URL("../", import.meta.url);

/** Every page and source file below a folder, or a file itself. */
function* files(path: string): Generator<string> {
  if (!path.endsWith("/")) return yield path;
  for (const { name, isDirectory } of Deno.readDirSync(new URL(path, ROOT))) {
    if (isDirectory && !["site", "node_modules", "results"].includes(name)) yield* files(`${path}${name}/`);
    else if (/\.(?:md|ts|js|html|css|conf)$/.test(name)) yield `${path}${name}`;
  }
}

const READ = [
  "README.md",
  "SECURITY.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "mod.ts",
  "lib/",
  "docs/",
  "examples/",
  "bench/",
];

Deno.test("pages, comments and messages avoid the words of _support/words.ts", () => {
  const found = READ.flatMap((path) => [...files(path)]).flatMap((path) =>
    Array.from(
      avoidedIn(Deno.readTextFileSync(new URL(path, ROOT))),
      ([line, words, write]) => `${path}:${line}: "${words}". Write: ${write}`,
    )
  );
  assertEquals(found, []);
});

Deno.test("the list finds each of its words, and ignores the others", () => {
  const text = "Whoever reads\nis told (T7, F16)\nby nobody's peer.\nA peer gets 1002 (RFC 6455 §7.4).";
  assertEquals(Array.from(avoidedIn(text), ([line, found]) => [line, found]), [
    [1, "Whoever"],
    [2, "is told"],
    [2, "(T7, F16)"],
    [3, "nobody's"],
  ]);
});
