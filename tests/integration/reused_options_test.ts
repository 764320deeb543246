import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  connect,
  reconnecting,
  serve,
  type ServeOptions,
  WebSocket,
  type WebSocketHandler,
  WebSocketStream,
} from "../../mod.ts";
import { accept, type AcceptOptions } from "../../lib/server/mod.ts";
import type { ConnectOptions } from "../../lib/client/mod.ts";
import { connectHttp2, serveHttp2 } from "../../lib/http2/mod.ts";
import { createHub, type HubOptions } from "../../lib/hub/mod.ts";
import { fetchServer } from "../../lib/server/deno_serve.ts";
import { serveNode } from "../../lib/node/mod.ts";
import { createPresence, type PresenceOptions } from "../../lib/presence/mod.ts";
import { createRecoverableHub, memoryLog, type RecoverableHubOptions } from "../../lib/recovery/mod.ts";
import { requests, type RequestsOptions } from "../../lib/typed/mod.ts";
import { HandshakeError, TopicError } from "../../lib/errors.ts";
import { connectedPair } from "../../lib/testing/mod.ts";
import { listenHttp2 } from "../http2/_support.ts";
import { connPair } from "../_support/pair.ts";
import { soon } from "../_support/wait.ts";

// An application may build the options of several servers or clients in one object. The first keeps its own.

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

/** A handler that says which header field `x-key` came. */
const SAY_KEY: WebSocketHandler = { open: (socket) => void socket.send(socket.headers.get("x-key") ?? "none") };

const first = async (socket: AsyncIterable<unknown>) => {
  for await (const message of socket) return message;
};

Deno.test("a server keeps the options that it was started with", async () => {
  const refuse = () => new Response(null, { status: 403 });
  const options: ServeOptions = { ...LOOPBACK, upgrade: () => ({ headers: { "x-server": "first" } }) };
  await using server = serve(options, {});
  options.upgrade = refuse;
  options.maxMessageBytes = 1;
  const socket = await connect(server.url);
  assertEquals(socket.headers.get("x-server"), "first");
  await socket.close();

  const hooks: { upgrade?: () => Response | Record<never, never> } = { upgrade: () => ({}) };
  const node = createServer();
  const upgrades = serveNode(node, hooks, {});
  const http2 = createHttp2Server();
  const streams = serveHttp2(http2, hooks, {});
  hooks.upgrade = refuse;
  await new Promise<void>((listening) => node.listen(0, "127.0.0.1", listening));
  const address = node.address();
  await (await connect(`ws://127.0.0.1:${typeof address === "object" ? address?.port : ""}`)).close();
  await upgrades.shutdown();
  await new Promise((closed) => node.close(closed));

  const { port, [Symbol.asyncDispose]: stop } = await listenHttp2(http2);
  const session = await connectHttp2(`http://127.0.0.1:${port}`);
  await (await session.connect("/")).close();
  await session.close();
  await streams.shutdown();
  await stop();
});

Deno.test("a fetch server keeps its page and its hooks", async () => {
  const options = { http: () => new Response("first") };
  const { fetch } = fetchServer(options, {});
  options.http = () => new Response("second");
  assertEquals(await (await fetch(new Request("http://localhost/"))).text(), "first");
});

Deno.test("accept and connect keep the data that they were called with", async () => {
  const [near, far] = connPair();
  const accepting: AcceptOptions<string> = { upgrade: () => ({ data: "first" }) };
  const connecting: ConnectOptions<string> = { conn: far, data: "first" };
  const server = accept(near, accepting);
  const client = connect("ws://localhost", connecting);
  accepting.upgrade = () => ({ data: "second" });
  connecting.data = "second";
  const [ours, theirs] = await Promise.all([server, client]);
  assertEquals([ours.data, theirs.data], ["first", "first"]);
  await theirs.close();
});

Deno.test("the classes and a reconnecting client keep the header fields that they were created with", async () => {
  await using server = serve(LOOPBACK, SAY_KEY);
  const options = { headers: { "x-key": "first" } };
  const stream = new WebSocketStream(server.url, options);
  const socket = new WebSocket(server.url, options);
  const message = new Promise<MessageEvent>((resolve) => socket.onmessage = resolve);
  const again = reconnecting(server.url, options);
  options.headers = { "x-key": "second" };
  stream.closed.catch(() => {});
  const { readable } = await stream.opened;
  assertEquals((await readable.getReader().read()).value, "first");
  assertEquals((await soon(message, "The message")).data, "first");
  assertEquals(await soon(first(again), "The message"), "first");
  stream.close();
  socket.close();
  await again.close();
});

Deno.test("a stream of HTTP/2 keeps the data that it was requested with", async () => {
  const http2 = createHttp2Server();
  const streams = serveHttp2(http2, {}, {});
  const { port, [Symbol.asyncDispose]: stop } = await listenHttp2(http2);
  const session = await connectHttp2(`http://127.0.0.1:${port}`);
  const options = { data: "first" };
  const opening = session.connect("/", options);
  options.data = "second";
  const socket = await opening;
  assertEquals(socket.data, "first");
  await session.close();
  await streams.shutdown();
  await stop();
});

Deno.test("hubs and presence keep their hooks, and call them with the object that they came from as `this`", async () => {
  class Hooks implements HubOptions {
    readonly #allowed = "news";
    authorize(_: unknown, topic: string) {
      return topic === this.#allowed;
    }
  }
  const hooks: HubOptions = new Hooks();
  const hub = createHub(hooks);
  const seen = Promise.withResolvers<void>();
  const changed: PresenceOptions = { onChange: () => seen.resolve() };
  const presence = createPresence(changed);
  const options: RecoverableHubOptions = { log: memoryLog(), authorize: () => true };
  const recoverable = createRecoverableHub(options);
  hooks.authorize = options.authorize = () => false;
  changed.onChange = () => {};
  const { server, client, [Symbol.asyncDispose]: dispose } = await connectedPair();
  assertEquals(hub.subscribe(server, "news"), true);
  assertThrows(() => hub.subscribe(server, "sport"), TopicError);
  presence.join(server, "room", { id: "a", data: 1 });
  await soon(seen.promise, "The change");
  await recoverable.close();
  await presence.close();
  await client.close();
  await dispose();
});

Deno.test("requests are answered by the function that was passed", async () => {
  const { server, client, [Symbol.asyncDispose]: dispose } = await connectedPair();
  const options: RequestsOptions = { answer: () => "first" };
  const answering = requests(server, options);
  options.answer = () => "second";
  const asking = requests(client);
  assertEquals(await asking.request("which?"), "first");
  await asking.close();
  await answering.close();
  await dispose();
});

Deno.test("a hook of a class that throws refuses the client with its own status", async () => {
  class Door {
    readonly #status = 429;
    readonly hostname = "127.0.0.1";
    readonly port = 0;
    upgrade(): never {
      throw new HandshakeError("Too many", { status: this.#status });
    }
  }
  await using server = serve(new Door(), {});
  assertEquals((await assertRejects(() => connect(server.url), HandshakeError)).status, 429);
});
