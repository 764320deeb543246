/**
 * Ordinary requests in raw bytes: what is refused, and that both lanes refuse the same.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { serve, type ServeOptions } from "../../mod.ts";
import { requestText } from "../_support/raw_peer.ts";
import { utf8 } from "../_support/frames.ts";
import { RawClient } from "./_http.ts";
import { overlook, RETURNED_AT_ONCE } from "../_support/printed.ts";

overlook(RETURNED_AT_ONCE);

function start(options: Partial<ServeOptions> = {}) {
  const seen: string[] = [];
  const server = serve({
    port: 0,
    hostname: "127.0.0.1",
    http: (request) => {
      seen.push(request.url);
      return new Response(new URL(request.url).pathname);
    },
    upgrade: ({ url }) => void seen.push(url),
    ...options,
  }, {});
  return { server, seen, port: Number(new URL(server.url).port) };
}

/** What must be refused whatever a request asks for: the request line, the lines of its `Host`, and others. */
const REFUSED: [what: string, line: string, host: string[], more?: string[]][] = [
  ["no Host", "GET /public HTTP/1.1", []],
  ["an empty Host", "GET /a/admin HTTP/1.1", ["Host: "]],
  ["two Hosts", "GET /public HTTP/1.1", ["Host: a", "Host: a"]],
  ["two Hosts that differ", "GET /public HTTP/1.1", ["Host: a", "Host: b"]],
  ...[
    "a/admin?",
    "a/admin#",
    "a?",
    "a#",
    "x:y@a",
    "x@a",
    "a\\admin",
    "a b",
    "a,b",
    "a:b",
    "a:99999",
    "[::1",
    "a%2fadmin",
    "http://a",
  ]
    .map((host): [string, string, string[]] => [`Host ${host}`, "GET /public HTTP/1.1", [`Host: ${host}`]]),
  ["a fragment", "GET /public#admin HTTP/1.1", ["Host: a"]],
  ["no path", "GET public HTTP/1.1", ["Host: a"]],
  ["a query for a path", "GET ?public HTTP/1.1", ["Host: a"]],
  ["user info in a target", "GET http://x:y@a/public HTTP/1.1", ["Host: a"]],
  ["a target without a host", "GET http:///public HTTP/1.1", ["Host: a"]],
  ["a target of another scheme", "GET file:///public HTTP/1.1", ["Host: a"]],
  ["a control character", "GET /pub\x01lic HTTP/1.1", ["Host: a"]],
  ["a byte above ASCII", "GET /pub\xfflic HTTP/1.1", ["Host: a"]],
  ["a dot segment", "GET /public/../admin HTTP/1.1", ["Host: a"]],
  ["an encoded dot segment", "GET /public/%2e%2E/admin HTTP/1.1", ["Host: a"]],
  ["a backslash", "GET /public\\..\\admin HTTP/1.1", ["Host: a"]],
  ["two spaces", "GET  /public HTTP/1.1", ["Host: a"]],
  ["a tab", "GET\t/public HTTP/1.1", ["Host: a"]],
  ["space before a colon", "GET /public HTTP/1.1", ["Host : a"]],
  ["a folded line", "GET /public HTTP/1.1", ["Host: a", "X: a", " b"]],
  ["a folded Host", "GET /public HTTP/1.1", ["Host:", " a"]],
  ["a bare LF", "GET /public HTTP/1.1", ["Host: a\nX: b"]],
  ["a bare CR", "GET /public HTTP/1.1", ["Host: a\rX: b"]],
  ["a NUL", "GET /public HTTP/1.1", ["Host: a", "X: \0"]],
  ["a field without a name", "GET /public HTTP/1.1", ["Host: a", ": b"]],
  ["a length and a coding", "GET /public HTTP/1.1", ["Host: a"], ["Content-Length: 0", "Transfer-Encoding: chunked"]],
  ["two lengths", "GET /public HTTP/1.1", ["Host: a"], ["Content-Length: 0", "Content-Length: 0"]],
  ["two lengths in one", "GET /public HTTP/1.1", ["Host: a"], ["Content-Length: 0, 0"]],
  ["a signed length", "GET /public HTTP/1.1", ["Host: a"], ["Content-Length: +0"]],
  ["a coding besides chunked", "GET /public HTTP/1.1", ["Host: a"], ["Transfer-Encoding: chunked, identity"]],
  ["a hidden coding", "GET /public HTTP/1.1", ["Host: a"], ["Transfer-Encoding: xchunked"]],
];

const UPGRADE = [
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
];

/** As latin1, so that a test can send any byte. */
const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

for (const [what, line, host, more = []] of REFUSED) {
  Deno.test(`${what} is 400 in an ordinary request, in an upgrade, and behind another request`, async () => {
    const { server, seen, port } = start();
    for (const fields of [[], UPGRADE]) {
      for (const before of ["", "GET /before HTTP/1.1\r\nHost: a\r\n\r\n"]) {
        using peer = await RawClient.dial(port);
        await peer.send(latin1(`${before}${[line, ...host, ...more, ...fields].join("\r\n")}\r\n\r\n`));
        if (before !== "") assertEquals((await peer.readAnswer()).body, "/before");
        assertEquals((await peer.readAnswer()).status, 400);
        await peer.expectEnd();
      }
    }
    assertEquals(seen, Array(2).fill("http://a/before"));
    await server.shutdown();
  });
}

Deno.test("the handler sees the requested URL, in any form of the target", async () => {
  const { server, port, seen } = start();
  using peer = await RawClient.dial(port);
  const cases = [
    ["/public", "a", "http://a/public"],
    ["//host/path", "a:81", "http://a:81//host/path"],
    ["http://b:82/x?y", "a", "http://b:82/x?y"],
    ["/a{b}", "[::1]:8", "http://[::1]:8/a%7Bb%7D"],
  ] as const;
  for (const [target, host] of cases) await peer.exchange([`GET ${target} HTTP/1.1`, `Host: ${host}`]);
  assertEquals(seen, cases.map(([, , url]) => url));
  peer.close();
  await server.shutdown();
});

Deno.test("HTTP/1.0 needs no Host, and its connection ends with the response", async () => {
  const { server, port, seen } = start();
  using peer = await RawClient.dial(port);
  const { status, fields } = await peer.exchange(["GET /old HTTP/1.0", "Connection: keep-alive"]);
  assertEquals([status, Object.fromEntries(fields)["connection"]], [200, "close"]);
  await peer.expectEnd();
  assertEquals(seen, [`http://127.0.0.1:${port}/old`]);
  await server.shutdown();
});

Deno.test("methods and targets that a web Request cannot have are 501, and an unknown expectation is 417", async () => {
  const { server, port, seen } = start();
  const cases = [
    [501, "TRACE / HTTP/1.1", "X: 1"],
    [501, "CONNECT a:443 HTTP/1.1", "X: 1"],
    [501, "OPTIONS * HTTP/1.1", "X: 1"],
    [501, "post / HTTP/1.1", "Content-Length: 0"],
    [501, "Get / HTTP/1.1", "X: 1"],
    [417, "GET / HTTP/1.1", "Expect: 200-ok"],
  ] as const;
  for (const [status, line, field] of cases) {
    using peer = await RawClient.dial(port);
    assertEquals((await peer.exchange([line, "Host: a", field])).status, status);
  }
  assertEquals(seen, []);
  await server.shutdown();
});

Deno.test("an Upgrade to another protocol is an ordinary request, and the connection goes on", async () => {
  const { server, port } = start();
  using peer = await RawClient.dial(port);
  for (const upgrade of ["h2c", "TLS/1.0", "foo, bar"]) {
    const { status, body } = await peer.exchange([
      "GET /page HTTP/1.1",
      "Host: a",
      "Connection: Upgrade",
      `Upgrade: ${upgrade}`,
    ]);
    assertEquals([status, body], [200, "/page"]);
  }
  await peer.send(utf8(requestText()));
  await peer.expectStatus(101);
  peer.close();
  await server.shutdown();
});

Deno.test("request.path, the socket's URL and its pathname agree", async () => {
  const paths: string[] = [];
  const server = serve({ port: 0, hostname: "127.0.0.1", upgrade: ({ path }) => void paths.push(path) }, (socket) => {
    paths.push(new URL(socket.url).pathname);
  });
  for (const target of ["/chat", "/a{b}?c", "//host/path", "/%2F"]) {
    using peer = await RawClient.dial(Number(new URL(server.url).port));
    await peer.send(utf8(requestText({}, `GET ${target} HTTP/1.1`)));
    await peer.expectStatus(101);
  }
  await server.shutdown();
  for (let at = 0; at < paths.length; at += 2) assertEquals(paths[at], paths[at + 1]);
  assert(paths.length === 8);
  assertStringIncludes(paths.join(" "), "/a%7Bb%7D");
});
