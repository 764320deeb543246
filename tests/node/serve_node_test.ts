import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
// @ts-types="../integration/peers/ws.d.ts"
import WebSocket from "npm:ws@^8.18.0";
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { acceptNode } from "../../lib/node/accept_node.ts";
import { type NodeUpgrades, serveNode, type ServeNodeOptions } from "../../lib/node/serve_node.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import { deno } from "../_support/child.ts";
import { utf8 } from "../_support/frames.ts";
import { playEcho } from "../_support/messages.ts";
import { close, RawPeer, requestText, text } from "../_support/raw_peer.ts";
import { cert, key } from "../_support/tls.ts";
import { soon, until } from "../_support/wait.ts";
import { listen } from "./_support.ts";
import { ORIGIN_REFUSED, overlook, RETURNED_AT_ONCE } from "../_support/printed.ts";

overlook(ORIGIN_REFUSED, RETURNED_AT_ONCE);

const ECHO: WebSocketHandler = { message: (socket, data) => socket.send(data) };

/** A server with WebSockets; what is reported is noted. */
async function start(
  options: ServeNodeOptions = {},
  { server = createServer(), handler = ECHO }: { server?: Server; handler?: WebSocketHandler } = {},
): Promise<{ upgrades: NodeUpgrades; port: number; reports: unknown[] } & AsyncDisposable> {
  const reports: unknown[] = [];
  const upgrades = serveNode(
    server,
    { pingInterval: 0, onError: (error) => void reports.push(error), ...options },
    handler,
  );
  const { port, [Symbol.asyncDispose]: stop } = await listen(server);
  return {
    upgrades,
    port,
    reports,
    async [Symbol.asyncDispose]() {
      await soon(upgrades.shutdown(), "The shutdown");
      await stop();
    },
  };
}

/** The client of `npm:ws`: sends one message, and returns what comes back with how it ended. */
async function playWs(url: string): Promise<unknown[]> {
  const socket = new WebSocket(url, []);
  const ended = new Promise<unknown[]>((resolve) => {
    const seen: unknown[] = [];
    socket.on("open", () => socket.send("from ws"));
    socket.on("message", (data) => {
      seen.push(new TextDecoder().decode(data));
      socket.ping();
    });
    socket.on("pong", () => socket.close(4000, "done"));
    socket.on("close", (code) => resolve([...seen, code]));
    socket.on("error", (error) => resolve([error]));
  });
  return await soon(ended, "The end of ws");
}

/** What an ordinary request is answered. */
async function get(url: string, client?: Deno.HttpClient): Promise<string> {
  const response = await fetch(url, client === undefined ? {} : { client });
  return `${response.status} ${await response.text()}`;
}

Deno.test("node:http: Sluice serves WebSockets, and the server keeps its ordinary requests", async () => {
  const server = createServer((_, response) => void response.end("hello"));
  const listening = await listen(server);
  await using _ = listening;
  const upgrades = serveNode(server, { takes: ({ url }) => url === "/echo" }, ECHO);
  assertEquals(await get(`http://127.0.0.1:${listening.port}/hello`), "200 hello");
  const socket = await connect(`ws://127.0.0.1:${listening.port}/echo`);
  assertEquals(upgrades.connections.size, 1);
  const [server1] = upgrades.connections;
  assertEquals([server1?.remoteAddr, server1?.localAddr], [socket.localAddr, socket.remoteAddr]);
  await playEcho(socket);
  assertEquals(await playWs(`ws://127.0.0.1:${listening.port}/echo`), ["from ws", 4000]);
  assertEquals(await get(`http://127.0.0.1:${listening.port}/hello`), "200 hello");
  await soon(upgrades.shutdown(), "The shutdown");
});

for (const name of ["Express", "Fastify"]) {
  Deno.test(`${name}: Sluice serves WebSockets, and the server keeps its ordinary requests`, async () => {
    const permissions = ["--allow-net=127.0.0.1", "--allow-env", "--allow-read", "--allow-sys"];
    await using child = deno(
      "run",
      "--quiet",
      "--no-prompt",
      ...permissions,
      "tests/node/_framework.ts",
      name,
    );
    const [, port] = await child.said(/listening on (\d+)/);
    assertEquals(await get(`http://127.0.0.1:${port}/hello`), "200 hello");
    await playEcho(await connect(`ws://127.0.0.1:${port}/echo`));
    assertEquals(await playWs(`ws://127.0.0.1:${port}/echo`), ["from ws", 4000]);
    assertEquals(await get(`http://127.0.0.1:${port}/hello`), "200 hello");
  });
}

Deno.test("node:https: WebSockets over TLS have wss URLs", async () => {
  const urls: string[] = [];
  const server = createTlsServer({ cert, key }, (_, response) => void response.end("hello"));
  await using node = await start({ upgrade: ({ url }) => void urls.push(url) }, { server });
  using client = Deno.createHttpClient({ caCerts: [cert] });
  assertEquals(await get(`https://localhost:${node.port}/`, client), "200 hello");
  await playEcho(await connect(`wss://localhost:${node.port}/`, { caCerts: [cert] }));
  assertEquals(urls, [`wss://localhost:${node.port}/`]);
});

Deno.test("H10: frames that came with the request's head come first over TLS too", async () => {
  await using node = await start({}, { server: createTlsServer({ cert, key }) });
  const conn = await Deno.connectTls({ hostname: "localhost", port: node.port, caCerts: [cert] });
  using peer = new RawPeer(conn, "client");
  await peer.send(utf8(requestText()), text("early"));
  await peer.readHead();
  await peer.expect(text("early"));
  await peer.send(close(1000));
  await peer.expect(close(1000));
  await peer.expectEnd();
});

Deno.test("permessage-deflate is agreed and used", async () => {
  await using node = await start({ perMessageDeflate: true });
  const socket = await connect(`ws://127.0.0.1:${node.port}/`, { perMessageDeflate: true });
  assertEquals(socket.extensions.startsWith("permessage-deflate"), true);
  await playEcho(socket);
});

Deno.test("a refusal is sent, and the socket ends behind it: no later bytes are parsed as a request", async () => {
  const requests: (string | undefined)[] = [];
  const server = createServer(({ url }, response) => {
    requests.push(url);
    response.end();
  });
  await using node = await start({ upgrade: () => new Response("Not you\n", { status: 403 }) }, { server });
  const rows: [request: string, status: string, body: string][] = [
    [requestText(), "HTTP/1.1 403 Forbidden", "Not you\n"],
    [requestText({ "Sec-WebSocket-Version": "12" }), "HTTP/1.1 426 Upgrade Required", ""],
    [requestText({ Origin: "https://evil.example" }), "HTTP/1.1 403 Forbidden", ""],
  ];
  for (const [request, status, body] of rows) {
    using peer = await RawPeer.dial(node.port);
    await peer.send(utf8(request), utf8("GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"));
    const answer = await peer.readText();
    assertEquals(answer.split("\r\n")[0], status);
    assertEquals(/^connection: close/im.test(answer), true);
    assertEquals(answer.includes(`\r\n\r\n${body}`), true);
  }
  assertEquals(requests, []);
  assertEquals(node.reports, []);
});

Deno.test("the application answers an Upgrade to another protocol, over TLS too, with its body and without upgrade fields", async () => {
  for (const secure of [false, true]) {
    const seen: unknown[] = [];
    const listener: RequestListener = (request, response) => {
      let body = "";
      request.on("data", (part) => body += part).on("end", () => {
        seen.push([request.method, request.url, request.headers.upgrade, request.headers["http2-settings"], body]);
        response.end("page");
      });
    };
    const server = secure ? createTlsServer({ cert, key }, listener) : createServer(listener);
    await using node = await start({ takes: () => true }, { server });
    for (const [method, body] of [["GET", ""], ["POST", "body"]] as const) {
      const { port } = node;
      const conn = secure
        ? await Deno.connectTls({ hostname: "localhost", port, caCerts: [cert] })
        : await Deno.connect({ hostname: "127.0.0.1", port });
      using peer = new RawPeer(conn, "client");
      const fields = ["Host: a", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk"];
      const length = body === "" ? [] : [`Content-Length: ${body.length}`];
      await peer.send(utf8([`${method} /page HTTP/1.1`, ...fields, ...length, "", body].join("\r\n")));
      assertStringIncludes(await peer.readText(), "\r\n\r\npage");
    }
    assertEquals(seen, [["GET", "/page", undefined, undefined, ""], ["POST", "/page", undefined, undefined, "body"]]);
  }
});

Deno.test("an Upgrade to another protocol is left to other listeners", async () => {
  const server = createServer();
  const upgrades = serveNode(server, {}, ECHO);
  server.on("upgrade", ({ headers }, socket) => {
    if (headers.upgrade === "foo") socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\nfoo");
  });
  await using listening = await listen(server);
  using peer = await RawPeer.dial(listening.port);
  await peer.send(utf8(requestText({ Upgrade: "foo" })));
  assertStringIncludes(await peer.readText(), "foo");
  await playEcho(await connect(`ws://127.0.0.1:${listening.port}/`));
  await soon(upgrades.shutdown(), "The shutdown");
});

Deno.test("one upgrade has one response: a second acceptNode or serveNode for it is a TypeError", async () => {
  const errors: unknown[] = [];
  const server = createServer();
  server.on("upgrade", (request, socket, head) => {
    if (request.url === "/by-hand") void acceptNode({ request, socket, head }).then((socket) => socket.send("by hand"));
  });
  const upgrades = serveNode(server, {}, ECHO);
  server.on("upgrade", (request, socket, head) => {
    acceptNode({ request, socket, head }).catch((error) => errors.push(error));
  });
  await using listening = await listen(server);
  await playEcho(await connect(`ws://127.0.0.1:${listening.port}/`));
  const byHand = await connect(`ws://127.0.0.1:${listening.port}/by-hand`);
  assertEquals((await byHand[Symbol.asyncIterator]().next()).value, "by hand");
  await byHand.close();
  assertEquals(errors.map((error) => error instanceof TypeError), [true, true]);
  await soon(upgrades.shutdown(), "The shutdown");
});

Deno.test("a second call for a server whose first call takes everything is a TypeError, until the first has shut down", async () => {
  const server = createServer();
  const first = serveNode(server, {}, ECHO);
  assertThrows(() => serveNode(server, {}, ECHO), TypeError, "without `takes`");
  assertThrows(() => serveNode(server, { takes: () => true }, ECHO), TypeError, "without `takes`");
  await first.shutdown();
  await serveNode(server, { takes: () => true }, ECHO).shutdown();
  await serveNode(server, {}, ECHO).shutdown();
});

Deno.test("H24: group limits apply", async () => {
  await using node = await start({ maxConnectionsPerAddress: 1 });
  const url = `ws://127.0.0.1:${node.port}/`;
  const socket = await connect(url);
  assertEquals((await assertRejects(() => connect(url), HandshakeError)).status, 429);
  await socket.close();
});

Deno.test("H22: an error of a hook, or of `takes`, is reported and the client gets 500", async () => {
  const refused = async (options: ServeNodeOptions) => {
    await using node = await start(options);
    const { status } = await assertRejects(() => connect(`ws://127.0.0.1:${node.port}/`), HandshakeError);
    await until(() => node.reports.length > 0, "The report");
    return [status, ...node.reports];
  };
  const error = new Error("Ours");
  assertEquals(await refused({ upgrade: () => Promise.reject(error) }), [500, error]);
  assertEquals(
    await refused({
      takes() {
        throw error;
      },
    }),
    [500, error],
  );
  // As code without types may.
  const takes = () => JSON.parse("0") || Promise.reject(error);
  const [status, ...reports] = await refused({ takes });
  assertEquals([status, reports.includes(error)], [500, true]);
  assertEquals(reports.map(String).toSorted()[1], "TypeError: takes() must return its answer at once, not a promise");
});

Deno.test("two on one server: each takes its requests, and H21: requests that neither takes are refused with 404", async () => {
  const server = createServer();
  const says = (word: string): WebSocketHandler => (socket) => void socket.send(word);
  const refusals: string[] = [];
  const observer = { refused: ({ message }: Error) => void refusals.push(message) };
  const first = serveNode(server, { takes: ({ url }) => url === "/first" }, says("first"));
  const second = serveNode(server, { takes: ({ url }) => url !== "/third", observer }, says("second"));
  await using node = await listen(server);
  const ask = async (path: string) => {
    const socket = await connect(`ws://127.0.0.1:${node.port}${path}`);
    const seen: unknown[] = [];
    for await (const message of socket) seen.push(message);
    return seen;
  };
  assertEquals(await ask("/first"), ["first"], "the first of two that would take it has it");
  assertEquals(await ask("/second"), ["second"]);
  assertEquals((await assertRejects(() => ask("/third"), HandshakeError)).status, 404);
  assertEquals(refusals, ["There is no WebSocket here"]);
  await soon(Promise.all([first.shutdown(), second.shutdown()]), "The shutdown");
});

Deno.test("requests that are not taken are left to other listeners, whatever their order", async () => {
  const server = createServer();
  const others: unknown[] = [];
  const upgrades = serveNode(server, { takes: () => false }, ECHO);
  server.on("upgrade", (request, socket) => {
    others.push(request.url);
    socket.end("HTTP/1.1 200 OK\r\n\r\n");
  });
  const last = serveNode(server, { takes: () => false }, ECHO);
  await using node = await listen(server);
  using peer = await RawPeer.dial(node.port);
  await peer.send(utf8(requestText()));
  assertEquals(await peer.readText(), "HTTP/1.1 200 OK\r\n\r\n");
  assertEquals(others, ["/chat?x=1"]);
  await Promise.all([upgrades.shutdown(), last.shutdown()]);
});

Deno.test("T13: shutdown closes connections with 1001, waits for handlers, and leaves the server without WebSockets", async () => {
  const server = createServer((_, response) => void response.end("hello"));
  let ended = 0;
  const handler: WebSocketHandler = async (socket) => {
    await socket.closed;
    ended++;
  };
  await using node = await start({}, { server, handler });
  const options: ConnectOptions = { pingInterval: 0 };
  const sockets = await Promise.all([1, 2].map(() => connect(`ws://127.0.0.1:${node.port}/`, options)));
  await until(() => node.upgrades.connections.size === 2, "Both connections");
  await soon(node.upgrades.shutdown(), "The shutdown");
  assertEquals(ended, 2);
  for (const { closed } of sockets) assertEquals((await closed).closeCode, 1001);
  assertEquals(node.upgrades.connections.size, 0);
  assertEquals(server.listenerCount("upgrade"), 0);
  assertEquals(await get(`http://127.0.0.1:${node.port}/`), "200 hello");
});

Deno.test("during a shutdown, handshakes are refused with 503", async () => {
  const done = Promise.withResolvers<void>();
  await using node = await start({}, { handler: () => done.promise });
  const url = `ws://127.0.0.1:${node.port}/`;
  const socket = await connect(url);
  const stopped = node.upgrades.shutdown();
  assertEquals((await assertRejects(() => connect(url), HandshakeError)).status, 503);
  done.resolve();
  await soon(stopped, "The shutdown");
  assertEquals((await socket.closed).closeCode, 1001);
});
