/**
 * Several requests on one connection: their order, their number, their deadlines, their ends.
 */
import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { Agent, get } from "node:http";
import { connect, serve, type ServeOptions } from "../../mod.ts";
import { ConnectionGroup } from "../../lib/server/connection_group.ts";
import type { GroupOptions } from "../../lib/server/server_options.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { utf8 } from "../_support/frames.ts";
import { connPair } from "../_support/pair.ts";
import { requestText, text } from "../_support/raw_peer.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { RawClient } from "./_http.ts";
import { ORIGIN_REFUSED, overlook, SERVER_FULL } from "../_support/printed.ts";

overlook(ORIGIN_REFUSED, SERVER_FULL);

type Http = NonNullable<ServeOptions["http"]>;

function start(http: Http, options: Partial<ServeOptions> = {}) {
  const reports: unknown[] = [];
  const onError = (error: unknown) => void reports.push(error);
  const server = serve({ port: 0, hostname: "127.0.0.1", onError, ...options, http }, {
    message: (socket, data) => void socket.send(data),
  });
  return { server, reports, url: server.url.replace("ws", "http"), port: Number(new URL(server.url).port) };
}

/** A client in memory. */
function inMemory(http: Http, options: Partial<GroupOptions> = {}, capacity?: number) {
  const reports: unknown[] = [];
  const group = new ConnectionGroup({ onError: (error) => void reports.push(error), ...options, http }, {});
  const [near, far] = connPair(capacity);
  group.take(near);
  return { group, reports, near, far, done: group.idle(), peer: new RawClient(far) };
}

const GET = ["GET / HTTP/1.1", "Host: a"];

Deno.test("requests on one connection are answered one after another, and then it is upgraded", async () => {
  const { server, port } = start(async (request) => new Response(`${request.method} ${await request.text()}`));
  using peer = await RawClient.dial(port);
  for (let i = 0; i < 3; i++) {
    assertEquals((await peer.exchange(GET)).body, "GET ");
    assertEquals((await peer.exchange(["HEAD / HTTP/1.1", "Host: a"])).body, "");
    const post = ["POST / HTTP/1.1", "Host: a"];
    assertEquals((await peer.exchange([...post, "Content-Length: 4"], "body")).body, "POST body");
    const chunked = [...post, "Transfer-Encoding: chunked"];
    assertEquals((await peer.exchange(chunked, "4\r\nbody\r\n0\r\n\r\n")).body, "POST body");
  }
  await peer.send(utf8(requestText()), text("early"));
  await peer.expectStatus(101);
  await peer.expect(text("early"));
  peer.close();
  await server.shutdown();
});

Deno.test("an upgrade on a reused connection is checked like any other", async () => {
  const { server, port } = start(() => new Response("page"));
  const cases = [
    [requestText({ Origin: "http://elsewhere.test" }), 403],
    [requestText({ "Sec-WebSocket-Version": "12" }), 426],
    [requestText({ "Sec-WebSocket-Key": undefined }), 400],
  ] as const;
  for (const [request, status] of cases) {
    using peer = await RawClient.dial(port);
    await peer.exchange(GET);
    await peer.send(utf8(request));
    assertEquals((await peer.readAnswer()).status, status);
    await peer.expectEnd();
  }
  await server.shutdown();
});

Deno.test("pipelined requests are answered in order, one handler at a time", async () => {
  let running = 0;
  let most = 0;
  const { server, port } = start(async (request) => {
    most = Math.max(most, ++running);
    await settle();
    running--;
    return new Response(new URL(request.url).pathname);
  }, { maxConnections: 1 });
  using peer = await RawClient.dial(port);
  const paths = Array.from({ length: 50 }, (_, i) => `/${i}`);
  await peer.send(utf8(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join("")), utf8(requestText()));
  for (const path of paths) assertEquals((await peer.readAnswer()).body, path);
  await peer.expectStatus(101);
  assertEquals(most, 1);
  peer.close();
  await server.shutdown();
});

Deno.test("a client that sends requests and reads no responses is not read forever", async () => {
  let handled = 0;
  const { far, near, group } = inMemory(() => new Response(`${++handled}${"x".repeat(1_000)}`), {}, 4_096);
  let sent = 0;
  void (async () => {
    for (;;) sent += await far.write(utf8("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  })().catch(() => {});
  for (let i = 0; i < 20; i++) await settle();
  const [before, after] = [sent, handled];
  for (let i = 0; i < 20; i++) await settle();
  assertEquals([sent, handled], [before, after]);
  assert(handled < 10 && sent < 256 * 1024, `${handled} ${sent}`);
  near.close();
  far.close();
  await group.stop({}, () => {});
});

Deno.test("idle connections count toward maxConnections, and are closed at once by a shutdown", async () => {
  const { server, port } = start(() => new Response("page"), { maxConnections: 1 });
  using first = await RawClient.dial(port);
  await first.exchange(GET);
  using second = await RawClient.dial(port);
  assertEquals((await second.exchange(GET)).status, 503);
  await soon(server.shutdown({ timeout: 60_000 }), "The shutdown");
  await first.expectEnd();
});

Deno.test("behind a proxy, each request on one connection counts for its own client", async () => {
  const { server, port } = start((_, { remoteAddr }) => Response.json(remoteAddr), {
    proxies: ["127.0.0.1"],
    maxConnectionsPerAddress: 1,
  });
  const from = (address: string) => [...GET, `X-Forwarded-For: ${address}`];
  using one = await RawClient.dial(port);
  assertEquals(JSON.parse((await one.exchange(from("192.0.2.1"))).body).hostname, "192.0.2.1");
  assertEquals(JSON.parse((await one.exchange(from("192.0.2.2"))).body).hostname, "192.0.2.2");
  using two = await RawClient.dial(port);
  assertEquals((await two.exchange(from("192.0.2.1"))).status, 200);
  using three = await RawClient.dial(port);
  assertEquals((await three.exchange(from("192.0.2.2"))).status, 429);
  for (const peer of [one, two, three]) peer.close();
  await server.shutdown();
});

Deno.test("Connection: close ends the connection, on either side", async () => {
  const { server, port } = start((request) =>
    new Response("page", request.url.endsWith("/last") ? { headers: { Connection: "close" } } : {})
  );
  for (const lines of [[...GET, "Connection: close"], ["GET /last HTTP/1.1", "Host: a"]]) {
    using peer = await RawClient.dial(port);
    const { fields } = await peer.exchange(lines);
    assertEquals(Object.fromEntries(fields)["connection"], "close");
    await peer.expectEnd();
  }
  await server.shutdown();
});

Deno.test("a connection has keepAliveTimeout for its next request, and handshakeTimeout for that request's head", async () => {
  using time = new FakeTime();
  const limits = { keepAliveTimeout: 3_000, handshakeTimeout: 2_000 };
  const idle = inMemory(() => new Response("page"), limits);
  await idle.peer.exchange(GET);
  await time.advance(2_999);
  assertEquals(idle.near.closes, 0);
  await time.advance(1);
  await idle.peer.expectEnd();
  await idle.done;

  const slow = inMemory(() => new Response("page"), limits);
  await slow.peer.exchange(GET);
  await time.advance(2_500);
  await slow.peer.send(utf8("GET / HT"));
  for (let i = 0; i < 4; i++) {
    await time.advance(500);
    await slow.peer.send(utf8(" "));
  }
  assertEquals((await slow.peer.readAnswer()).status, 408);
  slow.peer.close();
  await slow.done;
});

Deno.test("a body that arrives a byte at a time is 408 after bodyTimeout, and nothing is reported", async () => {
  using time = new FakeTime();
  const { peer, far, done, reports } = inMemory(async (request) => new Response(await request.text()), {
    bodyTimeout: 10_000,
  });
  await peer.request(["POST / HTTP/1.1", "Host: a", "Content-Length: 1000"]);
  for (let i = 0; i < 2; i++) {
    await time.advance(4_000);
    await far.write(utf8("x"));
  }
  await time.advance(2_000);
  const { status, fields } = await peer.readAnswer();
  assertEquals([status, Object.fromEntries(fields)["connection"]], [408, "close"]);
  peer.close();
  await done;
  assertEquals(reports, []);
});

Deno.test("a client that does not read its response is dropped after bodyTimeout, and the body is cancelled", async () => {
  using time = new FakeTime();
  let reason: unknown;
  const { peer, near, done, reports } = inMemory(
    () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
          cancel: (why) => void (reason = why),
        }, { highWaterMark: 0 }),
      ),
    { bodyTimeout: 10_000 },
    1_024,
  );
  await peer.request(GET);
  await time.advance(9_999);
  assertEquals(near.closes, 0);
  await time.advance(1);
  await done;
  assertEquals([near.closes, reports], [1, []]);
  assertInstanceOf(reason, Error);
});

Deno.test("a client that disconnects aborts request.signal and info.signal, and its body is cancelled at once", async () => {
  for (const end of ["close", "reset"] as const) {
    const events: string[] = [];
    const { peer, far, done, reports } = inMemory((request, { signal }) => {
      request.signal.addEventListener("abort", () => events.push("request"));
      signal.addEventListener("abort", () => events.push("info"));
      return new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(utf8("data: hello\n\n")),
          cancel: () => void events.push("cancelled"),
        }),
      );
    });
    await peer.request(GET);
    await peer.readHead();
    far[end]();
    await soon(done, "The end");
    assertEquals([events.sort(), reports], [["cancelled", "info", "request"], []]);
  }
});

Deno.test("if a client disconnects while its handler runs, the signal is aborted and the response cancelled", async () => {
  const asked = Promise.withResolvers<Request>();
  const answer = Promise.withResolvers<Response>();
  const { peer, done, reports } = inMemory((request) => {
    asked.resolve(request);
    return answer.promise;
  });
  await peer.request(GET);
  const { signal } = await asked.promise;
  peer.close();
  await until(() => signal.aborted, "The signal");
  let cancelled = false;
  answer.resolve(new Response(new ReadableStream({ cancel: () => void (cancelled = true) })));
  await soon(done, "The end");
  assertEquals([cancelled, reports], [true, []]);

  // A handler that passes the signal on fails with its reason: that is no mistake.
  const taken = Promise.withResolvers<void>();
  const passing = inMemory((request) => {
    taken.resolve();
    return new Promise((_, reject) => (request.signal.onabort = () => reject(request.signal.reason)));
  });
  await passing.peer.request(GET);
  await soon(taken.promise, "The request");
  passing.peer.close();
  await soon(passing.done, "The end");
  assertEquals(passing.reports, []);
});

Deno.test("a client that disconnects in the middle of its body makes the handler's read fail", async () => {
  const failed = Promise.withResolvers<unknown>();
  const reading = Promise.withResolvers<void>();
  const { peer, done, reports } = inMemory((request) => {
    reading.resolve();
    return request.text().then((text) => new Response(text), (error) => {
      failed.resolve(error);
      throw error;
    });
  });
  await peer.request(["POST / HTTP/1.1", "Host: a", "Content-Length: 10"], "part");
  await soon(reading.promise, "The request");
  peer.close();
  assertInstanceOf(await soon(failed.promise, "The error"), Error);
  await soon(done, "The end");
  assertEquals(reports, []);
});

Deno.test("a body is read at the handler's pace, and may be the response", async () => {
  const { server, url } = start((request) => new Response(request.body));
  for (const length of [1, 100_000, 3_000_000]) {
    const response = await fetch(url, { method: "POST", body: new Uint8Array(length).fill(7) });
    assertEquals((await response.bytes()).length, length);
  }
  await server.shutdown();
});

Deno.test("an unread body is skipped, or ends the connection if it is long", async () => {
  const { server, port } = start(() => new Response("no"));
  using peer = await RawClient.dial(port);
  const post = ["POST / HTTP/1.1", "Host: a"];
  assertEquals((await peer.exchange([...post, "Content-Length: 7"], "ignored")).body, "no");
  assertEquals((await peer.exchange([...GET, "Content-Length: 7"], "ignored")).body, "no");
  assertEquals((await peer.exchange([...post, "Content-Length: 100000000"], "x".repeat(300_000))).body, "no");
  await peer.expectEnd();
  await server.shutdown();
});

Deno.test("100 Continue is sent if the handler reads the body, and not if it responds without", async () => {
  const { server, port } = start(async (request) =>
    new Response(request.url.endsWith("/read") ? await request.text() : "too large", { status: 200 })
  );
  using peer = await RawClient.dial(port);
  const fields = ["Host: a", "Expect: 100-continue", "Content-Length: 4"];
  await peer.request(["PUT /read HTTP/1.1", ...fields]);
  await peer.expectStatus(100);
  await peer.send(utf8("body"));
  assertEquals((await peer.readAnswer()).body, "body");
  assertEquals((await peer.exchange(["PUT /not HTTP/1.1", ...fields])).body, "too large");
  await peer.expectEnd();
  await server.shutdown();
});

Deno.test("an invalid Response is 500 and reported, and the connection goes on", async () => {
  const used = new Response("used");
  await used.text();
  const bad = new Map<string, () => Response | Promise<Response>>([
    ["/undefined", () => Reflect.get({}, "nothing")],
    ["/error", () => Response.error()],
    ["/text", () => Reflect.get(["page"], 0)],
    ["/used", () => used],
    ["/short", () => new Response("six", { headers: { "Content-Length": "10" } })],
    ["/long", () => new Response("sixsix", { headers: { "Content-Length": "3" } })],
    ["/throws", () => {
      throw new Error("a mistake");
    }],
    ["/rejects", () => Promise.reject(new Error("a mistake"))],
  ]);
  const { server, port, reports } = start((request) => bad.get(new URL(request.url).pathname)!());
  using peer = await RawClient.dial(port);
  for (const path of bad.keys()) {
    const { status, body } = await peer.exchange([`GET ${path} HTTP/1.1`, "Host: a"]);
    assertEquals([status, body], [500, "Internal Server Error\n"], path);
  }
  assertEquals(reports.length, bad.size);
  peer.close();
  await server.shutdown();
});

Deno.test("node:http sends many requests on one connection, and a WebSocket works beside it", async () => {
  const { server, url, port } = start(() => new Response("page"));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const sockets = new Set<unknown>();
  for (let i = 0; i < 20; i++) {
    await new Promise<void>((resolve, reject) => {
      get(url, { agent }, (response) => {
        sockets.add(response.socket.localPort);
        response.resume().on("end", resolve);
      }).on("error", reject);
    });
  }
  agent.destroy();
  assertEquals(sockets.size, 1);
  const socket = await connect(`ws://127.0.0.1:${port}`);
  await socket.send("hello");
  assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
  await socket.close();
  await server.shutdown();
});
