import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { createServer } from "node:http";
import { connect, HandshakeError, serve, type WebSocketConnection } from "../../mod.ts";
import { type FetchApplication, fromFetch, upgradeWebSocket } from "../../lib/adapters/fetch.ts";
import { createHub } from "../../lib/hub/mod.ts";
import { serveNode } from "../../lib/node/mod.ts";
import { overlook } from "../_support/printed.ts";
import { soon } from "../_support/wait.ts";

overlook(/^A page of https:\/\/evil\.example/);

/** A server of ours with an application, and what it reports. */
function start(fetch: FetchApplication, options: Parameters<typeof serve>[0] = {}) {
  const reports: unknown[] = [];
  const { handler, ...app } = fromFetch(fetch);
  const onError = (error: unknown) => void reports.push(error);
  const server = serve({ port: 0, hostname: "127.0.0.1", onError, ...options, ...app }, handler);
  return { reports, server, url: server.url, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const next = async (socket: WebSocketConnection) =>
  (await soon(socket[Symbol.asyncIterator]().next(), "A message")).value;

Deno.test("an application accepts a handshake with a subprotocol, data and response header fields", async () => {
  await using app = start(async (request, { remoteAddr }) => {
    const { method, url, headers } = request;
    const { pathname, protocol } = new URL(url);
    if (pathname !== "/chat") return new Response(`${method} ${pathname}`);
    const upgraded = upgradeWebSocket(request, {
      protocols: ["v2", "v1"],
      headers: { "X-Room": "1" },
      data: { name: `${headers.get("cookie")} ${protocol} ${remoteAddr?.transport}` },
    }, { message: (socket, data) => void socket.send(`${socket.data.name} ${data}`) });
    await Promise.resolve();
    // What a middleware does: another answer with the header fields of the first.
    const answer = new Response(upgraded.body, upgraded);
    answer.headers.append("Set-Cookie", "a=1");
    answer.headers.append("Set-Cookie", "b=2");
    answer.headers.set("Content-Type", "text/plain");
    answer.headers.set("Sec-WebSocket-Accept", "mine");
    return answer;
  });
  assertEquals(await (await fetch(app.url.replace("ws", "http") + "/page")).text(), "GET /page");
  await using socket = await connect(`${app.url}/chat?x=1`, { protocols: ["v1", "v2"], headers: { Cookie: "k=v" } });
  const { protocol, headers } = socket;
  assertEquals([protocol, headers.get("x-room"), headers.getSetCookie()], ["v2", "1", ["a=1", "b=2"]]);
  assertEquals(headers.get("content-type"), null);
  await socket.send("hello");
  assertEquals(await next(socket), "k=v http: tcp hello");
  assertEquals(app.reports, []);
});

Deno.test("connections that an application accepts are Sluice's: they ping, compress, stream and use the server's hub", async () => {
  const hub = createHub();
  await using app = start(
    (request) =>
      upgradeWebSocket(request, {}, async (socket) => {
        socket.subscribe("news");
        for await (const message of socket) await socket.send(`${socket.extensions} ${message}`);
      }),
    { hub, perMessageDeflate: true },
  );
  await using socket = await connect(app.url, { perMessageDeflate: true });
  await socket.ping();
  await socket.send("hello");
  assertStringIncludes(String(await next(socket)), "permessage-deflate");
  hub.publish("news", "It rains");
  assertEquals(await next(socket), "It rains");
  await app.server.shutdown();
  assertEquals((await socket.closed).closeCode, 1001);
});

Deno.test("an error or a redirect of the application refuses the handshake, and so do an ordinary page and a thrown error", async () => {
  const broken = new Error("broken");
  await using app = start((request) => {
    switch (new URL(request.url).pathname) {
      case "/page":
        return new Response("a page");
      case "/none":
        return new Response("none\n", { status: 404 });
      case "/away":
        return new Response(null, { status: 307, headers: { Location: "/page" } });
      case "/locked":
        throw new HandshakeError("locked", { status: 401 });
      case "/late":
        upgradeWebSocket(request, {}, () => {});
        return new Response("too many\n", { status: 429 });
    }
    throw broken;
  });
  const statuses: Record<string, number> = {};
  for (const path of ["/page", "/none", "/away", "/locked", "/late", "/broken"]) {
    const refused = connect(`${app.url}${path}`);
    statuses[path] = (await assertRejects(() => refused, HandshakeError)).status;
  }
  await app.server.shutdown();
  assertEquals(statuses, { "/page": 404, "/none": 404, "/away": 307, "/locked": 401, "/late": 429, "/broken": 500 });
  assertEquals(app.reports, [broken]);
});

Deno.test("an application that upgrades a copy of its request gets an error that explains it, and the client gets 500", async () => {
  await using app = start((request) => upgradeWebSocket(new Request(request), {}, {}));
  assertEquals((await assertRejects(() => connect(app.url), HandshakeError)).status, 500);
  await app.server.shutdown();
  assertStringIncludes(String(app.reports), "Call upgradeWebSocket() with the request itself, not with a copy");
});

Deno.test("the server's checks run before the application: a foreign page never reaches it", async () => {
  let asked = 0;
  await using app = start((request) => {
    asked++;
    return upgradeWebSocket(request, {}, () => {});
  });
  const foreign = connect(app.url, { headers: { Origin: "https://evil.example" } });
  assertEquals((await assertRejects(() => foreign, HandshakeError)).status, 403);
  assertEquals(asked, 0);
});

Deno.test("an error in an application's handler goes to the server's onError, and closes with 1011", async () => {
  const broken = new Error("broken");
  for (
    const handler of [{
      message() {
        throw broken;
      },
    }, async (socket: WebSocketConnection) => {
      await socket[Symbol.asyncIterator]().next();
      throw broken;
    }]
  ) {
    await using app = start((request) => upgradeWebSocket(request, {}, handler));
    const socket = await connect(app.url);
    await socket.send("");
    assertEquals((await soon(socket.closed, "The end")).closeCode, 1011);
    assertEquals(app.reports, [broken]);
  }
});

Deno.test("an application serves the handshakes of a node:http server, beside its pages", async () => {
  const { upgrade, handler } = fromFetch((request) =>
    upgradeWebSocket(request, {}, { message: (socket, data) => void socket.send(data) })
  );
  const server = createServer((_, response) => response.end("page"));
  await using upgrades = serveNode(server, { upgrade }, handler);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  const socket = await connect(`ws://127.0.0.1:${address.port}`);
  await socket.send("hello");
  assertEquals(await next(socket), "hello");
  await socket.close();
  await upgrades.shutdown();
  await new Promise((closed) => server.close(closed));
});

Deno.test("in Deno.serve the same application uses the platform's WebSockets, with their own limits", async () => {
  const hub = createHub();
  const reports: unknown[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request, { remoteAddr }) =>
      upgradeWebSocket(request, {
        protocols: "v1",
        headers: { "X-Room": "1" },
        data: "Ann",
        platform: { hub, remoteAddr, maxMessageBytes: 8, onError: (error) => void reports.push(error) },
      }, {
        message: (socket, data) => void socket.send(`${socket.data} ${socket.remoteAddr?.transport} ${data}`),
      }),
  );
  const socket = await connect(`ws://127.0.0.1:${server.addr.port}`, { protocols: ["v1"] });
  assertEquals([socket.protocol, socket.headers.get("x-room")], ["v1", "1"]);
  await socket.send("hello");
  assertEquals(await next(socket), "Ann tcp hello");
  await socket.send("more than 8 bytes");
  assertEquals((await soon(socket.closed, "The end")).closeCode, 1009);
  assertEquals(reports, []);
});

Deno.test("a misuse throws at the call: a request upgraded twice, a missing handler, server options", async () => {
  const errors: unknown[] = [];
  let late: Request | undefined;
  await using app = start((request) => {
    late = request;
    const response = upgradeWebSocket(request, {}, {});
    try {
      upgradeWebSocket(request, {}, {});
    } catch (error) {
      errors.push(error);
    }
    return response;
  });
  await (await connect(app.url)).close();
  assertEquals(errors.map(String), ["TypeError: Cannot upgrade the request: it was upgraded before"]);
  assertThrows(() => upgradeWebSocket(late!, {}, {}), TypeError, "upgraded before");
  // @ts-expect-error: there is no handler
  assertThrows(() => upgradeWebSocket(late!, {}), TypeError, "needs a handler");
  // @ts-expect-error: it is the server's
  assertThrows(() => upgradeWebSocket(late!, { maxMessageBytes: 1 }, {}), TypeError, "maxMessageBytes");
  // @ts-expect-error: no application
  assertThrows(() => fromFetch({}), TypeError, "the first argument of fromFetch()");
});

Deno.test("returning a handler without its upgrade is an error, and the connection closes with 1011", async () => {
  const reports: unknown[] = [];
  const { handler } = fromFetch(() => new Response());
  await using server = serve(
    { port: 0, hostname: "127.0.0.1", onError: (error) => void reports.push(error) },
    handler,
  );
  const socket = await connect(server.url);
  assertEquals((await socket.closed).closeCode, 1011);
  assertStringIncludes(String(reports), "give the server `upgrade` of the same fromFetch() too");
});
