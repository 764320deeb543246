import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { ConnectionError } from "../../lib/errors.ts";
import { runDeno } from "../_support/child.ts";
import { NO_UNIX_SOCKETS, unless } from "../_support/needs.ts";
import { cert, clientCert, clientKey } from "../_support/tls.ts";
import { soon, until } from "../_support/wait.ts";
import { answering, connectProxy, listen, listenTls } from "./_support.ts";

const open = (url: string, options: ConnectOptions = {}) =>
  soon(connect(url, { pingInterval: 0, ...options }), "The handshake");

for (const secure of [false, true]) {
  const scheme = secure ? "wss" : "ws";
  for (const secureProxy of [false, true]) {
    Deno.test(`${scheme} goes through ${secureProxy ? "an https" : "an http"} proxy by CONNECT`, async () => {
      await using proxy = connectProxy({ secure: secureProxy });
      await using server = answering(secure ? listenTls() : listen());
      const socket = await open(`${scheme}://localhost:${server.port}/chat`, {
        proxy: proxy.url,
        caCerts: [cert],
        headers: { Cookie: "a=1" },
      });
      assertEquals(proxy.requests, [
        `CONNECT localhost:${server.port} HTTP/1.1\r\nHost: localhost:${server.port}\r\n\r\n`,
      ]);
      assertStringIncludes(server.requests[0]!, `GET /chat HTTP/1.1\r\nHost: localhost:${server.port}\r\n`);
      assertStringIncludes(server.requests[0]!, "\r\ncookie: a=1\r\n");
      assertEquals(socket.url, `${scheme}://localhost:${server.port}/chat`);
      assert(socket.remoteAddr?.transport === "tcp");
      assertEquals(socket.remoteAddr.port, Number(new URL(proxy.url).port));
      socket.abort();
      await server.deserted();
      await proxy.deserted();
    });
  }
}

Deno.test("with a proxy the name is not resolved locally, and TLS still checks it", async () => {
  await using proxy = connectProxy();
  await using server = answering(listenTls());
  const url = `wss://nowhere.invalid:${server.port}/`;
  const error = await assertRejects(() => open(url, { proxy: proxy.url, caCerts: [cert] }), ConnectionError);
  assertMatch(error.message, /^Cannot speak TLS with nowhere\.invalid: .*does not match certificate[^\n]*$/);
  assertStringIncludes(String(error.cause), "does not match certificate");
  (await open(url, { proxy: proxy.url, caCerts: [cert], serverName: "localhost" })).abort();
  assertEquals(proxy.requests.length, 2);
});

Deno.test("a proxy's certificate is checked against the proxy's name, not against serverName", async () => {
  await using proxy = connectProxy({ secure: true });
  await using server = answering();
  const url = `ws://localhost:${server.port}/`;
  const error = await assertRejects(
    () => open(url, { proxy: proxy.url }),
    ConnectionError,
    "Cannot speak TLS with 127.0.0.1: self-signed certificate",
  );
  assertStringIncludes(String(error.cause), "self-signed certificate");
  (await open(url, { proxy: proxy.url, caCerts: [cert], serverName: "other.test" })).abort();
});

Deno.test("a proxy that does not listen is a ConnectionError that names it", async () => {
  const nobody = listen();
  const { port } = nobody.addr;
  nobody.close();
  const proxy = `socks5://user:secret@127.0.0.1:${port}`;
  const error = await assertRejects(() => open("ws://a.test/", { proxy }), ConnectionError);
  assertEquals(error.message, `Cannot connect to 127.0.0.1:${port}`);
  assertInstanceOf(error.cause, Deno.errors.ConnectionRefused);
});

Deno.test('the environment is read only with `proxy: "env"`, and decides by scheme and NO_PROXY', async () => {
  await using proxy = connectProxy();
  await using server = answering();
  const url = `ws://127.0.0.1:${server.port}/`;
  const names = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"];
  const before = names.map((name) => [name, Deno.env.get(name)] as const);
  try {
    for (const name of names) Deno.env.delete(name);
    Deno.env.set("HTTP_PROXY", proxy.url);
    (await open(url)).abort();
    assertEquals(proxy.requests.length, 0);
    (await open(url, { proxy: "env" })).abort();
    assertEquals(proxy.requests.length, 1);
    Deno.env.set("NO_PROXY", `127.0.0.0/8:${server.port}`);
    (await open(url, { proxy: "env" })).abort();
    assertEquals(proxy.requests.length, 1);
  } finally {
    for (const [name, value] of before) value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  }
});

Deno.test('without permission the environment is not read, and `proxy: "env"` reports it', async () => {
  const module = new URL("../../lib/client/connect.ts", import.meta.url).href;
  const code = `
    import { connect } from ${JSON.stringify(module)};
    const outcome = (options) => connect("ws://127.0.0.1:9", options).then(() => "open", (error) => error.name);
    console.log(await outcome({}), await outcome({ proxy: "env" }));
  `;
  const program = `data:application/typescript;base64,${btoa(code)}`;
  const output = await runDeno(["run", "--no-prompt", "--no-check", "--allow-net", program]);
  assertEquals(output, "ConnectionError NotCapable\n");
});

const unixTest = (name: string, fn: (folder: string) => Promise<void>) =>
  Deno.test({
    ...unless(NO_UNIX_SOCKETS, name),
    async fn() {
      const folder = await Deno.makeTempDir();
      try {
        await fn(folder);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });

unixTest("ws+unix connects to the socket and ignores any proxy of the environment", async (folder) => {
  const path = `${folder}/a b.sock`;
  await using server = answering(Deno.listen({ transport: "unix", path }));
  const url = `ws+unix:${folder}/a%20b.sock:/chat?x=1`;
  const socket = await open(url, { proxy: "env" });
  assertEquals([socket.url, socket.remoteAddr], [url, { transport: "unix", path }]);
  assertStringIncludes(server.requests[0]!, "GET /chat?x=1 HTTP/1.1\r\nHost: localhost\r\n");
  socket.abort();
});

unixTest("wss over a Unix socket speaks TLS on it", async (folder) => {
  const path = `${folder}/socket`;
  await using tls = answering(listenTls());
  // What speaks TLS listens on TCP here: the Unix socket leads there.
  using listener = Deno.listen({ transport: "unix", path });
  const led = (async () => {
    for await (const conn of listener) {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: tls.port });
      void conn.readable.pipeTo(server.writable).catch(() => {});
      void server.readable.pipeTo(conn.writable).catch(() => {});
    }
  })();
  const first = await open(`wss+unix:${path}:/chat`, { caCerts: [cert] });
  assertStringIncludes(tls.requests[0]!, "GET /chat HTTP/1.1\r\nHost: localhost\r\n");
  first.abort();
  const second = await open("wss://127.0.0.1/chat", { path, caCerts: [cert] });
  second.abort();
  await assertRejects(
    () => open("wss://other.test/", { path, caCerts: [cert] }),
    ConnectionError,
    "TLS with other.test",
  );
  await tls.deserted();
  listener.close();
  await led;
});

const WAYS: [where: string, options: (port: number) => ConnectOptions, url: (port: number) => string][] = [
  ["the server's TLS handshake", () => ({}), (port) => `wss://127.0.0.1:${port}/`],
  ["the proxy's TLS handshake", (port) => ({ proxy: `https://127.0.0.1:${port}` }), () => "ws://a.test/"],
  ["CONNECT", (port) => ({ proxy: `http://127.0.0.1:${port}` }), () => "wss://a.test/"],
  ["SOCKS", (port) => ({ proxy: `socks5://127.0.0.1:${port}` }), () => "wss://a.test/"],
  ["TLS with a client certificate", () => ({ cert: clientCert, key: clientKey }), (port) => `wss://127.0.0.1:${port}/`],
];
for (const [where, options, url] of WAYS) {
  Deno.test(`T11: signal and deadline abort an attempt whose peer is silent during ${where}, and leave nothing behind`, async () => {
    using listener = listen();
    const { port } = listener.addr;
    const controller = new AbortController();
    const cases: [ConnectOptions, words: string][] = [
      [{ signal: controller.signal, handshakeTimeout: 0 }, "enough"],
      [{ handshakeTimeout: 100 }, "more than 100 ms"],
    ];
    for (const [giveUp, words] of cases) {
      const going = open(url(port), { ...options(port), ...giveUp });
      const failed = assertRejects(() => going, Error, words);
      using conn = await soon(listener.accept(), "The connection");
      const buffer = new Uint8Array(4096);
      await soon(conn.read(buffer), "The client's first bytes");
      controller.abort(new Error("enough"));
      await failed;
      let ended = false;
      const end = (async () => {
        while (await conn.read(buffer).catch(() => null) !== null);
        ended = true;
      })();
      await until(() => ended, "The end of the connection");
      await end;
    }
  });
}
