import { assert, assertEquals, assertThrows } from "@std/assert";
import { ConnectionGroup } from "../../lib/server/connection_group.ts";
import { createHub } from "../../lib/hub/mod.ts";
import { connect, HandshakeError, type WebSocketConnection } from "../../mod.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { connPair } from "../_support/pair.ts";
import { requestText } from "../_support/raw_peer.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { overlook, RETURNED_AT_ONCE, SERVER_FULL } from "../_support/printed.ts";

overlook(RETURNED_AT_ONCE, SERVER_FULL);

Deno.test("a group accepts connections of any kind, and is done when all have ended", async () => {
  const group = new ConnectionGroup({}, { message: (socket, data) => void socket.send(data) });
  const [near, far] = connPair();
  group.take(near);
  const taken = group.idle();
  const socket = await connect("ws://example.com/", { conn: far });
  await socket.send("hello");
  assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
  assertEquals(group.connections.size, 1);
  await socket.close();
  await taken;
  assertEquals(group.connections.size, 0);
  await group.stop({}, () => {});
});

Deno.test("a connection that ends during its handshake is not in a group", async () => {
  const group = new ConnectionGroup({}, () => {});
  const [near, far] = connPair();
  // The request, and at once a frame that breaks the connection: it has failed before anybody holds it.
  const request = new TextEncoder().encode(requestText());
  group.take(near, Uint8Array.from([...request, 0xff, 0xff]));
  const taken = group.idle();
  await far.read(new Uint8Array(1024));
  far.close();
  await taken;
  assertEquals(group.connections.size, 0);
  await group.stop({}, () => {});
});

Deno.test("an observer's changes before a connection joined the group are undone at its end", async () => {
  const hub = createHub();
  const observer = { opened: (socket: WebSocketConnection) => void socket.subscribe("news") };
  const group = new ConnectionGroup({ hub, observer }, async (socket) => void await socket.closed);
  const [near, far] = connPair();
  group.take(near);
  const taken = group.idle();
  const socket = await connect("ws://example.com/", { conn: far });
  await until(() => hub.count("news") === 1, "The subscription");
  await socket.close();
  await taken;
  assertEquals([hub.count("news"), group.connections.size], [0, 0]);
  await group.stop({}, () => {});
});

Deno.test("bytes that were read before a connection joined come first", async () => {
  const seen: string[] = [];
  const group = new ConnectionGroup({ upgrade: ({ path }) => void seen.push(path) }, () => {});
  const [near, far] = connPair();
  const request = new TextEncoder().encode(requestText());
  group.take(near, request);
  const taken = group.idle();
  await far.read(new Uint8Array(1024));
  far.close();
  await taken;
  assertEquals(seen, ["/chat"]);
  await group.stop({}, () => {});
});

Deno.test("stop throws at the call for an invalid code, and then nothing has stopped", async () => {
  const group = new ConnectionGroup({}, () => {});
  assertThrows(() => group.stop({ code: 1005 }, () => {}), RangeError);
  assertEquals(group.stopping.aborted, false);
  await group.stop({}, () => {});
  assertEquals(group.stopping.aborted, true);
});

Deno.test("an observer sees the clients for which there is no room, also those that get no response", async () => {
  const told: unknown[] = [];
  const observer = {
    refused: (error: Error) => void told.push(error instanceof HandshakeError ? [error.status, error.limit] : error),
  };
  const group = new ConnectionGroup({ maxConnections: 1, observer }, () => {});
  const pairs = Array.from({ length: 3 }, () => connPair());
  for (const [near] of pairs) group.take(near);
  await until(() => told.length === 2, "Both refusals");
  assertEquals(told, [[503, "maxConnections"], [503, "maxConnections"]]);
  for (const [, far] of pairs) far.close();
  await group.idle();

  told.length = 0;
  const address = { transport: "tcp", hostname: "192.0.2.1", port: 1 } as const;
  const few = new ConnectionGroup({ maxConnectionsPerAddress: 1, observer }, () => {});
  const two = [connPair(), connPair()];
  for (const [near] of two) few.take({ ...near, remoteAddr: address });
  await until(() => told.length === 1, "The refusal");
  assertEquals(told, [[429, "maxConnectionsPerAddress"]]);
  for (const [, far] of two) far.close();
  await few.idle();
});

Deno.test("a group's connections are the open ones: a closing one is not listed, and is still ended by stop", async () => {
  const group = new ConnectionGroup({}, { message: () => new Promise<void>(() => {}) });
  const sockets: WebSocketConnection[] = [];
  const takes = [1, 2].map(async () => {
    const [near, far] = connPair();
    group.take(near);
    const taken = group.idle();
    sockets.push(await connect("ws://example.com/", { conn: far }));
    return () => taken;
  });
  await Promise.all(takes);
  assertEquals(group.connections.size, 2);
  const [ours, theirs] = [...group.connections];
  assert(ours !== undefined && theirs !== undefined);
  void ours.close();
  assertEquals([group.connections.has(ours), group.connections.size], [false, 1]);
  // The peer's close frame waits for the answer to the message before it.
  await sockets[1]!.send("a question");
  void sockets[1]!.close();
  await until(() => theirs.readyState === 2, "The close frame");
  assertEquals(group.connections.size, 0);
  await soon(group.stop({ timeout: 20 }, () => {}), "The stop");
  assertEquals([ours.readyState, theirs.readyState], [3, 3]);
  for (const socket of sockets) socket.abort();
});

for (
  const [what, request] of [
    ["a WebSocket", requestText()],
    ["ordinary requests", "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"],
  ] as const
) {
  Deno.test(`a group whose connections have ended has no timer, though its handler for ${what} hangs`, async () => {
    using time = new FakeTime();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const hangs = () => {
      begin();
      return new Promise<never>(() => {});
    };
    const group = new ConnectionGroup({ http: hangs, pingInterval: 1_000 }, hangs);
    const [near, far] = connPair();
    group.take(near, new TextEncoder().encode(request));
    await begun;
    far.close();
    await settle();
    assertEquals([group.connections.size, time.timers], [0, 0]);
    const stopped = group.stop({ timeout: 1 }, () => {});
    await time.advance(1);
    await stopped;
    assertEquals(time.timers, 0);
  });
}

Deno.test("idle resolves when nothing is pending, each time", async () => {
  const group = new ConnectionGroup({}, {});
  await group.idle();
  for (let round = 0; round < 2; round++) {
    const [near, far] = connPair();
    group.take(near);
    let idle = false;
    const waiting = group.idle().then(() => idle = true);
    const socket = await connect("ws://example.com/", { conn: far });
    assertEquals(idle, false);
    await socket.close();
    await soon(waiting, "The end");
  }
  await group.stop({}, () => {});
});
