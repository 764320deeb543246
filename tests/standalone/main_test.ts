import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connect } from "../../mod.ts";
import { deno, denoOutput } from "../_support/child.ts";

const SERVE = ["run", "--no-prompt", "--allow-net=127.0.0.1", "lib/standalone/main.ts"];

Deno.test("serve says in one line where to point a browser, echoes on /echo and shows a page on /", async () => {
  await using server = deno(...SERVE, "--port", "0");
  const [, url] = await server.said(/^Open (http:\/\/127\.0\.0\.1:\d+\/) in a browser; WebSockets echo on \/echo\n$/);

  await using socket = await connect(`${url}echo`);
  await socket.send("hello");
  assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
  await socket.close();

  const page = await fetch(`${url}`);
  assertEquals(page.status, 200);
  assertEquals(page.headers.get("content-type"), "text/html; charset=utf-8");
  assertStringIncludes(page.headers.get("content-security-policy") ?? "", "default-src 'none'");
  assertStringIncludes(await page.text(), "<title>Sluice echo</title>");
});

Deno.test("serve answers 404 where there is nothing, as a page and as a WebSocket", async () => {
  await using server = deno(...SERVE, "--port", "0");
  const [, url] = await server.said(/Open (\S+)/);
  const missing = await fetch(`${url}nothing`);
  await missing.body?.cancel();
  assertEquals(missing.status, 404);
  const error = await connect(`${url}nothing`).catch((error) => error);
  assertEquals(error.status, 404);
});

Deno.test("a taken port is one clear line and exit code 1", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { code, stderr } = await denoOutput(...SERVE, "--port", String(taken.addr.port));
  assertEquals(code, 1);
  assertEquals(stderr, `serve: Port ${taken.addr.port} on 127.0.0.1 is taken: choose another with --port\n`);
});

Deno.test("an address that is not this machine's is one clear line and exit code 1", async () => {
  const args = SERVE.with(2, "--allow-net");
  const { code, stderr } = await denoOutput(...args, "--hostname", "192.0.2.1");
  assertEquals(code, 1);
  assertEquals(stderr, "serve: Cannot listen on 192.0.2.1: it is no address of this machine\n");
});

Deno.test("an unknown option or a bad value is one line that names it and exit code 2", async () => {
  for (
    const [args, named] of [[["--prt", "1"], "'--prt'"], [["--port", "http"], "--port http"], [["x"], "'x'"]] as const
  ) {
    const { code, stderr } = await denoOutput(...SERVE, ...args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, named);
    assertMatch(stderr, /^serve: [^\n]+\n$/);
  }
});

Deno.test("--help shows the options and exits with 0", async () => {
  const { code, stdout } = await denoOutput(...SERVE, "--help");
  assertEquals(code, 0);
  assertMatch(stdout, /^Usage: /);
});

Deno.test("T13: SIGTERM closes connections with 1001 and ends the server with exit code 0", async () => {
  await using server = deno(...SERVE, "--port", "0");
  const [, url] = await server.said(/Open (\S+)/);
  await using socket = await connect(`${url}echo`);
  server.process.kill("SIGTERM");
  const { closeCode, wasClean } = await socket.closed;
  assertEquals({ closeCode, wasClean }, { closeCode: 1001, wasClean: true });
  assertEquals((await server.process.status).code, 0);
});
