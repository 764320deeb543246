import { assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { HandshakeError, WebSocketError } from "../../lib/errors.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { counting } from "../_support/bytes.ts";
import { close, RawPeer, requestText, text } from "../_support/raw_peer.ts";
import { soon } from "../_support/wait.ts";
import { type Served, served } from "./_support.ts";

// The handlers of examples/handlers, through real connections.

const root = new URL("../../examples/handlers/", import.meta.url);

/** A client, and its next message. */
async function dial(
  { server }: Served,
  resource: string,
  options?: ConnectOptions,
): Promise<{ socket: WebSocketConnection; next: () => Promise<Message> }> {
  const socket = await connect(server.url + resource, options);
  const messages = socket[Symbol.asyncIterator]();
  const next = async () => (await soon(messages.next(), "A message")).value;
  return { socket, next };
}

/** How the server closed, as code and reason. */
async function closing(socket: WebSocketConnection): Promise<readonly [number, string]> {
  const { closeCode, reason } = await soon(socket.closed, "The end");
  return [closeCode, reason];
}

Deno.test("all example handlers load", async () => {
  await using handlers = await served({ root });
  assertEquals(handlers.directory.resources, [
    "/abort",
    "/bench",
    "/chat",
    "/clock",
    "/close",
    "/cookie",
    "/echo",
    "/origin_check",
  ]);
  assertEquals(handlers.warnings, []);
});

Deno.test("echo sends everything back, and agrees on the subprotocol echo", async () => {
  await using handlers = await served({ root });
  const { socket, next } = await dial(handlers, "/echo", { protocols: ["other", "echo"] });
  assertEquals(socket.protocol, "echo");
  for (const message of ["héllo", "", counting(70_000)]) {
    await socket.send(message);
    assertEquals(await next(), message);
  }
  await socket.close(4000);
  assertEquals(await closing(socket), [4000, ""]);
});

Deno.test("echo answers messages that come right before a close", async () => {
  await using handlers = await served({ root });
  using peer = await RawPeer.dial(handlers.port);
  await peer.ask(requestText({}, "GET /echo HTTP/1.1"));
  await peer.send(text("one"), text("two"), close(4000));
  await peer.expect(text("one"), text("two"), close(4000));
  peer.close();
});

Deno.test("chat sends messages to all members of the room and to no other client, and names the members", async () => {
  await using handlers = await served({ root });
  const one = await dial(handlers, "/chat?room=tea");
  assertEquals(await one.next(), "1 in tea");
  const two = await dial(handlers, "/chat?room=tea");
  assertEquals([await one.next(), await two.next()], ["2 in tea", "2 in tea"]);
  const other = await dial(handlers, "/chat");
  assertEquals(await other.next(), "1 in lobby");

  await one.socket.send("Milk?");
  assertEquals([await one.next(), await two.next()], ["Milk?", "Milk?"]);
  await other.socket.send("Anybody here?");
  assertEquals(await other.next(), "Anybody here?");

  one.socket.abort();
  assertEquals(await two.next(), "1 in tea");
  await two.socket.close();
  const again = await dial(handlers, "/chat?room=tea");
  assertEquals(await again.next(), "1 in tea");
  assertEquals(await handlers.errors(), []);
});

Deno.test("clock sends the time repeatedly, takes commands, and stops when the client closes", async () => {
  await using handlers = await served({ root });
  const { socket, next } = await dial(handlers, "/clock?every=10");
  const times = [await next(), await next(), await next()].map((time) => Date.parse(String(time)));
  assertEquals(times, times.toSorted());
  for (let i = 0; i < 10; i++) await socket.send(counting(20_000)); // more than the server takes in unread
  await socket.close(1000);
  assertEquals(await closing(socket), [1000, ""]);
  await soon(handlers.server.shutdown(), "The handler's end");
});

Deno.test("close closes with the requested code and reason, and echoes both", async () => {
  await using handlers = await served({ root });
  for (
    const [message, expected] of [
      ["4001 bye bye", [4001, "bye bye"]],
      ["3000", [3000, ""]],
      ["please", [1005, ""]],
      [counting(4), [1000, ""]],
    ] as const
  ) {
    const { socket } = await dial(handlers, "/close");
    await socket.send(message);
    assertEquals(await closing(socket), expected);
  }
  const { socket } = await dial(handlers, "/close");
  void socket.close(4321, "so long");
  assertEquals(await closing(socket), [4321, "so long"]);
  assertEquals(await handlers.errors(), []);
});

Deno.test("close with a code that must not be sent is the handler's error: 1011", async () => {
  await using handlers = await served({ root });
  const { socket } = await dial(handlers, "/close");
  await socket.send("1005");
  assertEquals(await closing(socket), [1011, ""]);
  assertInstanceOf((await handlers.errors())[0], RangeError);
});

Deno.test("cookie counts visits in a cookie", async () => {
  await using handlers = await served({ root });
  const first = await dial(handlers, "/cookie");
  assertEquals(await first.next(), "Visit 1");
  assertMatch(first.socket.headers.get("set-cookie") ?? "", /^visits=1; Path=\/; SameSite=Strict; HttpOnly$/);
  const second = await dial(handlers, "/cookie", { headers: { Cookie: "other=x; visits=41" } });
  assertEquals(await second.next(), "Visit 42");
  const odd = await dial(handlers, "/cookie", { headers: { Cookie: "visits=many" } });
  assertEquals(await odd.next(), "Visit 1");
});

Deno.test("origin_check accepts pages of this machine and refuses others with 403", async () => {
  await using handlers = await served({ root }, { origins: () => true });
  const origin = "http://localhost:8080";
  const { next } = await dial(handlers, "/origin_check", { headers: { Origin: origin } });
  assertEquals(await next(), `Welcome, ${origin}`);
  for (const headers of [{}, { Origin: "http://localhost.evil.example" }, { Origin: "null" }]) {
    const { status } = await assertRejects(() => dial(handlers, "/origin_check", { headers }), HandshakeError);
    assertEquals(status, 403);
  }
  assertEquals(await handlers.errors(), []);
});

Deno.test("abort drops the connection without a close frame, at a message and at a close", async () => {
  await using handlers = await served({ root });
  for (
    const act of [(socket: WebSocketConnection) => socket.send("x"), (socket: WebSocketConnection) => socket.close()]
  ) {
    const { socket } = await dial(handlers, "/abort");
    void act(socket);
    const { closeCode, wasClean, error } = await soon(socket.closed, "The end");
    assertEquals({ closeCode, wasClean }, { closeCode: 1006, wasClean: false });
    assertInstanceOf(error, WebSocketError);
  }
  assertEquals(await handlers.errors(), []);
});

Deno.test("bench sends and receives the requested number of messages", async () => {
  await using handlers = await served({ root });
  const { socket, next } = await dial(handlers, "/bench");
  await socket.send("receive 3 100");
  for (let i = 0; i < 3; i++) assertEquals(await next(), new Uint8Array(100));
  await socket.send("send 3");
  for (const message of ["abc", counting(10), ""]) await socket.send(message);
  assertEquals(await next(), "13");
  await socket.send("what");
  assertEquals(await closing(socket), [1008, 'Say "receive COUNT SIZE" or "send COUNT"']);
});
