import { createSecureServer, createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { connectHttp2 } from "../../lib/http2/connect_http2.ts";
import { serveHttp2, type ServeHttp2Options } from "../../lib/http2/serve_http2.ts";
import { serveNode } from "../../lib/node/serve_node.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import { standstill } from "../_support/deadline.ts";
import { utf8 } from "../_support/frames.ts";
import { playEcho } from "../_support/messages.ts";
import { cert, key } from "../_support/tls.ts";
import { soon, until } from "../_support/wait.ts";
import { answered, bodyOf, connectHeaders, listenHttp2, opening, rawSession, serving } from "./_support.ts";
import { ORIGIN_REFUSED, overlook, RETURNED_AT_ONCE, SERVER_FULL } from "../_support/printed.ts";

overlook(ORIGIN_REFUSED, RETURNED_AT_ONCE, SERVER_FULL);

const says = (word: string): WebSocketHandler => (socket) => void socket.send(word);

/** What a request is answered over HTTP/2: the status and the body. */
async function ask(port: number, headers: Record<string, string>): Promise<[number | undefined, string]> {
  await using session = await rawSession(port);
  const stream = session.request(headers, { endStream: true });
  const { ":status": status } = await answered(stream);
  return [status, await bodyOf(stream)];
}

Deno.test("many sockets share a session, each with its own messages, and end independently", async () => {
  await using server = await serving();
  await using session = await opening(server.url);
  const sockets = await Promise.all([1, 2, 3].map((n) => session.connect(`/${n}`)));
  assertEquals(server.upgrades.connections.size, 3);
  assertEquals(server.sessions.length, 1);
  const [first] = server.upgrades.connections;
  assertEquals([first?.remoteAddr, first?.localAddr], [sockets[0]?.localAddr, sockets[0]?.remoteAddr]);
  await Promise.all(sockets.map(playEcho));
  await until(() => server.upgrades.connections.size === 0, "The ends");
  await playEcho(await session.connect("/again"));
  assertEquals([server.sessions.length, server.reports], [1, []]);
});

Deno.test("a socket that is not read stops its peer, and no other socket of the session", async () => {
  const stop = Promise.withResolvers<void>();
  await using server = await serving({}, {
    async handler(socket) {
      if (socket.url.endsWith("/slow")) await stop.promise;
      for await (const message of socket) await socket.send(message);
    },
  });
  await using session = await opening(server.url);
  const slow = await session.connect("/slow");
  const message = "x".repeat(64 * 1024);
  let sent = 0;
  const sending = (async () => {
    for (; sent < 64; sent++) await slow.send(message);
  })();
  const most = await standstill(() => sent, { quiet: 200 });
  await playEcho(await session.connect("/quick"));
  stop.resolve();
  assertLess(most, 16, "messages that wait in windows and queues");
  const replies = slow[Symbol.asyncIterator]();
  for (let received = 0; received < 64; received++) {
    assertEquals((await soon(replies.next(), "A reply")).value, message);
  }
  await sending;
});

Deno.test("permessage-deflate is agreed and used over HTTP/2", async () => {
  await using server = await serving({ perMessageDeflate: true });
  await using session = await opening(server.url);
  const socket = await session.connect("/", { perMessageDeflate: true });
  assertEquals(socket.extensions.startsWith("permessage-deflate"), true);
  await playEcho(socket);
});

Deno.test("the rules are those of HTTP/1.1: origin, subprotocols, the application's decision and its data", async () => {
  const seen: unknown[] = [];
  await using server = await serving({
    protocols: ["chat"],
    upgrade({ path, origin, headers }, { remoteAddr, extensions, signal }) {
      seen.push([path, origin, headers.get("cookie"), remoteAddr?.transport, extensions.length, signal.aborted]);
      return path === "/secret" ? new Response("Members only\n", { status: 403, headers: { "X-Why": "no ticket" } }) : {
        headers: { "Set-Cookie": "seen=1" },
      };
    },
  });
  await using session = await opening(server.url);
  const headers = { Origin: server.url, Cookie: "a=1; b=2" };
  const socket = await session.connect("/chat", { protocols: ["other", "chat"], headers });
  assertEquals([socket.protocol, socket.headers.get("set-cookie")], ["chat", "seen=1"]);
  assertEquals(seen, [["/chat", server.url, "a=1; b=2", "tcp", 0, false]]);

  const refused = await assertRejects(() => session.connect("/secret"), HandshakeError, "answered 403");
  assertEquals([refused.status, refused.headers.get("x-why")], [403, "no ticket"]);
  assertEquals(new TextDecoder().decode(refused.body), "Members only\n");

  const foreign = { headers: { Origin: "https://evil.example" } };
  assertEquals((await assertRejects(() => session.connect("/", foreign), HandshakeError)).status, 403);
  await playEcho(await session.connect("/")); // a refusal costs the session nothing
});

Deno.test("behind one of `proxies`, the proxy's fields give the client's address and scheme", async () => {
  const seen: unknown[] = [];
  await using server = await serving({
    proxies: ["127.0.0.1"],
    upgrade: ({ url }, { remoteAddr }) => void seen.push([url, remoteAddr]),
  });
  await using session = await opening(server.url);
  await session.connect("/", { headers: { "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https" } });
  assertEquals(seen, [[`wss://127.0.0.1:${server.port}/`, { transport: "tcp", hostname: "203.0.113.9", port: 0 }]]);
});

Deno.test("H24: group limits apply to the sockets of a session", async () => {
  for (const [limit, status] of [[{ maxConnections: 1 }, 503], [{ maxConnectionsPerAddress: 1 }, 429]] as const) {
    await using server = await serving(limit);
    await using session = await opening(server.url);
    const socket = await session.connect("/");
    const error = await assertRejects(() => session.connect("/"), HandshakeError);
    assertEquals([error.status, error.headers.get("retry-after")], [status, "1"]);
    await playEcho(socket);
  }
});

Deno.test("H22: an error of a hook, or of `takes`, is reported and the client gets 500", async () => {
  const error = new Error("Ours");
  const thrower = () => {
    throw error;
  };
  for (const options of [{ upgrade: thrower }, { takes: thrower }] satisfies ServeHttp2Options[]) {
    await using server = await serving(options);
    await using session = await opening(server.url);
    assertEquals((await assertRejects(() => session.connect("/"), HandshakeError)).status, 500);
    await until(() => server.reports.length > 0, "The report");
    assertEquals(server.reports, [error]);
  }
  // As code without types may.
  await using server = await serving({ takes: () => JSON.parse("0") || Promise.reject(error) });
  await using session = await opening(server.url);
  assertEquals((await assertRejects(() => session.connect("/"), HandshakeError)).status, 500);
  await until(() => server.reports.length > 1, "The reports");
  const late = "TypeError: takes() must return its answer at once, not a promise";
  assertEquals(server.reports.map(String).toSorted(), ["Error: Ours", late]);
});

Deno.test("two on one server: each takes its requests, and H21: requests that neither takes are refused with 404", async () => {
  const server = createServer();
  const first = serveHttp2(server, { takes: (headers) => headers[":path"] === "/first" }, says("first"));
  const second = serveHttp2(server, { takes: (headers) => headers[":path"] !== "/third" }, says("second"));
  await using node = await listenHttp2(server);
  await using session = await opening(`http://127.0.0.1:${node.port}`);
  const said = async (path: string) => (await Array.fromAsync(await session.connect(path))).join();
  assertEquals(await said("/first"), "first", "the first of two that would take it has it");
  assertEquals(await said("/second"), "second");
  assertEquals((await assertRejects(() => said("/third"), HandshakeError)).status, 404);
  await soon(Promise.all([first.shutdown(), second.shutdown()]), "The shutdown");
});

Deno.test("requests that no server takes: another protocol is 501, a plain CONNECT 405, the rest 404", async () => {
  for (const server of [createServer(), createServer((_, response) => void response.end("hello"))]) {
    await using node = await serving({}, { server });
    assertEquals(
      (await ask(node.port, connectHeaders(node.port, { ":protocol": "connect-udp" }) as Record<string, string>))[0],
      501,
    );
    assertEquals((await ask(node.port, { ":method": "CONNECT", ":authority": "127.0.0.1:80" }))[0], 405);
    await playEcho(await (await opening(node.url)).connect("/"));
  }
  await using node = await serving();
  assertEquals(await ask(node.port, { ":path": "/" }), [404, "There is nothing here\n"]);
});

Deno.test("the server still gets ordinary requests, whether it listens for `request` or for `stream`", async () => {
  const streaming = createServer();
  streaming.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    if (headers[":protocol"] === "websocket") return;
    stream.respond({ ":status": 200 });
    stream.end("hello");
  });
  for (const server of [createServer((_, response) => void response.end("hello")), streaming]) {
    await using node = await serving({}, { server });
    assertEquals(await ask(node.port, { ":path": "/" }), [200, "hello"]);
    const session = await opening(node.url);
    await playEcho(await session.connect("/"));
    await session.close();
    assertEquals(await ask(node.port, { ":path": "/" }), [200, "hello"]);
  }
});

Deno.test("requests that are not taken are left to other listeners for `stream` and for `connect`", async () => {
  const others: unknown[] = [];
  const streaming = createServer();
  streaming.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    others.push(headers[":path"]);
    stream.respond({ ":status": 418 }, { endStream: true });
  });
  const compat = createServer(() => {});
  compat.on("connect", (request, response) => {
    others.push(request.url);
    response.statusCode = 418;
    response.end();
  });
  for (const server of [streaming, compat]) {
    await using node = await serving({ takes: () => false }, { server });
    await using session = await opening(node.url);
    assertEquals((await assertRejects(() => session.connect("/theirs"), HandshakeError)).status, 418);
  }
  assertEquals(others, ["/theirs", "/theirs"]);
});

Deno.test("one TLS port serves WebSockets over HTTP/2 and over HTTP/1.1, with wss URLs", async () => {
  const urls: string[] = [];
  const server = createSecureServer({ cert, key, allowHTTP1: true }, (_, response) => void response.end("hello"));
  const options = { upgrade: ({ url, method }: { url: string; method: string }) => void urls.push(`${method} ${url}`) };
  const echo: WebSocketHandler = { message: (socket, data) => socket.send(data) };
  const [two, one] = [serveHttp2(server, options, echo), serveNode(server, options, echo)];
  await using node = await listenHttp2(server);
  const origin = `localhost:${node.port}`;
  const session = await connectHttp2(`https://${origin}`, { caCerts: [cert] });
  await playEcho(await session.connect("/two"));
  await session.close();
  await playEcho(await connect(`wss://${origin}/one`, { caCerts: [cert] }));
  assertEquals(urls, [`CONNECT wss://${origin}/two`, `GET wss://${origin}/one`]);
  // No listener takes a CONNECT in HTTP/1.1, as before: its connection is closed.
  const tunnel = await Deno.connectTls({ hostname: "localhost", port: node.port, caCerts: [cert] });
  await tunnel.write(utf8("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"));
  assertEquals(await soon(tunnel.read(new Uint8Array(1)).catch(() => null), "The end"), null);
  tunnel.close();
  using client = Deno.createHttpClient({ caCerts: [cert], http2: false });
  assertEquals(await (await fetch(`https://${origin}/`, { client })).text(), "hello");
  await soon(Promise.all([two.shutdown(), one.shutdown()]), "The shutdown");
});

Deno.test("T13: shutdown closes sockets with 1001, waits for handlers, and leaves the server without WebSockets", async () => {
  const server = createServer((_, response) => void response.end("hello"));
  let ended = 0;
  await using node = await serving({}, {
    server,
    async handler({ closed }) {
      await closed;
      ended++;
    },
  });
  await using session = await opening(node.url);
  const sockets = await Promise.all(["/1", "/2"].map((path) => session.connect(path)));
  await soon(node.upgrades.shutdown(), "The shutdown");
  assertEquals(ended, 2);
  for (const { closed } of sockets) assertEquals((await closed).closeCode, 1001);
  assertEquals(node.upgrades.connections.size, 0);
  assertEquals([server.listenerCount("stream"), server.listenerCount("connect")], [1, 0]);
  assertEquals(await ask(node.port, { ":path": "/" }), [200, "hello"]);
});

Deno.test("during a shutdown, handshakes are refused with 503", async () => {
  const done = Promise.withResolvers<void>();
  await using server = await serving({}, { handler: () => done.promise });
  await using session = await opening(server.url);
  const socket = await session.connect("/");
  const stopped = server.upgrades.shutdown();
  assertEquals((await assertRejects(() => session.connect("/"), HandshakeError)).status, 503);
  done.resolve();
  await soon(stopped, "The shutdown");
  assertEquals((await socket.closed).closeCode, 1001);
});

Deno.test("an observer sees sockets and refusals over HTTP/2, also refusals of untaken requests", async () => {
  const told: unknown[][] = [];
  await using server = await serving({
    maxHeaderCount: 12,
    maxConnections: 1,
    takes: ({ ":path": path }) => path !== "/nobodys",
    upgrade: ({ path }) => path === "/no" ? new Response(null, { status: 410 }) : undefined,
    observer: {
      opened({ url }) {
        told.push([new URL(url).pathname]);
        return { received: (messages) => void (messages > 0 && told.push(["received", messages])) };
      },
      refused(error, { remoteAddr, request }) {
        const reason = error instanceof HandshakeError ? [error.status, error.limit] : [error.name];
        told.push([...reason, remoteAddr?.transport, request?.path]);
      },
    },
  });
  const ask = async (path: string, more = {}) => {
    await using session = await rawSession(server.port);
    await answered(session.request(connectHeaders(server.port, { ":path": path, ...more }), { endStream: true }));
  };
  await ask("/no");
  await ask("/nobodys");
  await ask("/", { "x-1": "", "x-2": "", "x-3": "", "x-4": "", "x-5": "", "x-6": "", "x-7": "" });
  await ask("/", { "sec-websocket-version": "12" });
  await using session = await opening(server.url);
  const socket = await session.connect("/yes");
  await socket.send("hello");
  await ask("/another");
  await socket.close();
  assertEquals(told, [
    [410, undefined, "tcp", "/no"],
    [404, undefined, "tcp", undefined],
    [431, "maxHeaderCount", "tcp", undefined],
    [400, undefined, "tcp", undefined],
    ["/yes"],
    ["received", 1],
    [503, "maxConnections", "tcp", undefined],
  ]);
});
