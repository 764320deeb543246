import { assertEquals, assertRejects } from "@std/assert";
import { findHandlers } from "../../lib/handlers/find_handlers.ts";
import { folder } from "./_support.ts";

/** Looks for handlers; returns paths below `root` by resource name, and the warnings. */
async function find(root: string, scanDir?: string): Promise<{ found: Record<string, string>; warnings: string[] }> {
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message.replaceAll(root, ""));
  const found = await findHandlers({ root, warn, ...(scanDir === undefined ? {} : { scanDir }) });
  return { found: Object.fromEntries([...found].map(([name, path]) => [name, path.replace(root, "")])), warnings };
}

Deno.test("a handler is a file whose name ends with _wsh.ts, .js or .mjs; the part before is the resource name", async () => {
  await using root = await folder({
    "chat_wsh.ts": "",
    "example/deep/chat_wsh.js": "",
    "example/_wsh.mjs": "",
    "example/readme.txt": "",
    "wsh.ts": "",
    "chat_wsh.ts.bak": "",
    "chat_wsh_ts": "",
    "chat_WSH.ts": "",
    "old_wsh.py": "",
  });
  assertEquals(await find(root.path), {
    found: {
      "/chat": "/chat_wsh.ts",
      "/example/": "/example/_wsh.mjs",
      "/example/deep/chat": "/example/deep/chat_wsh.js",
    },
    warnings: [],
  });
});

Deno.test("scanDir limits the search, and resource names are still relative to the root", async () => {
  await using root = await folder({ "a_wsh.ts": "", "live/b_wsh.ts": "", "live/deep/c_wsh.ts": "" });
  const expected = { found: { "/live/b": "/live/b_wsh.ts", "/live/deep/c": "/live/deep/c_wsh.ts" }, warnings: [] };
  assertEquals(await find(root.path, "live"), expected);
  assertEquals(await find(root.path, `${root.path}/live/`), expected);
  assertEquals(Object.keys((await find(root.path, ".")).found), ["/a", "/live/b", "/live/deep/c"]);
});

Deno.test("H25: a scanDir outside the root is refused, also if its name begins like the root's", async () => {
  await using parent = await folder({ "ws/a_wsh.ts": "", "ws_evil/b_wsh.ts": "" });
  await parent.link("ws/link", "../ws_evil");
  const root = `${parent.path}/ws`;
  for (const scanDir of ["..", "../ws_evil", `${parent.path}/ws_evil`, "/", "link"]) {
    await assertRejects(() => find(root, scanDir), RangeError, "is not inside the root");
  }
});

Deno.test("H25: links that lead outside the root are skipped with a warning, and links inside it are followed", async () => {
  await using parent = await folder({
    "ws/real_wsh.ts": "",
    "ws/sub/inner_wsh.ts": "",
    "ws_evil/evil_wsh.ts": "",
    "readme.txt": "",
  });
  await parent.link("ws/evil_wsh.ts", "../ws_evil/evil_wsh.ts");
  await parent.link("ws/evil", "../ws_evil");
  await parent.link("ws/again_wsh.ts", "real_wsh.ts");
  await parent.link("ws/other", "sub");
  await parent.link("ws/readme", "../readme.txt");
  await parent.link("ws/broken_wsh.ts", "nowhere");
  const root = `${parent.path}/ws`;
  assertEquals(await find(root), {
    found: {
      "/again": "/real_wsh.ts",
      "/other/inner": "/sub/inner_wsh.ts",
      "/real": "/real_wsh.ts",
      "/sub/inner": "/sub/inner_wsh.ts",
    },
    warnings: [
      "/broken_wsh.ts is skipped: it cannot be read",
      "/evil is skipped: it leads outside of the root",
      "/evil_wsh.ts is skipped: it leads outside of the root",
    ],
  });
});

Deno.test("the root itself may be a link", async () => {
  await using parent = await folder({ "ws/a_wsh.ts": "" });
  await parent.link("link", "ws");
  assertEquals([...await findHandlers({ root: `${parent.path}/link`, warn() {} })], [[
    "/a",
    `${parent.path}/ws/a_wsh.ts`,
  ]]);
});

Deno.test("a link to a folder above is not followed in circles", async () => {
  await using root = await folder({ "sub/a_wsh.ts": "" });
  await root.link("sub/up", "..");
  await root.link("sub/self", ".");
  assertEquals(await find(root.path), {
    found: { "/sub/a": "/sub/a_wsh.ts" },
    warnings: [
      "/sub/self is skipped: it leads back to a folder above",
      "/sub/up is skipped: it leads back to a folder above",
    ],
  });
});

Deno.test("of two files for one resource the first by name serves it", async () => {
  await using root = await folder({ "a_wsh.ts": "", "a_wsh.js": "" });
  assertEquals(await find(root.path), {
    found: { "/a": "/a_wsh.js" },
    warnings: ["/a_wsh.ts is skipped: /a_wsh.js serves /a"],
  });
});

Deno.test("a resource name is a file's path as a URL has it, for nothing of a request is decoded", async () => {
  await using root = await folder({ "grüße heute_wsh.ts": "", "50%_wsh.ts": "", "a?b#c_wsh.ts": "" });
  const { found } = await find(root.path);
  assertEquals(Object.keys(found).toSorted(), ["/50%25", "/a%3Fb%23c", "/gr%C3%BC%C3%9Fe%20heute"]);
  for (const [name, path] of Object.entries(found)) assertEquals(decodeURIComponent(name), path.replace("_wsh.ts", ""));
});

Deno.test("a root or scanDir that does not exist is an error", async () => {
  await using root = await folder();
  await assertRejects(() => find(`${root.path}/nowhere`), Deno.errors.NotFound);
  await assertRejects(() => find(root.path, "nowhere"), Deno.errors.NotFound);
});
