import { assert, assertEquals } from "@std/assert";
import { buildApi, read } from "./_support/docs.ts";

Deno.test("deno task docs: the start page links every entry point, and each entry point's page shows its import", async () => {
  const { exports }: { exports: Record<string, string> } = JSON.parse(read("deno.json"));
  const folder = await Deno.makeTempDir({ prefix: "sluice-api-" });
  try {
    await buildApi(folder);
    const start = await Deno.readTextFile(`${folder}/index.html`);
    for (const entry of Object.keys(exports).filter((entry) => entry !== ".")) {
      assert(start.includes(`<a href="${entry}/index.html">`), entry);
      const page = await Deno.readTextFile(`${folder}/${entry}/index.html`);
      const [, imported] = /import \* as mod from &quot;(.*?)&quot;/.exec(page) ?? [];
      assertEquals(imported, `@sluice/websocket${entry.slice(1)}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
