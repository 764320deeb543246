import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import {
  closeCodeOf,
  ConnectionError,
  HandshakeError,
  invalidState,
  LimitError,
  MessageError,
  ProtocolError,
  queueFull,
  TopicError,
  WebSocketError,
} from "../lib/errors.ts";

const TOO_MANY = { limit: "maxFragments", max: 3, actual: 4, closeCode: 1008 } as const;

Deno.test("a WebSocketError is a DOMException of that name, with neither code nor reason by default", () => {
  const error = new WebSocketError();
  assertInstanceOf(error, DOMException);
  assertInstanceOf(error, Error);
  assertEquals([error.name, error.message, error.closeCode, error.reason], ["WebSocketError", "", null, ""]);
  assertStrictEquals(new WebSocketError("lost").message, "lost");
});

Deno.test("an application's WebSocketError has code 1000 or 3000 to 4999", () => {
  for (const closeCode of [1000, 3000, 3999, 4000, 4999]) {
    assertStrictEquals(new WebSocketError("", { closeCode }).closeCode, closeCode);
  }
  for (const closeCode of [0, 999, 1001, 1002, 1005, 1006, 1011, 1015, 2999, 5000, 65_536, -1, NaN, Infinity, 3000.5]) {
    const error = assertThrows(() => new WebSocketError("", { closeCode }), DOMException, `close code ${closeCode}`);
    assertStrictEquals(error.name, "InvalidAccessError");
  }
});

Deno.test("a WebSocketError's reason is at most 123 bytes of UTF-8", () => {
  const reason = "€".repeat(41);
  assertStrictEquals(new WebSocketError("", { closeCode: 4000, reason }).reason, reason);
  const error = assertThrows(() => new WebSocketError("", { reason: reason + "a" }), DOMException, "124 bytes");
  assertStrictEquals(error.name, "SyntaxError");
});

Deno.test("a reason without a code means 1000", () => {
  assertStrictEquals(new WebSocketError("", { reason: "done" }).closeCode, 1000);
});

Deno.test("a ProtocolError carries the section in its message, 1002 by default and its message as reason", () => {
  const error = new ProtocolError("Opcode 3 is not defined", "RFC 6455 §5.2");
  assertInstanceOf(error, WebSocketError);
  assertEquals(
    [error.name, error.message, error.section, error.closeCode, error.reason],
    ["ProtocolError", "Opcode 3 is not defined (RFC 6455 §5.2)", "RFC 6455 §5.2", 1002, "Opcode 3 is not defined"],
  );
  assertStrictEquals(new ProtocolError("Text is not UTF-8", "RFC 6455 §8.1", 1007).closeCode, 1007);
});

Deno.test("a LimitError carries the limit and the numbers", () => {
  const error = new LimitError("Message has more than 3 fragments", TOO_MANY);
  assertInstanceOf(error, WebSocketError);
  assertEquals(
    [error.limit, error.max, error.actual, error.closeCode, error.reason],
    ["maxFragments", 3, 4, 1008, "Message has more than 3 fragments"],
  );
  const unknown = new LimitError("Too slow", { limit: "messageTimeout", max: 5, closeCode: 1013 });
  assertEquals([unknown.actual, unknown.closeCode], [undefined, 1013]);
});

Deno.test("an error's long message is cut to the 123 bytes that a close frame's reason holds", () => {
  const message = "a".repeat(124);
  const errors = [new ProtocolError(message, "RFC 6455 §5.2"), new LimitError(message, TOO_MANY)];
  for (const error of errors) {
    assertStrictEquals(error.reason, "a".repeat(123));
    assert(error.message.startsWith(message));
  }
  assertStrictEquals(new ProtocolError("a".repeat(123), "RFC 6455 §5.2").reason.length, 123);
});

Deno.test("a ConnectionError is 1006 by default and carries the transport's error", () => {
  const cause = new Deno.errors.ConnectionReset();
  const error = new ConnectionError("The connection was lost", { cause });
  assertInstanceOf(error, WebSocketError);
  assertEquals([error.message, error.closeCode, error.reason], ["The connection was lost", 1006, ""]);
  assertStrictEquals(error.cause, cause);
  const bare = new ConnectionError("The connection was aborted");
  assertEquals([bare.closeCode, bare.cause], [1006, undefined]);
  const closed = new ConnectionError("The connection was lost", { closeCode: 1001, reason: "bye" });
  assertEquals([closed.closeCode, closed.reason], [1001, "bye"]);
});

Deno.test("a HandshakeError carries the status, the header fields, the body and the cause", () => {
  const cause = new Error("why");
  const body = Uint8Array.of(1, 2);
  const error = new HandshakeError("Version 12 is not supported", {
    status: 426,
    headers: [["Sec-WebSocket-Version", "13"]],
    body,
    cause,
  });
  assertInstanceOf(error, Error);
  assert(!(error instanceof DOMException));
  assertEquals([error.name, error.message, error.status], ["HandshakeError", "Version 12 is not supported", 426]);
  assertStrictEquals(error.headers.get("sec-websocket-version"), "13");
  assertStrictEquals(error.body, body);
  assertStrictEquals(error.cause, cause);
});

Deno.test("a HandshakeError without arguments has no header fields, no body and no cause, and copies Headers", () => {
  const bare = new HandshakeError("Refused", { status: 400 });
  assertEquals([[...bare.headers], bare.body, "cause" in bare], [[], undefined, false]);
  const headers = new Headers({ allow: "GET" });
  const error = new HandshakeError("Refused", { status: 405, headers });
  headers.set("allow", "POST");
  assertStrictEquals(error.headers.get("allow"), "GET");
  assertStrictEquals(new HandshakeError("Refused", { status: 400, cause: null }).cause, null);
});

Deno.test("closeCodeOf is the error's own code if it may be sent, and 1011 for errors that are not the peer's fault", () => {
  const cases: [error: unknown, closeCode: number][] = [
    [new ProtocolError("a", "RFC 6455 §5.2"), 1002],
    [new ProtocolError("a", "RFC 6455 §8.1", 1007), 1007],
    [new LimitError("a", TOO_MANY), 1008],
    [new LimitError("a", { ...TOO_MANY, closeCode: 1009 }), 1009],
    [new LimitError("a", { ...TOO_MANY, closeCode: 1013 }), 1013],
    [new WebSocketError("a", { closeCode: 4001 }), 4001],
    [new WebSocketError("a", { reason: "done" }), 1000],
    [new WebSocketError("a"), 1011],
    [new ConnectionError("a"), 1011],
    [new ConnectionError("a", { closeCode: 1005 }), 1011],
    [new ConnectionError("a", { closeCode: 1001 }), 1001],
    [new HandshakeError("a", { status: 400 }), 1011],
    [new TypeError("a"), 1011],
    [invalidState("a"), 1011],
    ["a string", 1011],
    [undefined, 1011],
    [null, 1011],
    [{ closeCode: 1000 }, 1011],
  ];
  for (const [error, closeCode] of cases) assertStrictEquals(closeCodeOf(error), closeCode, String(error));
});

Deno.test("invalidState is the WHATWG's InvalidStateError", () => {
  const error = invalidState("Cannot send: the connection is closing");
  assertInstanceOf(error, DOMException);
  assertEquals([error.name, error.message], ["InvalidStateError", "Cannot send: the connection is closing"]);
});

Deno.test("a TopicError names the topic on one line, and closes with 1008 and without the name", () => {
  const error = new TopicError("Topic refused", "room/1");
  assertEquals([error.name, error.topic, error.reason, closeCodeOf(error)], [
    "TopicError",
    "room/1",
    "Topic refused",
    1008,
  ]);
  assertEquals(error.message, 'Topic refused: topic "room/1"');
  assertEquals(new TopicError("Topic refused", "a\n\ud800").message, 'Topic refused: topic "a\\n\\ud800"');
  assert(new TopicError("Topic refused", "x".repeat(1000)).message.length < 120);
});

Deno.test("a full queue's error carries the limit, the queued bytes if known, and code 1013", () => {
  const full = queueFull("Peer does not read: 12 bytes queued", 10, 12);
  assertEquals(full.message, "Peer does not read: 12 bytes queued reach maxQueuedBytes 10");
  assertEquals([full.limit, full.max, full.actual, full.closeCode], ["maxQueuedBytes", 10, 12, 1013]);
  assertEquals(queueFull("Messages", 10).actual, undefined);
});

Deno.test("a MessageError carries the code, the cause and a reason that fits a close frame", () => {
  const cause = new SyntaxError("Unexpected end");
  const error = new MessageError("Message is not größer", { closeCode: 1007, cause });
  assertInstanceOf(error, WebSocketError);
  assertEquals(
    [error.name, error.closeCode, error.reason, closeCodeOf(error)],
    ["MessageError", 1007, "Message is not gr??er", 1007],
  );
  assertStrictEquals(error.cause, cause);
  assertStrictEquals(new MessageError("€".repeat(200), { closeCode: 4000 }).reason, "?".repeat(123));
});
