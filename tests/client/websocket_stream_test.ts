import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { WebSocketStream, type WebSocketStreamOptions } from "../../lib/client/websocket_stream.ts";
import {
  ConnectionError,
  HandshakeError,
  LimitError,
  ProtocolError,
  type WebSocketCloseInfo,
  WebSocketError,
} from "../../lib/errors.ts";
import type { MessageData } from "../../lib/pipeline/messages/message.ts";
import type { WebSocketOpenInfo } from "../../lib/pipeline/sockets/websocket_connection.ts";
import { serve } from "../../lib/server/serve.ts";
import { counting } from "../_support/bytes.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { utf8 } from "../_support/frames.ts";
import { binary, close, text } from "../_support/raw_peer.ts";
import { settle, soon } from "../_support/wait.ts";
import { answerClose, construct, ends, loosely, type Server, thrownName, URL_HERE } from "./_web_support.ts";

// The cases of the Web Platform Tests (websockets/stream/tentative) are told by their titles: "WPT: ...". The points where Deno's
// own class differs from the draft begin with "Unlike Deno's:".

/** An open stream and its server. */
async function opens(options: WebSocketStreamOptions = {}, { capacity, fields = [] }: Server = {}) {
  const { protocols = [], ...common } = options;
  const { options: all, peer, conn, far } = ends(common, capacity);
  const stream = new WebSocketStream(URL_HERE, { protocols, ...all });
  const head = await peer.answer(...fields);
  const { readable, writable, ...agreed } = await soon(stream.opened, "The opening");
  return { stream, readable, writable, agreed, head, peer, conn, far };
}

/** How a stream ended. */
const closed = (stream: WebSocketStream) => soon(stream.closed, "The end");

/** With what a stream ended that did not end cleanly. */
const unclean = (stream: WebSocketStream) => assertRejects(() => closed(stream), WebSocketError);

Deno.test("WPT: a constructor without a URL, with one that is none, or with options that are no object throws", () => {
  assertEquals(thrownName(() => construct(WebSocketStream)), "TypeError");
  assertEquals(thrownName(() => construct(WebSocketStream, "invalid:")), "SyntaxError");
  assertEquals(thrownName(() => construct(WebSocketStream, URL_HERE, true)), "TypeError");
  assertEquals(thrownName(() => construct(WebSocketStream, URL_HERE, { protocols: "hi" })), "TypeError");
  assertEquals(thrownName(() => construct(WebSocketStream, `${URL_HERE}#part`)), "SyntaxError");
});

Deno.test("WPT: url is the URL, opened gives streams and strings, and the protocol is the server's choice", async () => {
  const { stream, readable, writable, agreed, head, peer } = await opens({ protocols: ["alpha", "beta"] }, {
    fields: ["Sec-WebSocket-Protocol: alpha"],
  });
  assert(head.includes("\r\nSec-WebSocket-Protocol: alpha, beta\r\n"));
  assertEquals(agreed, { protocol: "alpha", extensions: "" });
  assertEquals(stream.url, URL_HERE);
  assertInstanceOf(readable, ReadableStream);
  assertInstanceOf(writable, WritableStream);
  assertStrictEquals(stream.opened, stream.opened);
  assertEquals(String(stream), "[object WebSocketStream]");
  stream.close();
  await answerClose(peer);
  assertEquals(await closed(stream), { closeCode: 1005, reason: "" });
});

Deno.test("WPT: a connection that does not open rejects both promises with a WebSocketError, whose cause is the refusal", async () => {
  const { options, peer } = ends();
  const stream = new WebSocketStream(URL_HERE, options);
  await peer.readHead();
  await peer.send(utf8("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
  const error = await assertRejects(() => soon(stream.opened, "The opening"), ConnectionError);
  assertStrictEquals(await unclean(stream), error);
  assertInstanceOf(error.cause, HandshakeError);
  assertEquals([error.closeCode, error.cause.status], [1006, 404]);
});

Deno.test("promises that nobody looks at are no unhandled rejections", async () => {
  const unhandled: unknown[] = [];
  const note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  addEventListener("unhandledrejection", note);
  try {
    const { options } = ends();
    new WebSocketStream(URL_HERE, { ...options, signal: AbortSignal.abort() });
    const { writable, readable, far } = await opens();
    void writable.getWriter().write("hello").catch(() => {});
    readable.getReader().closed.catch(() => {});
    far.reset();
    await settle();
    assertEquals(unhandled, []);
  } finally {
    removeEventListener("unhandledrejection", note);
  }
});

Deno.test("WPT: a signal that is aborted before prevents the connection, during the handshake ends it, and afterwards does nothing", async () => {
  const before = ends({ signal: AbortSignal.abort() });
  const never = new WebSocketStream(URL_HERE, before.options);
  const aborted = await assertRejects(() => soon(never.opened, "The opening"), DOMException);
  assertEquals([aborted.name, before.conn.writes], ["AbortError", []]);
  assertStrictEquals(await assertRejects(() => closed(never), DOMException), aborted);

  const reason = new Error("enough");
  const during = new AbortController();
  const { options: more, peer } = ends({ signal: during.signal });
  const given = new WebSocketStream(URL_HERE, more);
  await peer.readHead();
  during.abort(reason);
  assertStrictEquals(await assertRejects(() => soon(given.opened, "The opening")), reason);
  assertStrictEquals(await assertRejects(() => closed(given)), reason);

  const after = new AbortController();
  const { stream, readable, writable, peer: server } = await opens({ signal: after.signal });
  after.abort();
  await writable.getWriter().write("connected");
  await server.expect(text("connected"));
  await server.send(text("yes"));
  assertEquals((await readable.getReader().read()).value, "yes");
  stream.close();
  await answerClose(server);
  await closed(stream);
});

Deno.test("WPT: close during the handshake rejects both promises with a WebSocketError", async () => {
  const { options, peer, conn } = ends();
  const stream = new WebSocketStream(URL_HERE, options);
  await peer.readHead();
  stream.close({ closeCode: 4000, reason: "never mind" });
  const error = await assertRejects(() => soon(stream.opened, "The opening"), WebSocketError);
  assertStrictEquals(await unclean(stream), error);
  assertEquals([error.closeCode, conn.closes], [1006, 1]);
});

const CLOSES: [what: string, info: WebSocketCloseInfo | undefined, code: number | undefined, reason: string][] = [
  ["no argument sends an empty close frame", undefined, undefined, ""],
  ["no code sends an empty close frame", {}, undefined, ""],
  ["no code and an empty reason send an empty close frame", { reason: "" }, undefined, ""],
  ["a reason without a code means 1000", { reason: "non-empty" }, 1000, "non-empty"],
  ["a code and a reason are sent", { closeCode: 3456, reason: "pizza" }, 3456, "pizza"],
  ["a reason of 123 bytes is sent", { closeCode: 4999, reason: "é".repeat(61) + "x" }, 4999, "é".repeat(61) + "x"],
];
for (const [what, info, code, reason] of CLOSES) {
  Deno.test(`WPT: close: ${what}`, async () => {
    const { stream, peer } = await opens();
    if (info === undefined) stream.close();
    else stream.close(info);
    await answerClose(peer, code, reason);
    assertEquals(await closed(stream), { closeCode: code ?? 1005, reason });
  });
}

Deno.test("WPT: close with what cannot be sent throws, and closes nothing", async () => {
  const { stream, peer } = await opens();
  const name = (info: unknown) => thrownName(() => loosely((info: WebSocketCloseInfo) => stream.close(info), info));
  for (const closeCode of [999, 1001, 2999, 5000, null, 0]) assertEquals(name({ closeCode }), "InvalidAccessError");
  for (const closeCode of [-1, 70_000, NaN, Infinity, "code"]) assertEquals(name({ closeCode }), "TypeError");
  assertEquals(name({ reason: ".".repeat(124) }), "SyntaxError");
  assertEquals(name({ closeCode: 1000, reason: "🔌".repeat(31) }), "SyntaxError");
  assertEquals(name(true), "TypeError");
  // Web IDL makes a number of it.
  assertEquals(name({ closeCode: "4000", reason: 7 }), "nothing");
  await answerClose(peer, 4000, "7");
  assertEquals(await closed(stream), { closeCode: 4000, reason: "7" });
});

const REASONS: [what: string, reason: unknown, code: number | undefined, said: string][] = [
  ["nothing", undefined, undefined, ""],
  ["attributes that are in no WebSocketError", { closeCode: 3333, reason: "obsolete" }, undefined, ""],
  ["a code", new WebSocketError("", { closeCode: 3333 }), 3333, ""],
  ["a code and a reason", new WebSocketError("", { closeCode: 3456, reason: "set" }), 3456, "set"],
  ["a reason without a code", new WebSocketError("", { reason: "specified" }), 1000, "specified"],
  ["a DOMException", new DOMException("yes", "DataCloneError"), undefined, ""],
  ["another connection's 1006", new ConnectionError("lost"), undefined, ""],
];
for (const [what, reason, code, said] of REASONS) {
  for (const [way, end] of [["abort", "writable"], ["cancel", "readable"]] as const) {
    Deno.test(`WPT: ${end}.${way} with ${what} closes with ${code ?? "no code"}`, async () => {
      const { stream, readable, writable, peer } = await opens();
      const ending = way === "abort" ? writable.abort(reason) : readable.cancel(reason);
      await answerClose(peer, code, said);
      assertEquals(await closed(stream), { closeCode: code ?? 1005, reason: said });
      await soon(ending, "The call");
    });
  }
}

Deno.test("WPT: closing the writable is a clean close, which resolves when the handshake is over", async () => {
  const { stream, writable, peer } = await opens();
  const writer = writable.getWriter();
  void writer.write("last");
  let done = false;
  const closing = writer.close().then(() => done = true);
  await peer.expect(text("last"), close());
  await settle();
  assertEquals(done, false);
  await peer.send(close());
  await peer.closeWrite();
  await soon(closing, "The close");
  assertEquals(await closed(stream), { closeCode: 1005, reason: "" });
});

Deno.test("closing the writable rejects where the handshake is not completed", async () => {
  const { stream, writable, peer } = await opens();
  const closing = writable.getWriter().close();
  await peer.expect(close());
  await peer.closeWrite();
  const error = await assertRejects(() => soon(closing, "The close"), WebSocketError);
  assertStrictEquals(await unclean(stream), error);
});

Deno.test("WPT: a clean close by the server is clean: readable ends, writable has an InvalidStateError", async () => {
  const { stream, readable, writable, peer } = await opens();
  await peer.send(close(4000, "ロボット"));
  await peer.expect(close(4000));
  await peer.closeWrite();
  assertEquals(await closed(stream), { closeCode: 4000, reason: "ロボット" });
  assertEquals((await readable.getReader().read()).done, true);
  const error = await assertRejects(() => writable.getWriter().ready, DOMException);
  assertEquals(error.name, "InvalidStateError");
});

Deno.test("readable ends with the connection although nobody reads", async () => {
  const { stream, readable, peer } = await opens();
  const ended = readable.getReader().closed;
  stream.close();
  await answerClose(peer);
  await soon(ended, "The end of readable");
});

Deno.test("WPT: an empty close frame of the server is 1005", async () => {
  const { stream, peer } = await opens();
  await peer.send(close());
  await peer.expect(close());
  await peer.closeWrite();
  assertEquals(await closed(stream), { closeCode: 1005, reason: "" });
});

Deno.test("WPT: where both sides close, the server's code and reason are told", async () => {
  const { stream, peer } = await opens();
  stream.close({ closeCode: 4111, reason: "local" });
  await peer.send(close(4222, "remote"));
  await peer.expect(close(4111, "local"));
  await peer.closeWrite();
  assertEquals(await closed(stream), { closeCode: 4222, reason: "remote" });
});

Deno.test("WPT: an abrupt end rejects closed and errors both streams, with the same WebSocketError", async () => {
  const { stream, readable, writable, far } = await opens();
  far.reset();
  const error = await unclean(stream);
  assertEquals([error.closeCode, error.reason], [1006, ""]);
  assertStrictEquals(await assertRejects(() => readable.getReader().read()), error);
  const writer = writable.getWriter();
  assertStrictEquals(await assertRejects(() => writer.ready), error);
  assertStrictEquals(await assertRejects(() => writer.write("late")), error);
});

Deno.test("a write that waits when the connection is lost rejects with closed's error", async () => {
  const { stream, writable, far } = await opens({ highWaterMark: 1_000 }, { capacity: 1_000 });
  const writing = writable.getWriter().write(counting(100_000));
  writing.catch(() => {});
  await settle();
  far.reset();
  assertStrictEquals(await assertRejects(() => soon(writing, "The write")), await unclean(stream));
});

Deno.test("a server that breaks the protocol sent no close frame: 1006, and the cause says what it did", async () => {
  const { stream, readable, peer } = await opens();
  const reading = readable.getReader().read();
  reading.catch(() => {});
  await peer.send("83 00");
  await peer.expect(close(1002, "Opcode 3 is not defined"));
  await peer.closeWrite();
  const error = await unclean(stream);
  assertInstanceOf(error.cause, ProtocolError);
  assertEquals([error.closeCode, error.cause.closeCode, error.message], [1006, 1002, error.cause.message]);
  assertStrictEquals(await assertRejects(() => reading), error);
});

Deno.test("WPT: a close of the server with unwritten data is not clean, and has the server's code", async () => {
  const { stream, writable, peer, far } = await opens({}, { capacity: 1_000 });
  const writing = writable.getWriter().write(counting(1_000_000));
  writing.catch(() => {});
  await peer.send(close(4567, "done"));
  await settle();
  far.reset();
  const error = await unclean(stream);
  assertEquals([error.closeCode, error.reason], [4567, "done"]);
  assertStrictEquals(await assertRejects(() => soon(writing, "The write")), error);
});

Deno.test("WPT: a write behind a close rejects with InvalidStateError, and so do all after it", async () => {
  const { stream, writable, peer } = await opens();
  const writer = writable.getWriter();
  stream.close();
  const error = await assertRejects(() => writer.write("late"), DOMException);
  assertEquals(error.name, "InvalidStateError");
  assertStrictEquals(await assertRejects(() => writer.write("later")), error);
  await answerClose(peer);
  await closed(stream);
});

Deno.test("WPT: binary messages come as Uint8Array, text as strings", async () => {
  const { stream, readable, peer } = await opens();
  await peer.send(binary(counting(16)), text("text"));
  const reader = readable.getReader();
  const { value } = await reader.read();
  assertInstanceOf(value, Uint8Array);
  assertStrictEquals(value.constructor, Uint8Array);
  assertEquals(value, counting(16));
  assertEquals((await reader.read()).value, "text");
  stream.close();
  await answerClose(peer);
  await closed(stream);
});

Deno.test("WPT: what cannot become a string and a view of shared memory make a write reject with TypeError", async () => {
  const cannotStringify = {
    toString() {
      return this;
    },
  };
  for (const chunk of [cannotStringify, Symbol("no"), new Uint8Array(new SharedArrayBuffer(4))]) {
    const { writable, conn } = await opens();
    const writer = writable.getWriter();
    const write = loosely((chunk: MessageData) => writer.write(chunk), chunk);
    await assertRejects(() => Promise.resolve(write), TypeError);
    conn.reset();
  }
});

Deno.test("WPT: a write is held back while the server does not read", async () => {
  const { stream, writable, peer } = await opens({ highWaterMark: 1_000 }, { capacity: 1_000 });
  const writer = writable.getWriter();
  assertEquals(writer.desiredSize, 1);
  let written = false;
  const writing = writer.write(counting(50_000)).then(() => written = true);
  await settle();
  assertEquals([written, writer.desiredSize], [false, 0]);
  await peer.expect(binary(counting(50_000)));
  await soon(writing, "The write");
  stream.close();
  await answerClose(peer);
  await closed(stream);
});

Deno.test("await using closes and waits for the end, clean or not", async () => {
  const { stream, peer } = await opens();
  {
    await using _ = stream;
    void answerClose(peer);
  }
  assertEquals(await closed(stream), { closeCode: 1005, reason: "" });

  const lost = await opens();
  {
    await using _ = lost.stream;
    lost.far.reset();
  }
  await unclean(lost.stream);
});

Deno.test("Unlike Deno's: besides headers there are limits, compression and TLS among the options", async () => {
  const { stream, head, agreed, readable, peer } = await opens(
    { headers: { Cookie: "a=1" }, perMessageDeflate: true, maxMessageBytes: 10, caCerts: [] },
    { fields: ["Sec-WebSocket-Extensions: permessage-deflate"] },
  );
  assert(/^cookie: a=1\r$/im.test(head), head);
  assert(agreed.extensions.startsWith("permessage-deflate"));
  await peer.send(text("x".repeat(11)));
  await peer.expect(close(1009, "Message of 11 bytes is larger than maxMessageBytes 10"));
  await peer.closeWrite();
  const error = await unclean(stream);
  assertInstanceOf(error.cause, LimitError);
  assertStrictEquals(await assertRejects(() => readable.getReader().read()), error);
});

Deno.test("Unlike Deno's: a chunk may be any BufferSource, and whatever else becomes a string", async () => {
  const { stream, writable, peer } = await opens();
  const writer = writable.getWriter();
  const { buffer } = counting(8);
  const chunks = [buffer, new Uint16Array(buffer, 2, 2), new DataView(buffer, 4), 42, null, { toString: () => "text" }];
  for (const chunk of chunks) await Promise.resolve(loosely((chunk: MessageData) => writer.write(chunk), chunk));
  const whole = new Uint8Array(buffer);
  await peer.expect(
    binary(whole),
    binary(whole.slice(2, 6)),
    binary(whole.slice(4)),
    text("42"),
    text("null"),
    text("text"),
  );
  stream.close();
  await answerClose(peer);
  await closed(stream);
});

Deno.test("Unlike Deno's: http and https URLs stand for ws and wss, and a URL may be an object", async () => {
  for (const url of ["http://example.com/chat?x=1", new URL("http://example.com/chat?x=1")]) {
    const { options, peer } = ends();
    const stream = new WebSocketStream(url, options);
    assertEquals(stream.url, URL_HERE);
    await peer.answer();
    await stream.opened;
    stream.close();
    await answerClose(peer);
    await closed(stream);
  }
});

Deno.test("Unlike Deno's types: close info has closeCode, taken and given", async () => {
  const { stream, peer } = await opens();
  const info: WebSocketCloseInfo = { closeCode: 4001 };
  stream.close(info);
  await answerClose(peer, 4001);
  const { closeCode }: Required<WebSocketCloseInfo> = await closed(stream);
  assertEquals(closeCode, 4001);
});

Deno.test("Unlike Deno's types: a WebSocketError without a code has null for it", () => {
  const closeCode: number | null = new WebSocketError().closeCode;
  assertStrictEquals(closeCode, null);
});

Deno.test("Unlike Deno's types: what opened gives is a WebSocketOpenInfo", async () => {
  const { stream, conn } = await opens();
  const info: WebSocketOpenInfo = await stream.opened;
  assertEquals(Object.keys(info).sort(), ["extensions", "protocol", "readable", "writable"]);
  conn.reset();
});

Deno.test("Unlike Deno's (WPT too): a connection that is lost after our close frame did not end cleanly", async () => {
  const { stream, peer } = await opens();
  stream.close({ closeCode: 4000, reason: "because" });
  await peer.expect(close(4000, "because"));
  await peer.closeWrite();
  const error = await unclean(stream);
  assertEquals([error.closeCode, error.reason], [1006, ""]);
});

Deno.test("Unlike Deno's: a close frame that is not answered is given up after closeTimeout, whatever that is", async () => {
  using time = new FakeTime();
  const { stream, conn } = await opens({ closeTimeout: 30_000 });
  stream.close();
  await time.advance(29_999);
  assertEquals(conn.closes, 0);
  await time.advance(1);
  const error = await unclean(stream);
  assertEquals([error.closeCode, conn.closes], [1006, 1]);
});

Deno.test("Unlike Deno's: a subprotocol that is no token is a SyntaxError, as one that comes twice", () => {
  for (const protocols of [["no token"], [""], ["a,b"], ["é"], ["a", "a"]]) {
    assertEquals(thrownName(() => new WebSocketStream(URL_HERE, { protocols })), "SyntaxError");
  }
});

Deno.test("As Deno's: one message is taken ahead, and a server whose messages are not read is held back", async () => {
  const { stream, readable, peer, conn } = await opens({ highWaterMark: 100 }, { capacity: 100 });
  let sent = 0;
  const flood = (async () => {
    for (; sent < 100; sent++) await peer.send(text("x".repeat(98)));
  })();
  await settle();
  assert(sent < 10, `${sent} messages were taken`);
  const reader = readable.getReader();
  for (let i = 0; i < 100; i++) assertEquals((await soon(reader.read(), "A message")).value, "x".repeat(98));
  await flood;
  stream.close();
  conn.reset();
  await unclean(stream);
});

Deno.test("Unlike Deno's: there is a server with the same shape", async () => {
  const spoken = Promise.withResolvers<unknown[]>();
  /** Code that knows nothing of who has which end. */
  const converse = async (socket: Pick<WebSocketStream, "opened" | "closed">, said: string) => {
    const { readable, writable, protocol } = await socket.opened;
    await writable.getWriter().write(said);
    const { value } = await readable.getReader().read();
    return [value, protocol];
  };
  await using server = serve({ port: 0, hostname: "127.0.0.1", protocols: ["chat"] }, async (socket) => {
    spoken.resolve(await converse(socket, "from the server"));
    await socket.closed;
  });
  const stream = new WebSocketStream(server.url, { protocols: ["chat"] });
  assertEquals(await converse(stream, "from the client"), ["from the server", "chat"]);
  assertEquals(await soon(spoken.promise, "The server"), ["from the client", "chat"]);
  stream.close({ closeCode: 1000 });
  assertEquals(await closed(stream), { closeCode: 1000, reason: "" });
});

Deno.test("Unlike Deno's: extensions tells what is in force", async () => {
  const { stream, agreed, peer } = await opens({ perMessageDeflate: true }, {
    fields: ["Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"],
  });
  assertEquals(agreed.extensions, "permessage-deflate; server_no_context_takeover");
  stream.close();
  await peer.readFrame();
  await peer.send(close());
  await peer.closeWrite();
  await closed(stream);
});
