import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { type Hop, isRedirect, redirected } from "../../lib/client/redirect.ts";
import { parseTarget } from "../../lib/client/target.ts";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import type { ResponseHead } from "../../lib/handshake/http_head.ts";
import { utf8 } from "../_support/frames.ts";
import { cert } from "../_support/tls.ts";
import { soon } from "../_support/wait.ts";
import { answeredBy, listen, listenTls, type LoopbackServer } from "./_support.ts";

function answer(status: number, ...locations: string[]): ResponseHead {
  return {
    version: "HTTP/1.1",
    status,
    statusText: "",
    fields: [["x-a", "1"], ...locations.map((location) => ["location", location] as const)],
  };
}

const SECRETS = { Authorization: "Bearer 7", Cookie: "a=1", Host: "b.test", "Proxy-Authorization": "x", "X-A": "1" };

function hop(url: string, path?: string): Hop {
  return {
    target: parseTarget(url, path),
    headers: new Headers(SECRETS),
    tls: { caCerts: ["CA"], cert: "CERT", key: "KEY", alpnProtocols: ["a"], serverName: "name.test" },
  };
}

Deno.test("301, 302, 303, 307 and 308 with a Location are redirects, and no other answer is", () => {
  const statuses = [200, 300, 301, 302, 303, 304, 305, 306, 307, 308, 401, 503];
  assertEquals(statuses.filter((status) => isRedirect(answer(status, "/"))), [301, 302, 303, 307, 308]);
  assertEquals(isRedirect(answer(302)), false);
});

const PLACES: [from: string, location: string, to: string][] = [
  ["ws://a.test/b/c?d", "e", "ws://a.test/b/e"],
  ["ws://a.test/b", "?d", "ws://a.test/b?d"],
  ["ws://a.test/b", "//c.test/d", "ws://c.test/d"],
  ["ws://a.test/b", "http://a.test/c", "ws://a.test/c"],
  ["ws://a.test/b", "https://a.test/c", "wss://a.test/c"],
  ["wss://a.test/b", "https://c.test:444/", "wss://c.test:444/"],
  ["wss://a.test/b", "/c#d", "wss://a.test/c"],
];
for (const [from, location, to] of PLACES) {
  Deno.test(`Location ${location} leads from ${from} to ${to}`, () => {
    assertEquals(redirected(hop(from), answer(302, location)).target.href, to);
  });
}

Deno.test("a redirect to the same scheme, host and port sends everything again", () => {
  const from = hop("wss://user:secret@a.test/b");
  for (const location of ["/c", "wss://a.test/c", "https://A.TEST:443/c", "https://x:y@a.test/c"]) {
    const to = redirected(from, answer(307, location));
    assertEquals(to.target.url.href, "wss://user:secret@a.test/c", location);
    assertStrictEquals(to.tls, from.tls);
    assertStrictEquals(to.headers, from.headers);
  }
});

Deno.test("a redirect to another scheme, host or port sends no credentials, not even those in Location", () => {
  for (
    const location of ["wss://a.test/", "ws://b.test/", "ws://www.a.test/", "ws://a.test:81/", "http://x:y@b.test/"]
  ) {
    const from = hop("ws://user:secret@a.test/b");
    const to = redirected(from, answer(302, location));
    assertEquals([to.target.url.username, to.target.url.password], ["", ""], location);
    assertEquals([...to.headers], [["x-a", "1"]], location);
    assertEquals(to.tls, { caCerts: ["CA"], alpnProtocols: ["a"] }, location);
    assertEquals(from.headers.get("cookie"), "a=1");
  }
});

Deno.test("over a Unix socket a redirect stays on the socket", () => {
  const to = redirected(hop("ws+unix:/run/a.sock:/b"), answer(302, "/c"));
  assertEquals([to.target.path, to.target.url.href], ["/run/a.sock", "ws://localhost/c"]);
});

const REFUSED: [from: Hop, locations: string[], message: string][] = [
  [hop("wss://a.test/"), ["ws://a.test/"], "Server redirects from wss to ws"],
  [hop("wss://a.test/"), ["http://a.test/"], "Server redirects from wss to ws"],
  [hop("ws://a.test/"), ["/b", "/c"], "Header Location appears 2 times"],
  [hop("ws://a.test/"), ["ftp://x:secret@a.test/"], 'Header Location is "ftp://a.test/", not the URL of a WebSocket'],
  [hop("ws://a.test/"), ["ws+unix:/run/docker.sock:/"], "not the URL of a WebSocket"],
  [hop("ws://a.test/"), ["ws://a.test:99999/"], "not the URL of a WebSocket"],
  [hop("ws+unix:/run/a.sock"), ["ws://a.test/"], 'Server redirects from a Unix socket to "ws://a.test/"'],
];
for (const [from, locations, message] of REFUSED) {
  Deno.test(`Location ${locations.join(" and ")} is refused at ${from.target.href}: ${message}`, () => {
    const error = assertThrows(() => redirected(from, answer(302, ...locations)), HandshakeError, message);
    assertEquals([error.status, error.headers.get("x-a")], [302, "1"]);
  });
}

/** A server that redirects each path to the one that `where` gives, and answers 101 where that gives none. */
function redirecting(where: (path: string) => string | undefined, tls = false): LoopbackServer & { url: string } {
  const server = answeredBy(tls ? listenTls() : listen(), async (peer, requests) => {
    const request = await peer.readHead();
    requests.push(request);
    const to = where(request.split(" ")[1]!);
    if (to === undefined) await peer.answerTo(request);
    else await peer.send(utf8(`HTTP/1.1 302 Found\r\nLocation: ${to}\r\nContent-Length: 0\r\n\r\n`));
    await peer.readToEnd();
  });
  return { ...server, url: `${tls ? "wss" : "ws"}://127.0.0.1:${server.port}` };
}

const go = (url: string, options: ConnectOptions = {}) =>
  soon(connect(url, { maxRedirects: 5, ...options }), "The handshake");

Deno.test("maxRedirects allows redirects; the connection's URL is the last one, and its keys are not used twice", async () => {
  await using server = redirecting((path) => path === "/a" ? "/b" : path === "/b" ? "c?d" : undefined);
  const socket = await go(`${server.url}/a`, { headers: { Cookie: "a=1" } });
  assertEquals(socket.url, `${server.url}/c?d`);
  const keys = server.requests.map((request) => /^Sec-WebSocket-Key: (.*)$/m.exec(request)?.[1]);
  assertEquals([keys.length, new Set(keys).size], [3, 3]);
  assert(server.requests.every((request) => request.includes("\r\ncookie: a=1\r\n")));
  socket.abort();
});

Deno.test("a redirect from ws to wss on another port sends no credentials", async () => {
  await using secure = redirecting(() => undefined, true);
  await using plain = redirecting(() => `https://127.0.0.1:${secure.port}/`);
  const options = { caCerts: [cert], headers: { Cookie: "a=1", "X-A": "1" } };
  const socket = await go(plain.url.replace("//", "//user:secret@"), options);
  assertEquals(socket.url, `${secure.url}/`);
  assertStringIncludes(plain.requests[0]!, "\r\ncookie: a=1\r\n");
  assertStringIncludes(plain.requests[0]!, "\r\nAuthorization: Basic ");
  assertStringIncludes(secure.requests[0]!, "\r\nx-a: 1\r\n");
  assertEquals(/cookie|authorization/i.test(secure.requests[0]!), false);
  socket.abort();
  await secure.deserted();
});

Deno.test("a loop of redirects ends at maxRedirects, with an error that names the last one", async () => {
  await using server = redirecting((path) => `${path}x`);
  const error = await assertRejects(() => go(`${server.url}/`, { maxRedirects: 3 }), HandshakeError);
  assertEquals(error.message, `Server redirects more than 3 times (after redirect 3, to ${server.url}/xxx)`);
  assertEquals([error.status, error.headers.get("location"), server.requests.length], [302, "/xxxx", 4]);
  await server.deserted();
});

Deno.test("an error after a redirect mentions the redirect, and shows no credentials", async () => {
  const nobody = listen();
  const { port } = nobody.addr;
  nobody.close();
  await using server = redirecting((path) => path === "/" ? "/b" : `ws://x:secret@127.0.0.1:${port}/`);
  const error = await assertRejects(() => go(server.url.replace("//", "//user:secret@")), ConnectionError);
  const url = `ws://127.0.0.1:${port}/`;
  assertEquals(error.message, `Cannot connect to 127.0.0.1:${port} (after redirect 2, to ${url})`);
  assert(error.cause instanceof Deno.errors.ConnectionRefused);
});

Deno.test("one deadline covers all redirects, and a signal ends them; no connection is left", async () => {
  const waiting = Promise.withResolvers<void>();
  let silent = false;
  await using server = redirecting((path) => {
    if (silent && path === "/xxxxx") waiting.resolve();
    return `${path}x`;
  });
  const late = assertRejects(
    () => go(`${server.url}/`, { maxRedirects: Infinity, handshakeTimeout: 100 }),
    ConnectionError,
  );
  assertEquals((await late).message, "The handshake took more than 100 ms");
  await server.deserted();

  silent = true;
  const controller = new AbortController();
  const going = go(`${server.url}/`, { maxRedirects: Infinity, signal: controller.signal });
  const aborted = assertRejects(() => going, Error, "enough");
  await soon(waiting.promise, "The fifth redirect");
  controller.abort(new Error("enough"));
  await aborted;
  await server.deserted();
});
