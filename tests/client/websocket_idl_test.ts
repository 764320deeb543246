import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { WebSocket } from "../../lib/client/websocket.ts";
import { WebSocketStream } from "../../lib/client/websocket_stream.ts";
import { text } from "../_support/raw_peer.ts";
import { soon } from "../_support/wait.ts";
import { answerClose, construct, ends, thrownName, URL_HERE } from "./_web_support.ts";

// The interfaces as Web IDL has them. The cases of the Web Platform Tests (websockets/) are marked in their titles: "WPT: ...".

const CONSTANTS = { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 };

/** What a class has of an interface: its own keys, and those of its prototype that can be enumerated. */
function shape(Class: { prototype: object; length: number; name: string }) {
  return {
    name: Class.name,
    length: Class.length,
    static: Object.keys(Class),
    members: Object.keys(Class.prototype).sort(),
  };
}

/** The next event of one name. */
function next<Type extends keyof WebSocketEventMap>(socket: WebSocket, type: Type): Promise<WebSocketEventMap[Type]> {
  const event = new Promise<WebSocketEventMap[Type]>((resolve) =>
    socket.addEventListener(type, resolve, { once: true })
  );
  return soon(event, `The event ${type}`);
}

Deno.test("WPT: idlharness: the interface of WebSocket", () => {
  assertEquals(shape(WebSocket), {
    name: "WebSocket",
    length: 1,
    static: Object.keys(CONSTANTS),
    members: [
      ...Object.keys(CONSTANTS),
      ...["binaryType", "bufferedAmount", "close", "extensions", "onclose", "onerror", "onmessage", "onopen"],
      ...["protocol", "readyState", "send", "url"],
    ].sort(),
  });
  assertStrictEquals(Object.getPrototypeOf(WebSocket), EventTarget);
  assertEquals([WebSocket.prototype.send.length, WebSocket.prototype.close.length], [1, 0]);
  assertEquals(Object.prototype.toString.call(WebSocket.prototype), "[object WebSocket]");
  assertEquals(thrownName(() => Reflect.apply(WebSocket, undefined, [URL_HERE])), "TypeError");
});

Deno.test("WPT: constants cannot be written, deleted or configured, on the class and on the prototype", () => {
  for (const target of [WebSocket, WebSocket.prototype]) {
    for (const [name, value] of Object.entries(CONSTANTS)) {
      assertEquals(Object.getOwnPropertyDescriptor(target, name), {
        value,
        writable: false,
        enumerable: true,
        configurable: false,
      });
      assertEquals([Reflect.set(target, name, 9), Reflect.deleteProperty(target, name)], [false, false]);
    }
  }
});

Deno.test("an attribute has a getter on the prototype, which throws if `this` is not a WebSocket", () => {
  const attributes = ["url", "readyState", "bufferedAmount", "extensions", "protocol", "binaryType", "onopen"];
  for (const name of attributes) {
    const { get, set, enumerable, configurable } = Object.getOwnPropertyDescriptor(WebSocket.prototype, name)!;
    const writable = name === "binaryType" || name === "onopen";
    assertEquals([typeof get, typeof set], ["function", writable ? "function" : "undefined"], name);
    assertEquals([enumerable, configurable], [true, true]);
    assertEquals(thrownName(() => Reflect.get(WebSocket.prototype, name)), "TypeError");
  }
});

Deno.test("the interface of WebSocketStream", () => {
  assertEquals(shape(WebSocketStream), {
    name: "WebSocketStream",
    length: 1,
    static: [],
    members: ["close", "closed", "opened", "url"],
  });
  assertEquals(WebSocketStream.prototype.close.length, 0);
  const tag = Object.getOwnPropertyDescriptor(WebSocketStream.prototype, Symbol.toStringTag);
  assertEquals(tag, { value: "WebSocketStream", writable: false, enumerable: false, configurable: true });
});

Deno.test("WPT: send without an argument is a TypeError in every state, and comes before InvalidStateError", async () => {
  const { options, peer } = ends();
  const socket = new WebSocket(URL_HERE, options);
  const call = (...args: unknown[]) => thrownName(() => Reflect.apply(socket.send, socket, args));
  const resizable = new ArrayBuffer(4, { maxByteLength: 8 });
  const seen: unknown[] = [];
  const note = () =>
    seen.push([
      socket.readyState,
      call(),
      call(Symbol("no")),
      call(new SharedArrayBuffer(1)),
      call(resizable),
      call("a"),
    ]);
  note();
  const opened = next(socket, "open");
  await peer.answer();
  await opened;
  note();
  await peer.expect(text("a"));
  socket.close();
  note();
  await answerClose(peer);
  await next(socket, "close");
  note();
  const wrong = ["TypeError", "TypeError", "TypeError", "TypeError"];
  assertEquals(seen, [
    [0, ...wrong, "InvalidStateError"],
    [1, ...wrong, "nothing"],
    [2, ...wrong, "nothing"],
    [3, ...wrong, "nothing"],
  ]);
  assertEquals(socket.bufferedAmount, 2);
});

Deno.test("WPT: a constructor needs a URL, and converts its argument to a string", () => {
  for (const Class of [WebSocket, WebSocketStream]) {
    assertEquals(thrownName(() => construct(Class)), "TypeError");
    assertEquals(thrownName(() => construct(Class, Symbol("no"))), "TypeError");
    // Relative, and there is no location.
    for (const url of [undefined, null, 1, {}]) {
      assertEquals(thrownName(() => construct(Class, url)), "SyntaxError", String(url));
    }
    const { options, conn } = ends();
    const made = construct(Class, { toString: () => "HTTPS://EXAMPLE.com:443/a b" }, options);
    assertEquals(Reflect.get(Object(made), "url"), "wss://example.com/a%20b");
    Reflect.apply(Reflect.get(Object(made), "close"), made, []);
    conn.close();
  }
});

Deno.test("WPT: subprotocols that differ only in case are a SyntaxError", () => {
  for (const protocols of [["echo", "eCho"], ["a", "b", "A"]]) {
    assertEquals(thrownName(() => new WebSocket(URL_HERE, protocols)), "SyntaxError");
    assertEquals(thrownName(() => new WebSocketStream(URL_HERE, { protocols })), "SyntaxError");
  }
});

Deno.test("binaryType accepts values that convert to one of its two, and ignores all others", () => {
  const { options } = ends();
  const socket = new WebSocket(URL_HERE, options);
  const set = (value: unknown) => {
    Reflect.set(socket, "binaryType", value);
    return socket.binaryType;
  };
  assertEquals(set({ toString: () => "arraybuffer" }), "arraybuffer");
  for (const value of ["", "Blob", "BLOB", "notBlobOrArrayBuffer", null, undefined, 1]) {
    assertEquals(set(value), "arraybuffer", String(value));
  }
  assertEquals(set("blob"), "blob");
  socket.close();
});

Deno.test("WPT: close clamps its code, of two the even one, and a lone surrogate of the reason becomes U+FFFD", async () => {
  for (const [code, sent] of [[3000.5, 3000], [4999.4, 4999], ["1000", 1000]] as const) {
    const { options, peer } = ends();
    const socket = new WebSocket(URL_HERE, options);
    const opened = next(socket, "open");
    await peer.answer();
    await opened;
    const name = (...args: unknown[]) => thrownName(() => Reflect.apply(socket.close, socket, args));
    assertEquals([name(4999.5), name(1000n), name(1000, Symbol("no"))], [
      "InvalidAccessError",
      "TypeError",
      "TypeError",
    ]);
    assertEquals(name(1000, "\ud800".repeat(42)), "SyntaxError", "126 bytes");
    assertEquals(name(code, "a\ud800"), "nothing");
    await answerClose(peer, sent, "a\ufffd");
    const event = await next(socket, "close");
    assertInstanceOf(event, CloseEvent);
    assertEquals([event.code, event.reason, event.wasClean], [sent, "a\ufffd", true]);
  }
});

Deno.test("WPT: close(undefined) is close without a code", async () => {
  const { options, peer } = ends();
  const socket = new WebSocket(URL_HERE, options);
  const opened = next(socket, "open");
  await peer.answer();
  await opened;
  socket.close(undefined, undefined);
  await answerClose(peer);
  const { code, reason } = await next(socket, "close");
  assertEquals([code, reason], [1005, ""]);
});

Deno.test("events neither bubble nor can be cancelled, and have the socket as their target", async () => {
  const { options, peer } = ends();
  const socket = new WebSocket(URL_HERE, options);
  const events: Event[] = [];
  for (const type of ["open", "message", "error", "close"]) {
    socket.addEventListener(type, (event) => events.push(event));
  }
  await peer.answer();
  await peer.send(text("hello"));
  await next(socket, "message");
  const closed = next(socket, "close");
  peer.conn.close();
  await closed;
  assertEquals(events.map(({ type }) => type), ["open", "message", "error", "close"]);
  for (const { bubbles, cancelable, target } of events) {
    assertEquals([bubbles, cancelable], [false, false]);
    assertStrictEquals(target, socket);
  }
  const [, message] = events;
  assert(message instanceof MessageEvent);
  assertEquals([message.lastEventId, message.ports, message.source], ["", [], null]);
});

Deno.test("a signal that is not an AbortSignal makes WebSocketStream's constructor throw TypeError", () => {
  for (const signal of [null, 1, {}, "signal"]) {
    assertEquals(thrownName(() => construct(WebSocketStream, URL_HERE, { signal })), "TypeError", String(signal));
  }
});
