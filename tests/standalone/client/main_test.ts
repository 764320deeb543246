import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { serve } from "../../../lib/server/serve.ts";
import { denoOutput } from "../../_support/child.ts";
import { cert, key } from "../../_support/tls.ts";
import { CLIENT, runClient } from "./_support.ts";
import { overlook, RETURNED_AT_ONCE } from "../../_support/printed.ts";

overlook(RETURNED_AT_ONCE);

const LOOPBACK = { hostname: "127.0.0.1", port: 0 } as const;
Deno.test("the client sends lines, writes messages, reports on standard error, and ends after its input", async () => {
  await using server = serve(LOOPBACK, (socket) => socket.readable.pipeTo(socket.writable));
  const { code, stdout, stderr } = await runClient([`${server.url}/echo`], { input: "hello\nzwölf €" });
  assertEquals([code, stdout], [0, "hello\nzwölf €\n"]);
  assertEquals(stderr, `Connected to ${server.url}/echo\nClosed with 1000\n`);
});

Deno.test("--quiet prints only errors", async () => {
  await using server = serve(LOOPBACK, (socket) => void socket.abort());
  const { code, stdout, stderr } = await runClient(["-q", server.url]);
  assertEquals([code, stdout], [3, ""]);
  assertMatch(stderr, /^client: Lost the connection: /);
});

Deno.test("bytes go through unchanged, both ways, and many of them", async () => {
  await using server = serve(LOOPBACK, (socket) => socket.readable.pipeTo(socket.writable));
  const input = crypto.getRandomValues(new Uint8Array(50_000));
  const { code, bytes } = await runClient(["--binary", "-q", server.url], { input });
  assertEquals([code, bytes.length], [0, input.length]);
  assertEquals(bytes.every((byte, i) => byte === input[i]), true);
});

Deno.test("--deflate, --protocol and --header are requested, and the agreed values are printed", async () => {
  await using server = serve({
    ...LOOPBACK,
    perMessageDeflate: true,
    upgrade: () => ({ protocol: "v2" }),
  }, (socket) => socket.send(socket.headers.get("authorization") ?? ""));
  const args = ["--deflate", "--protocol", "v1", "--protocol", "v2", "-H", "Authorization: Bearer x", "--one"];
  const { code, stdout, stderr } = await runClient([...args, server.url]);
  assertEquals([code, stdout], [0, "Bearer x\n"]);
  assertMatch(stderr, /^Connected to \S+ \(v2; permessage-deflate[^\n]*\)\n/);
});

Deno.test("--ca trusts a certificate, and reading the file needs permission", async () => {
  await using server = serve({ ...LOOPBACK, cert, key }, (socket) => socket.send("secret"));
  const ca = "tests/_support/tls/cert.pem";
  const words = CLIENT.toSpliced(3, 0, `--allow-read=${ca}`);
  const trusted = await runClient(["--ca", ca, "--one", "-q", server.url], { words });
  assertEquals([trusted.code, trusted.stdout, trusted.stderr], [0, "secret\n", ""]);
  const untrusted = await runClient([server.url]);
  assertEquals(untrusted.code, 1);
  assertMatch(untrusted.stderr, /^client: .*certificate/i);
  const { code, stderr } = await runClient(["--ca", ca, server.url]);
  assertEquals([code, stderr], [
    2,
    `client: Cannot use --ca ${ca}: Deno needs --allow-read=${ca} for that (--help shows the options)\n`,
  ]);
});

Deno.test("without a server, or after a timeout, it prints one line, with exit code 1", async () => {
  const listener = Deno.listen(LOOPBACK);
  const url = `ws://127.0.0.1:${listener.addr.port}`;
  const late = await runClient(["--timeout", "0.1", url]);
  assertEquals([late.code, late.stderr], [1, "client: The handshake took more than 100 ms\n"]);
  listener.close();
  const away = await runClient([url]);
  assertEquals(away.code, 1);
  assertMatch(away.stderr, /^client: Cannot connect to 127\.0\.0\.1:\d+: [^\n]+\n$/);
});

Deno.test("a refusal prints its status and the start of its body, in one line and without control characters", async () => {
  const body = `Not you,\n\x1b[31m${"x".repeat(300)}`;
  await using server = serve({ ...LOOPBACK, upgrade: () => new Response(body, { status: 403 }) }, () => {});
  const { code, stdout, stderr } = await runClient([server.url]);
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /^client: Server answered 403, not 101: Not you, \\x1b\[31mx+…\n$/);
});

Deno.test("an invalid option, or a missing permission, prints one line, with exit code 2", async () => {
  for (
    const [args, message] of [
      [[], "The URL to connect to is missing"],
      [["--prt", "ws://127.0.0.1"], "Unknown option '--prt'"],
      [["--protocol", "a", "--protocol", "a", "ws://127.0.0.1"], "a"],
      [["ws://192.0.2.1"], "Deno needs --allow-net to connect"],
    ] as const
  ) {
    const { code, stderr } = await runClient(args);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /^client: [^\n]+ \(--help shows the options\)\n$/);
    assertStringIncludes(stderr, message);
  }
});

Deno.test("a closed output ends it", async () => {
  await using server = serve(LOOPBACK, async (socket) => {
    for (let i = 0; socket.readyState === 1; i++) await socket.send(`${i} ${"x".repeat(1000)}`);
  });
  const child = new Deno.Command(Deno.execPath(), {
    args: [...CLIENT, "-q", "--no-close", server.url],
    cwd: new URL("../../..", import.meta.url),
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const { code } = await child.status;
  assertEquals([code, await new Response(child.stderr).text()], [0, ""]);
  await child.stdin.close().catch(() => {});
});

Deno.test("`deno task connect` is the client, and has only network permission", async () => {
  await using server = serve(LOOPBACK, (socket) => socket.send("hello"));
  const words = ["task", "--quiet", "connect"];
  const { code, stdout } = await runClient(["--one", server.url], { words });
  assertEquals([code, stdout], [0, "hello\n"]);
  const { stdout: help } = await denoOutput(...words, "--help");
  assertMatch(help, /^Usage: deno task connect \[OPTION\]\.\.\. URL\n/);
});
