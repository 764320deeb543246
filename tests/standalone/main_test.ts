import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { connect, HandshakeError, type WebSocketConnection } from "../../mod.ts";
import { deno, denoOutput } from "../_support/child.ts";
import { readExposition } from "../_support/prometheus.ts";
import { cert } from "../_support/tls.ts";
import { soon } from "../_support/wait.ts";
import { folder } from "../handlers/_support.ts";
import { refused, SERVE, serving } from "./_support.ts";

const TLS = new URL("../_support/tls/", import.meta.url).pathname;

async function echoed(socket: WebSocketConnection, message: string): Promise<void> {
  await socket.send(message);
  assertEquals((await soon(socket[Symbol.asyncIterator]().next(), "The echo")).value, message);
  await socket.close();
}

Deno.test("serve prints one line with the address for a browser, echoes on /echo and shows the console on /", async () => {
  await using server = deno(...SERVE, "--port", "0", "--log-level", "error");
  const [, url] = await server.said(/^Open (http:\/\/127\.0\.0\.1:\d+\/) in a browser; WebSockets echo on \/echo\n$/);
  await echoed(await connect(`${url}echo`), "hello");

  const page = await fetch(`${url}`);
  assertEquals(page.status, 200);
  assertEquals(page.headers.get("content-type"), "text/html; charset=utf-8");
  assertStringIncludes(page.headers.get("content-security-policy") ?? "", "default-src 'none'");
  assertStringIncludes(await page.text(), "<title>Sluice console</title>");
});

Deno.test("`deno task serve` needs no option, serves the example handlers, and may read nothing else", async () => {
  await using server = deno("task", "--quiet", "serve", "--port", "0", "--log-level", "error");
  const [, url] = await server.said(/^Open (\S+) in a browser; WebSockets echo on \/echo\n$/);
  const { resources } = await (await fetch(`${url}handlers.json`)).json();
  assertEquals(resources.join(" "), "/abort /bench /chat /clock /close /cookie /echo /origin_check");
  const socket = await connect(`${url}close`);
  await socket.send("4001 bye");
  const { closeCode, reason } = await soon(socket.closed, "The end");
  assertEquals([closeCode, reason], [4001, "bye"]);

  const { code, stderr } = await denoOutput("task", "--quiet", "serve", "--document-root", "tests");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "serve: Cannot use --document-root tests: Deno needs --allow-read=tests for that");
});

Deno.test("`deno task serve --workers 2` serves in two threads on one port, adds up their metrics, and finds the console's connection for pings", async () => {
  await using logs = await folder({});
  const log = `${logs.path}/serve.log`;
  const task = [
    "--no-prompt",
    "--unstable-net",
    "--allow-net=127.0.0.1",
    `--allow-read=lib,links,examples,${logs.path}`,
  ];
  const args = ["--port", "0", "--workers", "2", "--metrics", "--handlers", "examples/handlers", "--log-file", log];
  await using server = deno("run", ...task, `--allow-write=${log}`, "lib/standalone/main.ts", ...args);
  const [, url] = await soon(server.said(/^Open (\S+) in a browser/), "The start");
  const sockets = await Promise.all(Array.from({ length: 40 }, (_, i) => connect(`${url}echo?console=${i}`)));
  for (const socket of sockets) void socket.send("hello");
  for (const socket of sockets) {
    assertEquals((await soon(socket[Symbol.asyncIterator]().next(), "The echo")).value, "hello");
  }
  // Each request goes to either worker.
  for (let i = 0; i < 40; i += 5) {
    const { roundTripTime } = await (await fetch(`${url}ping.json?console=${i}`)).json();
    assert(typeof roundTripTime === "number", `${i}: ${roundTripTime}`);
  }
  assertEquals(await (await fetch(`${url}ping.json?console=nobody`)).json(), { roundTripTime: null });
  const samples = readExposition(await (await fetch(`${url}metrics`)).text());
  assertEquals(samples.get("websocket_connections_open"), 40);
  server.process.kill("SIGTERM");
  const ends = await soon(Promise.all(sockets.map(({ closed }) => closed)), "The end of all");
  assertEquals(new Set(ends.map(({ closeCode }) => closeCode)), new Set([1001]));
  assertEquals((await soon(server.process.status, "The end of the process")).code, 0);
  const lines = await Deno.readTextFile(log);
  for (const worker of [0, 1]) {
    for (const event of ["listen", "open", "close", "stop"]) {
      assertMatch(lines, new RegExp(`event=${event} worker=${worker}\\b`));
    }
  }
});

Deno.test("`deno task serve` takes --workers", async () => {
  await using server = deno("task", "--quiet", "serve", "--port", "0", "--workers", "2", "--log-level", "error");
  const [, url] = await soon(server.said(/^Open (\S+) in a browser/), "The start");
  await echoed(await connect(`${url}echo`), "hello");
});

Deno.test("--workers: a taken port, an invalid option and a missing permission print one clear line each", async () => {
  const run = [
    "run",
    "--no-prompt",
    "--unstable-net",
    "--allow-net=127.0.0.1",
    "lib/standalone/main.ts",
    "--workers",
    "2",
  ];
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const line = async (...args: string[]) => {
    const { code, stderr } = await denoOutput(...run, ...args);
    return [code, stderr.split("\n").find((line) => line.startsWith("serve: "))];
  };
  assertEquals(await line("--port", `${port}`), [
    1,
    `serve: Port ${port} on 127.0.0.1 is in use: choose another with --port`,
  ]);
  const [code, missing] = await line("--port", "0");
  assertEquals(code, 1);
  assertMatch(`${missing}`, /^serve: Worker \d did not start: Requires read access to ".*worker\.ts"/);
  run.splice(4, 0, "--allow-read=lib,links");
  const [mistake, named] = await line("--port", "0", "--document-root", "tests");
  assertEquals(mistake, 2);
  assertMatch(`${named}`, /^serve: Worker \d did not start: Error: Cannot use --document-root tests: Deno needs/);
});

Deno.test("serve answers 404 for unknown paths, for pages and WebSockets", async () => {
  const { child, url } = await serving([]);
  await using _child = child;
  const missing = await fetch(`${url}nothing`);
  await missing.body?.cancel();
  assertEquals(missing.status, 404);
  const { status } = await assertRejects(() => connect(`${url}nothing`), HandshakeError);
  assertEquals(status, 404);
});

Deno.test("everything together from a file: TLS, handlers, aliases, files, credentials, origins, compression, limits, a log", async () => {
  await using files = await folder({
    "handlers/a/shout_wsh.js": `
      export async function transferData({ stream }) {
        for await (const message of stream) await stream.sendMessage(message.toUpperCase());
      }`,
    "handlers/b/unseen_wsh.js": "export const transferData = () => {};",
    "handlers/a/bad_wsh.js": "export const transferData = 1;",
    "map.txt": "/loud /a/shout # an alias",
    "users.txt": "zoë:pass\n",
    "www/index.html": "<p>home",
  });
  const path = (name: string) => `${files.path}/${name}`;
  await files.write(
    "serve.json",
    JSON.stringify({
      "tls-cert": `${TLS}cert.pem`,
      "tls-key": `${TLS}key.pem`,
      "handlers": path("handlers"),
      "scan-dir": "a",
      "map-file": path("map.txt"),
      "document-root": path("www"),
      "basic-auth": "me:secret",
      "basic-auth-file": path("users.txt"),
      "origins": ["https://app.example"],
      "proxies": ["127.0.0.1"],
      "deflate": true,
      "max-message-bytes": 1024,
      "log-file": path("serve.log"),
    }),
  );
  const allow = [`--allow-read=${files.path},${TLS}`, `--allow-write=${path("serve.log")}`];
  const { child, url } = await serving(["--config", path("serve.json")], { allow, level: "info" });
  await using server = child;
  assertMatch(url, /^https:/);
  const Authorization = `Basic ${btoa("me:secret")}`;
  const headers = { Authorization, Origin: "https://app.example" };
  const options = { caCerts: [cert], headers, perMessageDeflate: true };

  const socket = await connect(`${url}loud`, options);
  assertMatch(socket.extensions, /^permessage-deflate/);
  await socket.send("hello");
  assertEquals((await socket[Symbol.asyncIterator]().next()).value, "HELLO");
  void socket.send("x".repeat(1025));
  assertEquals((await soon(socket.closed, "The end")).closeCode, 1009);
  for (
    const [resource, given, status] of [
      ["b/unseen", headers, 404],
      ["a/bad", headers, 404],
      ["loud", { Origin: "https://app.example" }, 401],
      ["loud", { Authorization, Origin: "https://evil.example" }, 403],
    ] as const
  ) {
    const error = await assertRejects(() => connect(url + resource, { ...options, headers: given }), HandshakeError);
    assertEquals(error.status, status, resource);
  }

  using client = Deno.createHttpClient({ caCerts: [cert] });
  const authorization = `Basic ${new TextEncoder().encode("zoë:pass").toBase64()}`;
  const home = await fetch(url, { client, headers: { authorization, "X-Forwarded-For": "192.0.2.7" } });
  assertEquals(await home.text(), "<p>home");
  const nobody = await fetch(url, { client });
  assertEquals([nobody.status, await nobody.text()], [401, "Unknown user or wrong password\n"]);

  server.process.kill("SIGTERM");
  assertEquals((await server.process.status).code, 0);
  const log = await Deno.readTextFile(path("serve.log"));
  for (
    const pattern of [
      /level=warn event=handlers warning="\S+bad_wsh.js is skipped: transferData is not a function"/,
      /event=listen url=wss:\S+ handlers=2\n/,
      /event=open connection=1 remote=127\.0\.0\.1:\d+ resource=\/loud origin=https:\/\/app\.example extensions="permessage-deflate/,
      /event=close connection=1 code=1006 clean=false error="LimitError: .*maxMessageBytes 1024" seconds=[\d.]+\n/,
      /event=refuse connection=\d+ .*resource=\/loud .*status=403/,
      /event=http connection=\d+ remote=192\.0\.2\.7 method=GET path=\/ status=200\n/,
      /event=stop\n$/,
    ]
  ) assertMatch(log, pattern);
});

Deno.test("--metrics answers /metrics in Prometheus' format, and --log-format json logs the same events", async () => {
  const log = await Deno.makeTempFile();
  try {
    const { child, url } = await serving(["--metrics", "--deflate", "--log-format", "json", "--log-file", log], {
      allow: [`--allow-read=${log}`, `--allow-write=${log}`],
      level: "info",
    });
    await using server = child;
    const scrape = async () => readExposition(await (await fetch(`${url}metrics`)).text());
    assertEquals((await scrape()).get("websocket_connections_total"), 0);
    const socket = await connect(`${url}echo`);
    assertEquals((await scrape()).get("websocket_connections_open"), 1);
    await echoed(socket, "hello");
    assertEquals((await assertRejects(() => connect(`${url}nothing`), HandshakeError)).status, 404);
    let samples = await scrape();
    while (samples.get("websocket_connections_open") !== 0) samples = await soon(scrape(), "The end of the connection");
    const counted = [
      "websocket_connections_open",
      "websocket_connections_total",
      'websocket_messages_total{direction="in"}',
      'websocket_messages_total{direction="out"}',
      'websocket_closes_total{code="1000"}',
      'websocket_refusals_total{reason="404"}',
    ].map((name) => samples.get(name));
    assertEquals(counted, [0, 1, 1, 1, 1, 1]);

    server.process.kill("SIGTERM");
    await server.process.status;
    const lines = (await Deno.readTextFile(log)).trim().split("\n").map((line) => JSON.parse(line));
    const [open, close, refuse] = ["open", "close", "refuse"].map((name) => lines.find(({ event }) => event === name));
    assertEquals([open.connection, close.code, refuse.status], [close.connection, 1000, 404]);
    assertEquals(typeof close.seconds, "number");
    assert(refuse.connection !== open.connection);
  } finally {
    await Deno.remove(log);
  }
});

Deno.test("--watch loads handlers again while the server runs", async () => {
  await using files = await folder({
    "a_wsh.js": `export const transferData = ({ stream }) => stream.sendMessage("one");`,
  });
  const log = `${files.path}.log`;
  const { child, url } = await serving(["--handlers", files.path, "--watch", "--log-file", log], {
    allow: [`--allow-read=${files.path},${log}`, `--allow-write=${log}`],
    level: "info",
  });
  await using _child = child;
  try {
    assertEquals(await Array.fromAsync(await connect(`${url}a`)), ["one"]);
    await files.write("a_wsh.js", `export const transferData = ({ stream }) => stream.sendMessage("two");`);
    await soon(
      (async () => {
        while (!/event=reload handlers=1\n/.test(await Deno.readTextFile(log)));
      })(),
      "The reload",
    );
    assertEquals(await Array.fromAsync(await connect(`${url}a`)), ["two"]);
  } finally {
    await Deno.remove(log);
  }
});

Deno.test("--legacy enables the drafts on the same port, and without it they are refused", async () => {
  const draft = "GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n" +
    "Origin: http://localhost\r\n\r\n^n:ds[4U";
  for (
    const [args, expected] of [[["--legacy"], /^HTTP\/1\.1 101 [^]*8jKS'y:G\*Co,Wxa-$/], [[], /^HTTP\/1\.1 4/]] as const
  ) {
    const { child, url } = await serving(["--origins", "any", ...args]);
    await using _child = child;
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
    await conn.write(new TextEncoder().encode(draft));
    let answer = "";
    const buffer = new Uint8Array(1024);
    while (!answer.includes("\r\n\r\n") || (args.length > 0 && !answer.endsWith("Wxa-"))) {
      const read = await soon(conn.read(buffer), "The answer");
      if (read === null) break;
      answer += new TextDecoder().decode(buffer.subarray(0, read));
    }
    assertMatch(answer, expected);
  }
});

Deno.test("a taken port prints one clear line, with exit code 1", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { code, stderr } = await denoOutput(...SERVE, "--port", String(taken.addr.port));
  assertEquals(code, 1);
  assertEquals(stderr, `serve: Port ${taken.addr.port} on 127.0.0.1 is in use: choose another with --port\n`);
});

Deno.test("an address of another machine prints one clear line, with exit code 1", async () => {
  const { code, stderr } = await denoOutput(...SERVE.with(2, "--allow-net"), "--hostname", "192.0.2.1");
  assertEquals(code, 1);
  assertEquals(stderr, "serve: Cannot listen on 192.0.2.1: this machine does not have that address\n");
});

Deno.test("an invalid option prints one line that names it, with exit code 2", async () => {
  for (
    const [args, named] of [
      [["--prt", "1"], "Unknown option '--prt'"],
      [["x"], "Unexpected argument 'x'"],
      [["--port", "http"], "Cannot use --port http: it must be a number from 0 to 65535"],
      [["--max-fragments", "0"], "Cannot use --max-fragments 0: it must be"],
      [["--handlers", "no/such"], "Cannot use --handlers no/such: it does not exist"],
      [["--handlers", "lib", "--scan-dir", "no"], "Cannot use --scan-dir no: it does not exist"],
      [["--handlers", "lib/handlers", "--scan-dir", ".."], "Cannot use --scan-dir ..: it is not inside the root"],
      [["--handlers", "lib", "--map-file", "no.txt"], "Cannot use --map-file no.txt: it does not exist"],
      [["--document-root", "mod.ts"], "Cannot use --document-root mod.ts: it is no folder"],
      [
        ["--basic-auth-file", "LICENSE"],
        "Cannot use --basic-auth-file LICENSE: user 1 has no colon between name and password",
      ],
      [
        ["--log-file", "no/such.log"],
        "Cannot use --log-file no/such.log: Deno needs --allow-write=no/such.log for that",
      ],
    ] as const
  ) {
    const { code, stderr } = await refused(args, ["--allow-read"]);
    assertEquals(code, 2, named);
    assert(stderr.startsWith(`serve: ${named}`), stderr);
    assertMatch(stderr, /^[^\n]+ \(--help shows the options\)\n$/);
  }
});

Deno.test("--help shows the options and exits with 0", async () => {
  const { code, stdout } = await denoOutput(...SERVE, "--help");
  assertEquals(code, 0);
  assertMatch(stdout, /^Usage: /);
});

Deno.test("T13: SIGTERM closes connections with 1001 and ends the server with exit code 0", async () => {
  const { child, url } = await serving([]);
  await using server = child;
  await using socket = await connect(`${url}echo`);
  server.process.kill("SIGTERM");
  const { closeCode, wasClean } = await socket.closed;
  assertEquals({ closeCode, wasClean }, { closeCode: 1001, wasClean: true });
  assertEquals((await server.process.status).code, 0);
});
