/**
 * The static site: what `deno task docs` gives to VitePress. The build itself loads packages from npm, and takes a minute.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { pages } from "./_support/docs.ts";
import { writePages } from "./_support/site.ts";

/** Every file below a folder. */
async function* filesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) yield* filesIn(`${folder}/${name}`);
    else yield `${folder}/${name}`;
  }
}

Deno.test("the site has every page of the documentation, and each of its links points to a page or to a copy of a file", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-site-" });
  await writePages(folder);
  const written = new Set(await Array.fromAsync(filesIn(folder)));
  for (const page of pages()) assert(written.has(`${folder}/${page}`), page);
  const dead: string[] = [];
  let links = 0;
  for (const path of written) {
    if (!path.endsWith(".md")) continue;
    for (const [, target] of (await Deno.readTextFile(path)).matchAll(/\]\((\/[^)#\s]+)/g)) {
      links++;
      const leads = target!.startsWith("/source/") ? `${folder}/public${target}` : `${folder}${target}`;
      if (!written.has(leads)) dead.push(`${path.slice(folder.length)}: ${target}`);
    }
  }
  assertEquals(dead, []);
  assert(links > 100);
  const config = await Deno.readTextFile(`${folder}/.vitepress/config.mjs`);
  for (const page of pages("docs/how-to/")) assert(config.includes(`"/${page}"`), page);
  await Deno.remove(folder, { recursive: true });
});
