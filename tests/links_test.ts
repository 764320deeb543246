/**
 * Every link in the repository's Markdown leads to a file or a folder, and to a heading of it where it names one.
 *
 * @module
 */
import { assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/** Every page below a folder, but for what others wrote and what is made by a command. */
function* markdown(folder = ""): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, ROOT))) {
    if (name.startsWith(".") || ["node_modules", "coverage", "site", "partial"].includes(name)) continue;
    if (isDirectory) yield* markdown(`${folder}${name}/`);
    else if (name.endsWith(".md")) yield `${folder}${name}`;
  }
}

/** A page without what only looks like Markdown. */
function prose(text: string): string {
  return text.replace(/^( *)```[^]*?^\1```$/gm, "").replace(/`[^`\n]*`/g, (code) => code.replace(/[\][()]/g, " "));
}

/** The headings of a page as fragments, as GitHub makes them: a second one of the same name ends in `-1`. */
function fragmentsOf(text: string): Set<string> {
  const fragments = new Set<string>();
  for (const [, heading] of prose(text).matchAll(/^#+ (.*)$/gm)) {
    const name = heading!.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-");
    let fragment = name;
    for (let i = 1; fragments.has(fragment); i++) fragment = `${name}-${i}`;
    fragments.add(fragment);
  }
  return fragments;
}

const PAGES = [...markdown()].sort();

Deno.test("every link in a page points to a file, and to a heading of it if it names one", () => {
  const dead: string[] = [];
  let links = 0;
  for (const page of PAGES) {
    const text = prose(Deno.readTextFileSync(new URL(page, ROOT)));
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target!)) continue;
      links++;
      const [path = "", fragment] = target!.split("#");
      const url = path === "" ? new URL(page, ROOT) : new URL(path, new URL(page, ROOT));
      if (!leads(url, fragment)) dead.push(`${page}: ${target}`);
    }
  }
  assertEquals(dead, []);
  assertEquals(links > 100, true);
});

function leads(url: URL, fragment: string | undefined): boolean {
  try {
    const { isFile } = Deno.statSync(url);
    return fragment === undefined || (isFile && fragmentsOf(Deno.readTextFileSync(url)).has(fragment));
  } catch {
    return false;
  }
}

Deno.test("every page of the documentation is in its index, or in a page that is", () => {
  const reached = new Set(["README.md"]);
  for (const page of reached) {
    for (const [, target] of prose(Deno.readTextFileSync(new URL(page, ROOT))).matchAll(/\]\(([^)\s#]+\.md)/g)) {
      reached.add(new URL(target!, new URL(page, ROOT)).href.slice(ROOT.href.length));
    }
  }
  assertEquals(PAGES.filter((page) => page.startsWith("docs/") && !reached.has(page)), []);
});
