import { assertEquals, assertThrows } from "@std/assert";
import { createLog } from "../../lib/standalone/log.ts";
import { reloadOnChange } from "../../lib/standalone/watch.ts";
import { soon } from "../_support/wait.ts";
import { folder } from "../handlers/_support.ts";
import { logged } from "./_support.ts";

Deno.test("handlers are reloaded when a file changes, once for simultaneous changes", async () => {
  await using files = await folder({ "a_wsh.js": "1" });
  const { promise, resolve } = Promise.withResolvers<void>();
  const lines: string[] = [];
  const log = createLog({ write: (line) => void (lines.push(line), resolve()) }, "info");
  let reloads = 0;
  const directory = {
    resources: ["/a"],
    reload: async () => {
      reloads++;
      await Deno.readTextFile(`${files.path}/a_wsh.js`); // which is no change
    },
  };
  using _watching = reloadOnChange({ paths: [files.path], directory, log });
  await files.write("a_wsh.js", "2");
  await files.write("a_wsh.js", "3");
  await soon(promise, "The reload");
  assertEquals(reloads, 1);
  assertEquals(lines.map((line) => line.trim().split(" ").slice(1).join(" ")), ["level=info event=reload handlers=1"]);
});

Deno.test("a reload that fails is logged, and the next change is seen", async () => {
  await using files = await folder({ "a_wsh.js": "1" });
  const { log, lines } = logged();
  let called = Promise.withResolvers<void>();
  const directory = {
    resources: [],
    reload: () => {
      called.resolve();
      return Promise.reject(new Error("no folder"));
    },
  };
  using _watching = reloadOnChange({ paths: [files.path], directory, log });
  for (const text of ["2", "3"]) {
    await files.write("a_wsh.js", text);
    await soon(called.promise, "The reload");
    called = Promise.withResolvers();
  }
  assertEquals(lines.every((line) => line.startsWith('level=error event=reload error="Error: no folder"')), true);
});

Deno.test("a missing path cannot be watched", () => {
  const { log } = logged();
  const directory = { resources: [], reload: () => Promise.resolve() };
  assertThrows(() => reloadOnChange({ paths: ["/no/such/folder"], directory, log }), Deno.errors.NotFound);
});
