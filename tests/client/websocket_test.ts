import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { WebSocket } from "../../lib/client/websocket.ts";
import type { WebSocketOptions } from "../../lib/client/client_options.ts";
import { ConnectionError, HandshakeError, LimitError } from "../../lib/errors.ts";
import { counting } from "../_support/bytes.ts";
import { utf8 } from "../_support/frames.ts";
import { memoryPair, rawPeer } from "../../lib/testing/mod.ts";
import { binary, close, ping, pong, text } from "../_support/raw_peer.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { answerClose, construct, ends, loosely, type Server, thrownName, URL_HERE } from "./_web_support.ts";

// WHATWG websockets, §3 and §4; Web IDL where it says how values are converted.

/** What happened to a socket, in order: events by name with the state at the time, messages by their data. */
function noted(socket: WebSocket): unknown[] {
  const log: unknown[] = [];
  socket.addEventListener("open", () => log.push(`open ${socket.readyState}`));
  socket.addEventListener("message", ({ data }) => log.push(data));
  socket.addEventListener("error", () => log.push(`error ${socket.readyState}`));
  socket.addEventListener(
    "close",
    ({ code, reason, wasClean }) =>
      log.push(`close ${socket.readyState}: ${code} ${reason}${wasClean ? "" : " unclean"}`),
  );
  return log;
}

/** The next event of one name. */
function next<Type extends keyof WebSocketEventMap>(socket: WebSocket, type: Type): Promise<WebSocketEventMap[Type]> {
  const event = new Promise<WebSocketEventMap[Type]>((resolve) =>
    socket.addEventListener(type, resolve, { once: true })
  );
  return soon(event, `The event ${type}`);
}

/** A socket that connects, and its server. */
function connects(options: WebSocketOptions = {}, { capacity }: Server = {}) {
  const { protocols = [], ...common } = options;
  const { options: all, ...rest } = ends(common, capacity);
  const socket = new WebSocket(URL_HERE, { protocols, ...all });
  return { socket, log: noted(socket), ...rest };
}

/** A socket that is open. */
async function opens(options: WebSocketOptions = {}, server: Server = {}) {
  const connecting = connects(options, server);
  await Promise.all([next(connecting.socket, "open"), connecting.peer.answer(...server.fields ?? [])]);
  return connecting;
}

Deno.test("it can replace the platform's class: its types and its constants match", () => {
  const Platform: typeof globalThis.WebSocket = WebSocket;
  const names = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const;
  assertEquals(names.map((name) => Platform[name]), [0, 1, 2, 3]);
  assertEquals(names.map((name) => Platform.prototype[name]), [0, 1, 2, 3]);
  assertEquals(Platform.length, 1);
  const members = Object.getOwnPropertyNames(globalThis.WebSocket.prototype).filter((name) =>
    !(name in Platform.prototype)
  );
  assertEquals(members, []);
  assert(Platform.prototype instanceof EventTarget);
});

Deno.test("a constructor throws a SyntaxError for an invalid URL or subprotocol, and dials nothing", () => {
  for (const url of ["chat", "invalid:", "ftp://example.com/", "ws://example.com/#"]) {
    assertEquals(thrownName(() => new WebSocket(url)), "SyntaxError", url);
  }
  for (const protocols of ["no token", "", ["a", "a"], ["a,b"], 1.5, { protocols: ["a", "a"] }]) {
    const expected = protocols === 1.5 ? "nothing" : "SyntaxError";
    assertEquals(thrownName(() => construct(WebSocket, "ws://127.0.0.1:1/", protocols)), expected);
  }
  assertEquals(thrownName(() => construct(WebSocket)), "TypeError");
  assertEquals(thrownName(() => new WebSocket(URL_HERE, { maxFragments: -1 })), "RangeError");
});

Deno.test("subprotocols are a string, a list or an option; protocol and extensions are what the server chose", async () => {
  for (const protocols of ["chat", ["chat"]]) {
    const { socket, peer, log } = connects({ protocols, perMessageDeflate: true });
    assertEquals([socket.readyState, socket.protocol, socket.extensions, socket.url], [0, "", "", URL_HERE]);
    const opened = next(socket, "open");
    const head = await peer.answer("Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: permessage-deflate");
    assert(head.includes("\r\nSec-WebSocket-Protocol: chat\r\n"));
    assertEquals([(await opened).type, socket.protocol, socket.extensions], ["open", "chat", "permessage-deflate"]);
    socket.close();
    await answerClose(peer);
    await next(socket, "close");
    assertEquals(log, ["open 1", "close 3: 1005 "]);
  }
});

Deno.test("messages come in order, binary ones as binaryType says at that moment, with the URL's origin", async () => {
  const { socket, peer } = await opens();
  assertEquals(socket.binaryType, "blob");
  const { data, origin } = await (peer.send(text("text")), next(socket, "message"));
  assertEquals([data, origin], ["text", "ws://example.com"]);
  await peer.send(binary(counting(3)));
  const { data: blob } = await next(socket, "message");
  assertInstanceOf(blob, Blob);
  assertEquals(await blob.bytes(), counting(3));
  Reflect.set(socket, "binaryType", "uint8array");
  assertEquals(socket.binaryType, "blob", "what the standard does not know is ignored");
  socket.binaryType = "arraybuffer";
  await peer.send(binary(counting(3)), binary(counting(0)));
  const { data: buffer } = await next(socket, "message");
  assertInstanceOf(buffer, ArrayBuffer);
  assertEquals(new Uint8Array(buffer), counting(3));
  assertEquals((await next(socket, "message")).data.byteLength, 0);
  socket.close();
  await answerClose(peer);
  await next(socket, "close");
});

Deno.test("code that awaits one event misses none of the next ones: each is dispatched in its own task", async () => {
  const { socket, peer } = connects();
  const opened = next(socket, "open");
  await peer.answer();
  await peer.send(text("1"), text("2"), text("3"), text("4"), close(4001));
  await opened;
  for (let at = 1; at <= 4; at++) {
    const message = await next(socket, "message");
    assertEquals(message.data, String(at));
    // An application has layers, each of which may await something.
    for (let layer = 0; layer < 20; layer++) await null;
    assertEquals(socket.readyState, 1, "the close frame comes after the last message");
  }
  const [closed] = await Promise.all([next(socket, "close"), peer.expect(close(4001)), peer.closeWrite()]);
  assertEquals([closed.code, closed.wasClean, socket.readyState], [4001, true, 3]);
});

Deno.test("a reply to the last message leaves before the reply to the close frame behind it", async () => {
  const { socket, peer } = await opens();
  socket.addEventListener("message", async ({ data }) => {
    await null;
    socket.send(`re: ${data}`);
  });
  await peer.send(text("a"), text("b"), close(1000));
  await peer.expect(text("re: a"), text("re: b"), close(1000));
  await peer.closeWrite();
  await next(socket, "close");
});

Deno.test("readyState is OPEN until the messages before the server's close frame are dispatched", async () => {
  const [near, far] = memoryPair();
  const peer = rawPeer(far, "server");
  const socket = new WebSocket("ws://localhost/", { conn: near });
  const states: string[] = [];
  const note = (what: string) => {
    states.push(`${what} ${socket.readyState}`);
    queueMicrotask(() => states.push(`after ${what} ${socket.readyState}`));
  };
  socket.addEventListener("open", () => note("open"));
  socket.addEventListener("message", ({ data }) => note(data));
  const ended = next(socket, "close");
  await peer.shakeHands();
  await peer.send(text("a"), text("b"), close(1000));
  await peer.closeWrite();
  await ended;
  assertEquals(states, ["open 1", "after open 1", "a 1", "after a 1", "b 1", "after b 1"]);
});

Deno.test("readyState is CLOSING once the server's close frame has arrived", async () => {
  const { socket, peer, log } = await opens();
  await peer.send(close(1001, "bye"));
  await peer.expect(close(1001));
  assertEquals(socket.readyState, 2);
  socket.send("late");
  assertEquals(socket.bufferedAmount, 4);
  await peer.closeWrite();
  await next(socket, "close");
  assertEquals(log, ["open 1", "close 3: 1001 bye"]);
});

Deno.test("send while connecting is an InvalidStateError", async () => {
  const { socket, conn } = connects();
  assertEquals(thrownName(() => socket.send("early")), "InvalidStateError");
  socket.close();
  await next(socket, "close");
  assertEquals(conn.writes, []);
});

Deno.test("send takes a string, any BufferSource and a Blob, and converts all other values to strings", async () => {
  const { socket, peer } = await opens();
  const { buffer } = counting(8);
  const whole = new Uint8Array(buffer);
  const send = (data: unknown) => loosely((data: string) => socket.send(data), data);
  for (const data of ["tëxt", "lone \ud800", buffer, new Uint16Array(buffer, 2, 2), new DataView(buffer, 4)]) {
    send(data);
  }
  for (const data of [new Blob([whole, "é"]), 42, null, undefined, { toString: () => "object" }]) send(data);
  await peer.expect(
    text("tëxt"),
    text("lone \ufffd"),
    binary(whole),
    binary(whole.slice(2, 6)),
    binary(whole.slice(4)),
    binary(Uint8Array.of(...whole, ...utf8("é"))),
    ...["42", "null", "undefined", "object"].map((word) => text(word)),
  );
  assertEquals(thrownName(() => send(Symbol("no"))), "TypeError");
  assertEquals(thrownName(() => send(new Uint8Array(new SharedArrayBuffer(1)))), "TypeError");
  assertEquals(socket.bufferedAmount, 0);
  socket.close();
  await answerClose(peer);
  await next(socket, "close");
});

Deno.test("close waits for all sent messages, also for blobs, in their order", async () => {
  const { socket, peer, log } = await opens();
  const bytes = counting(4);
  socket.send("1");
  socket.send(new Blob(["2"]));
  socket.send(bytes);
  bytes.fill(0); // what was sent is what it was
  socket.send(new Blob(["4"]));
  socket.send("5");
  socket.close(4000, "done");
  assertEquals([socket.readyState, socket.bufferedAmount], [2, 8]);
  await peer.expect(text("1"), binary(utf8("2")), binary(counting(4)), binary(utf8("4")), text("5"));
  await answerClose(peer, 4000, "done");
  await next(socket, "close");
  assertEquals(log, ["open 1", "close 3: 4000 done"]);
});

Deno.test("a blob that cannot be read fails the connection: an error event, then close", async () => {
  const { socket, peer, log } = await opens();
  const gone = new Blob(["gone"]);
  const failure = new DOMException("The file is gone", "NotReadableError");
  gone.arrayBuffer = () => Promise.reject(failure);
  socket.send(gone);
  socket.send("after");
  const failed = next(socket, "error");
  await peer.expect(close(1011));
  await peer.closeWrite();
  const event = await failed;
  assert(event instanceof ErrorEvent);
  assertStrictEquals(event.error, failure);
  await settle();
  assertEquals(log, ["open 1", "error 3", "close 3: 1006  unclean"]);
});

Deno.test("after close, send only counts, and arriving messages are dropped", async () => {
  const { socket, peer, log } = await opens();
  socket.close(1000);
  socket.close(4999, "again, which changes nothing");
  for (const data of ["héllo", counting(10), new Blob(["12345"])]) socket.send(data);
  assertEquals([socket.readyState, socket.bufferedAmount], [2, 21]);
  await peer.send(text("late"));
  await answerClose(peer, 1000);
  await next(socket, "close");
  socket.send("1234");
  socket.close();
  assertEquals([socket.readyState, socket.bufferedAmount], [3, 25]);
  assertEquals(log, ["open 1", "close 3: 1000 "]);
});

Deno.test("close in a message handler drops the messages behind it", async () => {
  const { socket, peer, log } = await opens();
  socket.onmessage = () => socket.close();
  await peer.send(text("1"), text("2"), text("3"));
  await answerClose(peer);
  await next(socket, "close");
  assertEquals(log, ["open 1", "1", "close 3: 1005 "]);
});

Deno.test("close checks its arguments in every state, before it does anything", async () => {
  const { socket, peer } = await opens();
  const name = (...args: unknown[]) =>
    thrownName(() => loosely((code: number) => Reflect.apply(socket.close, socket, [code]), ...args));
  for (const code of [0, 999, 1001, 2999, 5000, 65_536, -1, NaN, null]) assertEquals(name(code), "InvalidAccessError");
  assertEquals(thrownName(() => socket.close(1000, "x".repeat(124))), "SyntaxError");
  assertEquals(thrownName(() => socket.close(undefined, "é".repeat(62))), "SyntaxError");
  assertEquals(socket.readyState, 1);
  assertEquals(name("3000.4"), "nothing");
  await answerClose(peer, 3000);
  await next(socket, "close");
  assertEquals(name(1001), "InvalidAccessError");
});

Deno.test("a reason without a code means 1000", async () => {
  const { socket, peer, log } = await opens();
  socket.close(undefined, "bye");
  await answerClose(peer, 1000, "bye");
  await next(socket, "close");
  assertEquals(log, ["open 1", "close 3: 1000 bye"]);
});

Deno.test("close while connecting fails the connection: an error event, then close with 1006", async () => {
  const { socket, peer, conn, log } = connects();
  await peer.readHead();
  socket.close(4000, "never mind");
  assertEquals(socket.readyState, 2);
  await next(socket, "close");
  assertEquals([log, conn.closes], [["error 3", "close 3: 1006  unclean"], 1]);
});

Deno.test("a refusal is an error event, whose error says why, then close with 1006", async () => {
  const { socket, peer, log } = connects();
  const failed = next(socket, "error");
  await peer.readHead();
  await peer.send(utf8("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"));
  const event = await failed;
  assert(event instanceof ErrorEvent);
  assertInstanceOf(event.error, ConnectionError);
  assertInstanceOf(event.error.cause, HandshakeError);
  assertEquals([event.message, event.error.cause.status], ["Server answered 403, not 101", 403]);
  assertEquals(log, ["error 3", "close 3: 1006  unclean"]);
});

Deno.test("a signal ends the opening handshake, and events come in a task after the constructor", async () => {
  const socket = new WebSocket(URL_HERE, { signal: AbortSignal.abort(new Error("enough")) });
  for (let turn = 0; turn < 20; turn++) await null;
  const event = await next(socket, "error");
  assertEquals(Reflect.get(event, "message"), "enough");
});

Deno.test("a lost connection is an error event, then close with 1006; queued bytes stay counted", async () => {
  const { socket, far, log } = await opens({}, { capacity: 100 });
  socket.send(counting(1_000));
  socket.send("é");
  socket.send(new Blob(["12345"]));
  await settle();
  assertEquals(socket.bufferedAmount, 1_007);
  far.reset();
  await next(socket, "close");
  assertEquals(log, ["open 1", "error 3", "close 3: 1006  unclean"]);
  assertEquals(socket.bufferedAmount, 1_007);
});

Deno.test("bufferedAmount counts data, not headers, and falls as the transport takes the data", async () => {
  const { socket, peer } = await opens({ highWaterMark: 10 }, { capacity: 1_000 });
  socket.send("é".repeat(1_000));
  assertEquals(socket.bufferedAmount, 2_000);
  socket.send(counting(3_000));
  assertEquals(socket.bufferedAmount, 5_000);
  await settle();
  assertEquals(socket.bufferedAmount, 5_000, "a message that is written in part");
  await peer.expect(text("é".repeat(1_000)));
  await until(() => socket.bufferedAmount === 3_000, "The fall");
  await peer.expect(binary(counting(3_000)));
  await until(() => socket.bufferedAmount === 0, "The fall");
  socket.close();
  await answerClose(peer);
  await next(socket, "close");
  assertEquals(socket.bufferedAmount, 0);
});

Deno.test("bufferedAmount counts data before its compression", async () => {
  const { socket, peer, conn } = await opens({ perMessageDeflate: true }, {
    capacity: 10,
    fields: ["Sec-WebSocket-Extensions: permessage-deflate"],
  });
  socket.send("x".repeat(5_000));
  socket.send("y".repeat(5_000));
  assertEquals(socket.bufferedAmount, 10_000);
  await peer.readBytes(10);
  conn.reset();
  await next(socket, "close");
});

Deno.test("a full queue is an error event with a LimitError, then close", async () => {
  const { socket, log } = await opens({ highWaterMark: 100, maxQueuedBytes: 1_000 }, { capacity: 10 });
  const failed = next(socket, "error");
  socket.send(counting(1_000));
  socket.send("one too many");
  const event = await failed;
  assertInstanceOf(Reflect.get(event, "error"), LimitError);
  await settle();
  assertEquals(log, ["open 1", "error 3", "close 3: 1006  unclean"]);
  assertEquals(socket.bufferedAmount, 1_012);
});

Deno.test("on* attributes are called in their place among the listeners, with the socket as this", async () => {
  const { socket, peer } = connects();
  const calls: unknown[] = [];
  assertEquals([socket.onopen, socket.onmessage, socket.onerror, socket.onclose], [null, null, null, null]);
  socket.onopen = function (event) {
    calls.push(this === socket, event.type);
  };
  socket.onmessage = ({ data }) => calls.push(data);
  socket.onerror = () => calls.push("error");
  socket.onclose = ({ code }) => calls.push(code);
  await peer.answer();
  await peer.send(text("hello"));
  await settle();
  socket.onmessage = null;
  await peer.send(text("unheard"));
  await settle();
  socket.close();
  await answerClose(peer);
  await next(socket, "close");
  assertEquals(calls, [true, "open", "hello", 1005]);
});

Deno.test("pings are answered while messages are dispatched", async () => {
  const { socket, peer } = await opens();
  await peer.send(text("a"), ping("?"), text("b"));
  await peer.expect(pong("?"));
  socket.close();
  await answerClose(peer);
  await next(socket, "close");
});

Deno.test("a thousand messages that come at once are dispatched in order", async () => {
  const { socket, peer, log } = await opens({ highWaterMark: 1_000 }, { capacity: 1_000 });
  let sent = 0;
  const flood = (async () => {
    for (; sent < 1_000; sent++) await peer.send(text(String(sent)));
  })();
  await until(() => log.length === 1_001, "The messages");
  assertEquals(log.slice(1), Array.from({ length: 1_000 }, (_, at) => String(at)));
  await flood;
  socket.close();
  await answerClose(peer);
  await next(socket, "close");
});
