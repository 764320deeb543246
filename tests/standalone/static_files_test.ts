import { assertEquals, assertRejects } from "@std/assert";
import { mediaType, serveFiles } from "../../lib/standalone/static_files.ts";
import { folder } from "../handlers/_support.ts";

const SITE = {
  "www/index.html": "<p>home",
  "www/a b/ü.txt": "ü",
  "www/sub/index.html": "<p>sub",
  "www/empty/.keep": "",
  "www/.env": "SECRET=1",
  "www/.git/config": "secret",
  "www-private/key.txt": "secret",
  "outside.txt": "secret",
};

async function get(root: string, path: string, init?: RequestInit): Promise<Response | undefined> {
  return await (await serveFiles(root))(new Request(`http://localhost${path}`, init));
}

Deno.test("a file is answered with its type and length; HEAD is answered without the file", async () => {
  await using site = await folder(SITE);
  const root = `${site.path}/www`;
  const found = await get(root, "/a%20b/%C3%BC.txt?v=1");
  assertEquals(await found?.text(), "ü");
  const headers = { "content-type": "text/plain; charset=utf-8", "content-length": "2", "cache-control": "no-cache" };
  assertEquals(Object.fromEntries(found!.headers), { ...headers, "x-content-type-options": "nosniff" });
  const head = await get(root, "/a%20b/%C3%BC.txt", { method: "HEAD" });
  assertEquals([head?.status, head?.body, head?.headers.get("content-length")], [200, null, "2"]);
});

Deno.test("a folder is answered with its index.html, under the address that its links are relative to", async () => {
  await using site = await folder(SITE);
  const root = `${site.path}/www`;
  assertEquals(await (await get(root, "/"))?.text(), "<p>home");
  assertEquals(await (await get(root, "/sub/"))?.text(), "<p>sub");
  const moved = await get(root, "/sub?a=1");
  assertEquals([moved?.status, moved?.headers.get("location")], [308, "/sub/?a=1"]);
  assertEquals(await get(root, "/empty/"), undefined);
});

Deno.test("methods other than GET and HEAD get 405 if there is a file", async () => {
  await using site = await folder(SITE);
  const refused = await get(`${site.path}/www`, "/index.html", { method: "POST", body: "x" });
  assertEquals([refused?.status, refused?.headers.get("allow")], [405, "GET, HEAD"]);
  assertEquals(await get(`${site.path}/www`, "/nothing", { method: "POST", body: "x" }), undefined);
});

Deno.test("no path leaves the root, or reaches a hidden file", async () => {
  await using site = await folder(SITE);
  await site.link("www/link.txt", `${site.path}/outside.txt`);
  await site.link("www/neighbour", `${site.path}/www-private`);
  await site.link("www/inside.html", `${site.path}/www/index.html`);
  await site.link("www/loop", `${site.path}/www/loop`);
  const root = `${site.path}/www`;
  const bad = [
    "/../outside.txt",
    "/%2e%2e/outside.txt",
    "/..%2foutside.txt",
    "/..%5coutside.txt",
    "/..\\outside.txt",
    "/%252e%252e/outside.txt",
    "/sub/..%2f..%2foutside.txt",
    "/www-private/key.txt",
    "/link.txt",
    "/neighbour/key.txt",
    "/loop",
    "/.env",
    "/%2eenv",
    "/.git/config",
    "/index.html%00.txt",
    "/index.html/",
    "/index.html/x",
    "//index.html",
    "/sub//index.html",
    "/C:/index.html",
    "/index.html::$DATA",
    "/%ff",
    "/%",
    `/${"x".repeat(5000)}`,
  ];
  for (const path of bad) assertEquals(await get(root, path), undefined, path);
  assertEquals(await (await get(root, "/inside.html"))?.text(), "<p>home");
});

Deno.test("the root must be a folder", async () => {
  await using site = await folder(SITE);
  await assertRejects(() => serveFiles(`${site.path}/nothing`), Deno.errors.NotFound);
  await assertRejects(() => serveFiles(`${site.path}/outside.txt`), Deno.errors.NotADirectory);
});

Deno.test("the media type depends on the extension, in either case", () => {
  const names = ["a.HTML", "b.min.js", "c.svg", "d.woff2", "README", "e.xyz"];
  assertEquals(names.map(mediaType), [
    "text/html; charset=utf-8",
    "text/javascript; charset=utf-8",
    "image/svg+xml",
    "font/woff2",
    "application/octet-stream",
    "application/octet-stream",
  ]);
});
