import { assertEquals, assertStringIncludes } from "@std/assert";
import type { UpgradeInfo } from "../../lib/server/server_options.ts";
import { connectionNumbers } from "../../lib/standalone/log.ts";
import { createSite, type SiteOptions } from "../../lib/standalone/site.ts";
import { logged } from "./_support.ts";

const INFO: UpgradeInfo = {
  remoteAddr: { transport: "tcp", hostname: "::1", port: 50_000 },
  localAddr: undefined,
  extensions: [],
  signal: new AbortController().signal,
};

function site(
  options: Partial<SiteOptions> = {},
): { get: (path: string, init?: RequestInit) => Promise<Response>; lines: string[] } {
  const { log, lines } = logged();
  const sockets = {
    resources: () => ["/chat", "/echo"],
    ping: (id: string) => Promise.resolve(id === "mine" ? 0.25 : undefined),
  };
  const answer = createSite({
    sockets,
    files: undefined,
    authenticate: undefined,
    log,
    idOf: connectionNumbers(),
    ...options,
  });
  return {
    get: (path: string, init?: RequestInit) => answer(new Request(`http://localhost${path}`, init), INFO),
    lines,
  };
}

Deno.test("the console is on / and on /console", async () => {
  const { get, lines } = site();
  for (const path of ["/", "/console"]) assertStringIncludes(await (await get(path)).text(), "<title>Sluice console");
  assertEquals(lines[0], "level=info event=http connection=1 remote=[::1]:50000 method=GET path=/ status=200");
});

Deno.test("an index.html in the document root replaces the console on /", async () => {
  const files = ({ url }: Request) => Promise.resolve(url.endsWith("/") ? new Response("home") : undefined);
  const { get } = site({ files });
  assertEquals(await (await get("/")).text(), "home");
  assertStringIncludes(await (await get("/console")).text(), "<title>Sluice console");
  assertEquals((await get("/other")).status, 404);
});

Deno.test("an ordinary request for a WebSocket gets 426 and the command that connects", async () => {
  const { get, lines } = site();
  const response = await get("/chat");
  assertEquals([response.status, response.headers.get("upgrade")], [426, "websocket"]);
  assertStringIncludes(await response.text(), "deno task connect ws://HOST:PORT/chat\n");
  assertStringIncludes(lines.at(-1)!, "path=/chat status=426");
  // A file goes before it.
  const { get: withFiles } = site({ files: () => Promise.resolve(new Response("a file")) });
  assertEquals(await (await withFiles("/chat")).text(), "a file");
});

Deno.test("/handlers.json lists the resources, /ping.json the round trip of a console's connection", async () => {
  const { get, lines } = site();
  assertEquals(await (await get("/handlers.json")).json(), { resources: ["/chat", "/echo"] });
  assertEquals(await (await get("/ping.json?console=mine")).json(), { roundTripTime: 0.25 });
  assertEquals(await (await get("/ping.json?console=other")).json(), { roundTripTime: null });
  assertEquals(await (await get("/ping.json")).json(), { roundTripTime: null });
  // The console pings every second, which would drown the rest.
  assertEquals(lines.at(-1)?.startsWith("level=debug event=http"), true);
});

Deno.test("other paths do not exist, and nothing can be written", async () => {
  const { get } = site();
  assertEquals((await get("/nothing")).status, 404);
  for (const path of ["/", "/console", "/handlers.json", "/ping.json"]) {
    assertEquals((await get(path, { method: "POST", body: "x" })).status, 405, path);
  }
});

Deno.test("a client without credentials sees nothing, and is asked for them", async () => {
  const { get, lines } = site({ authenticate: () => Promise.resolve(false) });
  for (const path of ["/", "/handlers.json", "/nothing"]) {
    const { status, headers } = await get(path);
    assertEquals([status, headers.get("www-authenticate")], [401, 'Basic realm="Sluice", charset="UTF-8"']);
  }
  assertEquals(lines.every((line) => line.endsWith("status=401")), true);
});

Deno.test("/metrics exists only if it is enabled, and is read-only", async () => {
  assertEquals((await site().get("/metrics")).status, 404);
  const { get, lines } = site({ metrics: () => "a 1\n" });
  const answer = await get("/metrics");
  assertEquals([answer.status, await answer.text()], [200, "a 1\n"]);
  assertEquals(answer.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assertEquals(answer.headers.get("cache-control"), "no-store");
  assertEquals((await get("/metrics", { method: "POST", body: "x" })).status, 405);
  assertEquals(lines.every((line) => line.startsWith("level=debug event=http")), true);
  assertEquals((await site({ metrics: () => Promise.resolve(undefined) }).get("/metrics")).status, 503);
  const nobody = site({ metrics: () => "a 1\n", authenticate: () => Promise.resolve(false) });
  assertEquals((await nobody.get("/metrics")).status, 401);
});
