/**
 * The hub over real sockets, with subscribers that we did not write: `npm:ws`, with and without compression, and Deno's own.
 *
 * @module
 */
// @ts-types="./peers/ws.d.ts"
import WebSocket, { type PerMessageDeflateOptions as WsOptions } from "npm:ws@^8.18.0";
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import {
  type PerMessageDeflate,
  permessageDeflate,
} from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { createHub } from "../../lib/hub/hub.ts";
import type { Hub } from "../../lib/hub/hub_options.ts";
import { pattern } from "../../lib/hub/topic_pattern.ts";
import { serveNode } from "../../lib/node/serve_node.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { serve } from "../../lib/server/serve.ts";
import { upgradeRequest } from "../../lib/server/deno_serve.ts";
import { createServer } from "node:http";
import { within } from "../_support/deadline.ts";
import { turn, until } from "../_support/wait.ts";
import { LOOPBACK, openBare, urlOf } from "./_support.ts";

/** A client that notes the texts that it gets. */
interface Client {
  readonly texts: string[];
  send(text: string): void;
  close(): Promise<unknown>;
}

/** A client of ws. */
async function ws(url: string, perMessageDeflate: boolean | WsOptions = false): Promise<Client> {
  const socket = new WebSocket(url, [], { perMessageDeflate });
  const texts: string[] = [];
  socket.on("message", (data) => void texts.push(new TextDecoder().decode(data)));
  await within(new Promise((resolve) => socket.once("open", () => resolve(undefined))));
  return {
    texts,
    send: (text) => socket.send(text),
    close() {
      const closed = new Promise((resolve) => socket.once("close", resolve));
      socket.close();
      return within(closed);
    },
  };
}

/** A client of Deno. */
async function native(url: string): Promise<Client> {
  const socket = new globalThis.WebSocket(url);
  const texts: string[] = [];
  socket.onmessage = ({ data }) => void texts.push(data);
  await within(new Promise((resolve) => socket.onopen = resolve));
  return {
    texts,
    send: (text) => socket.send(text),
    close() {
      const closed = new Promise((resolve) => socket.onclose = resolve);
      socket.close();
      return within(closed);
    },
  };
}

/** Who connects subscribes to the room; what anybody says, the others hear. */
const ROOM: WebSocketHandler = {
  open: (socket) => void socket.subscribe("room"),
  message: (socket, text) => void socket.publish("room", text),
};

/** A text that compresses. */
const story = (number: number) => `${number}: ` + "It was a dark and stormy night. ".repeat(10);

Deno.test("A7: plain and compressed subscribers get the same messages, each compressed once for all with the same setting", async () => {
  const deflate: PerMessageDeflate = permessageDeflate({ threshold: 0, serverContextTakeover: true });
  await using hub = createHub();
  await using server = serve({ ...LOOPBACK, hub, extensions: [deflate] }, ROOM);
  const url = urlOf(server.addr);
  const shared = await Promise.all(Array.from({ length: 5 }, () => ws(url, { serverNoContextTakeover: true })));
  const small = await Promise.all(
    Array.from({ length: 3 }, () => ws(url, { serverNoContextTakeover: true, serverMaxWindowBits: 9 })),
  );
  const keeping = await Promise.all([ws(url, true), ws(url, { serverNoContextTakeover: false })]);
  const plain = await Promise.all([ws(url), ws(url), native(url)]);
  const all = [...shared, ...small, ...keeping, ...plain];
  await until(() => hub.count("room") === all.length, "The subscriptions");
  for (let number = 0; number < 10; number++) assertEquals(hub.publish("room", story(number)), all.length);
  await until(() => all.every(({ texts }) => texts.length === 10), "The messages");
  for (const { texts } of all) assertEquals(texts, Array.from({ length: 10 }, (_, number) => story(number)));
  // Once for each of the two windows, and for each connection that keeps its context.
  assertEquals(deflate.stats.messagesOut, 10 * (1 + 1 + keeping.length));
  assertLess(deflate.stats.compressedOut, deflate.stats.bytesOut / 2);
  await Promise.all(all.map((client) => client.close()));
  await until(() => hub.count("room") === 0, "The end of the subscriptions");
});

Deno.test("a message published with compress: false is sent uncompressed, also to subscribers with compression", async () => {
  const deflate: PerMessageDeflate = permessageDeflate({ threshold: 0 });
  await using hub = createHub();
  await using server = serve({ ...LOOPBACK, hub, extensions: [deflate] }, ROOM);
  const client = await ws(urlOf(server.addr), true);
  hub.publish("room", story(1), { compress: false });
  hub.publish("room", story(2));
  await until(() => client.texts.length === 2, "The messages");
  assertEquals([client.texts, deflate.stats.messagesOut], [[story(1), story(2)], 1]);
  await client.close();
});

Deno.test("A12: a subscriber that closes has left the room before its close callback runs", async () => {
  const counts: number[] = [];
  await using hub = createHub();
  await using server = serve({ ...LOOPBACK, hub }, {
    ...ROOM,
    close: () => void counts.push(hub.publish("room", "bye")),
  });
  for (const open of [ws, native]) {
    const client = await open(urlOf(server.addr));
    await until(() => hub.count("room") === 1, "The subscription");
    await client.close();
    await until(() => hub.count("room") === 0, "Its end");
  }
  await until(() => counts.length === 2, "Both callbacks");
  assertEquals(counts, [0, 0]);
});

Deno.test("A6: a subscriber whose TCP window is closed is disconnected with 1013, and the others get everything", async () => {
  await using hub = createHub({ maxBacklogBytes: 1024 * 1024 });
  const ends: (number | undefined)[] = [];
  await using server = serve({ ...LOOPBACK, hub, onError() {} }, {
    ...ROOM,
    close: (_, { error }) =>
      void ends.push(error instanceof DOMException && "closeCode" in error ? Number(error.closeCode) : 0),
  });
  const stuck = await openBare(server.addr);
  const clients = [await ws(urlOf(server.addr)), await native(urlOf(server.addr))];
  await until(() => hub.count("room") === 3, "The subscriptions");
  const text = "x".repeat(64 * 1024);
  let sent = 0;
  while (hub.stats.disconnected === 0) {
    hub.publish("room", text);
    sent++;
    await until(() => clients.every(({ texts }) => texts.length === sent), `Message ${sent}`);
  }
  assertGreater(sent, 16);
  await until(() => ends.length === 1, "The end of the slow one");
  assertEquals([ends, hub.count("room")], [[1013], 2]);
  stuck.close();
  await Promise.all(clients.map((client) => client.close()));
});

Deno.test("socket.subscribe works the same with serveNode, and over the WebSocket of Deno.serve; one hub serves all of them", async () => {
  await using hub = createHub({ history: { messages: 3 } });
  const handler: WebSocketHandler = { ...ROOM, open: (socket) => void socket.subscribe("room", { history: 3 }) };
  await using ours = serve({ ...LOOPBACK, hub }, handler);
  await using theirs = Deno.serve(
    { ...LOOPBACK, onListen() {} },
    (request) => upgradeRequest(request, { hub }, handler),
  );
  const node = createServer();
  const nodeServer = serveNode(node, { hub }, handler);
  await new Promise<void>((resolve) => node.listen(0, LOOPBACK.hostname, () => resolve()));
  const address = node.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;

  hub.publish("room", "early");
  const urls = [urlOf(ours.addr), urlOf(theirs.addr), `ws://${LOOPBACK.hostname}:${port}/`];
  const clients: Client[] = [];
  for (const url of urls) clients.push(await ws(url));
  await until(() => hub.count("room") === 3, "The subscriptions");
  for (const [index, client] of clients.entries()) {
    client.send(`from ${index}`);
    await until(
      () => clients.every(({ texts }, other) => other === index || texts.includes(`from ${index}`)),
      "A message",
    );
  }
  assertEquals(clients.map(({ texts }) => texts), [
    ["early", "from 1", "from 2"],
    ["early", "from 0", "from 2"],
    ["early", "from 0", "from 1"],
  ]);
  await Promise.all(clients.map((client) => client.close()));
  await until(() => hub.count("room") === 0, "The end of the subscriptions");
  await nodeServer.shutdown();
  await new Promise((resolve) => node.close(resolve));
});

Deno.test("a refused topic closes with 1008 if the handler does not catch the error", async () => {
  await using hub = createHub({ authorize: (_, topic) => topic === "room" });
  const errors: unknown[] = [];
  await using server = serve({ ...LOOPBACK, hub, onError: (error) => void errors.push(error) }, {
    message: (socket, topic) => void socket.subscribe(String(topic)),
  });
  await using socket = await connect(server.url);
  await socket.send("rooms");
  assertEquals((await within(socket.closed)).closeCode, 1008);
  assertEquals(errors.length, 1);
});

Deno.test("A7, A11 and A12: publishing while hundreds of subscribers come and go loses nothing for those that stay", async () => {
  await using hub = createHub();
  await using server = serve({ ...LOOPBACK, hub, pingInterval: 0 }, {
    open(socket) {
      if (socket.url.endsWith("/all")) hub.subscribe(socket, pattern`room/**`);
      else for (let i = 0; i < 5; i++) socket.subscribe(`room/${i}`);
    },
  });
  const [topics, all] = [await ws(urlOf(server.addr)), await ws(`${urlOf(server.addr)}all`)];
  await until(() => server.connections.size === 2 && hub.count("room/4") === 1, "The subscriptions");
  let published = 0;
  const coming = async () => {
    for (let round = 0; round < 20; round++) {
      const sockets: WebSocketConnection[] = await Promise.all(Array.from({ length: 10 }, () => connect(server.url)));
      for (const [index, socket] of sockets.entries()) if (index % 2 === 0) socket.abort();
      await Promise.all(sockets.map((socket) => socket.close()));
    }
  };
  const publishing = async (done: { yet: boolean }) => {
    for (; !done.yet; await turn()) {
      for (let i = 0; i < 5; i++) publishTo(hub, i, published++);
    }
  };
  const done = { yet: false };
  await Promise.all([publishing(done), within(coming(), 30_000).finally(() => done.yet = true)]);
  const expected = Array.from({ length: published }, (_, number) => `${number}`);
  for (const { texts } of [topics, all]) {
    await until(() => texts.length === published, "The messages");
    assertEquals(texts, expected);
  }
  // Connections that close are out of `connections` at once, and out of the topics when they have ended.
  await until(() => [...hub.topics()].every((topic) => hub.count(topic) === 1), "The end of the others");
  assertEquals([server.connections.size, [...hub.topics()].length], [2, 5]);
  await Promise.all([topics.close(), all.close()]);
});

function publishTo(hub: Hub, room: number, number: number): void {
  hub.publish(`room/${room}`, `${number}`);
}
