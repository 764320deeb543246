import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { WebSocketStream } from "../../lib/client/websocket_stream.ts";
import { ConnectionError, HandshakeError, LimitError, WebSocketError } from "../../lib/errors.ts";
import type { MessageData } from "../../lib/pipeline/messages/message.ts";
import type { WebSocketOpenInfo } from "../../lib/connection/websocket_connection.ts";
import { serve } from "../../lib/server/serve.ts";
import { counting } from "../_support/bytes.ts";
import { utf8 } from "../_support/frames.ts";
import { binary, close, text } from "../_support/raw_peer.ts";
import { settle, soon } from "../_support/wait.ts";
import {
  answerClose,
  assertPlain,
  closed,
  construct,
  ends,
  loosely,
  openStream,
  thrownName,
  unclean,
  URL_HERE,
} from "./_web_support.ts";

// The cases of the Web Platform Tests (websockets/stream/tentative) are marked in their titles: "WPT: ...". The points where Deno's
// own class differs from the draft begin with "unlike Deno's:".

Deno.test("WPT: a constructor throws without a URL, with an invalid one, or with options that are not an object", () => {
  assertEquals(thrownName(() => construct(WebSocketStream)), "TypeError");
  assertEquals(thrownName(() => construct(WebSocketStream, "invalid:")), "SyntaxError");
  assertEquals(thrownName(() => construct(WebSocketStream, URL_HERE, true)), "TypeError");
  assertEquals(thrownName(() => construct(WebSocketStream, URL_HERE, { protocols: "hi" })), "TypeError");
  assertEquals(thrownName(() => construct(WebSocketStream, `${URL_HERE}#part`)), "SyntaxError");
});

Deno.test("WPT: url is the URL, opened gives streams and strings, and the protocol is the server's choice", async () => {
  const { stream, readable, writable, agreed, head, peer } = await openStream({ protocols: ["alpha", "beta"] }, {
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
  const error = await assertRejects(() => soon(stream.opened, "The opening"), WebSocketError);
  assertStrictEquals(await unclean(stream), error);
  assertInstanceOf(error.cause, HandshakeError);
  assertEquals([error.closeCode, error.cause.status], [1006, 404]);
  assertPlain(error);
});

Deno.test("WPT: if there is no server, or the handshake is aborted, the error is a WebSocketError as well, by name and by class", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const stream = new WebSocketStream(`ws://127.0.0.1:${port}/`);
  const error = await assertRejects(() => soon(stream.opened, "The opening"), WebSocketError);
  assertPlain(error);
  assertInstanceOf(error.cause, ConnectionError);
  assertEquals([error.closeCode, error.reason, error.message], [1006, "", `Cannot connect to 127.0.0.1:${port}`]);
  assertStrictEquals(await unclean(stream), error);

  const given = new WebSocketStream(URL_HERE, ends().options);
  given.close();
  assertPlain(await unclean(given));
});

Deno.test("a signal whose reason is one of Sluice's errors is reported with that reason", async () => {
  const reason = new ConnectionError("enough");
  const stream = new WebSocketStream(URL_HERE, { signal: AbortSignal.abort(reason) });
  assertStrictEquals(await assertRejects(() => soon(stream.opened, "The opening")), reason);
});

Deno.test("promises that are never awaited cause no unhandled rejections", async () => {
  const unhandled: unknown[] = [];
  const note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  addEventListener("unhandledrejection", note);
  try {
    const { options } = ends();
    new WebSocketStream(URL_HERE, { ...options, signal: AbortSignal.abort() });
    const { writable, readable, far } = await openStream();
    void writable.getWriter().write("hello").catch(() => {});
    readable.getReader().closed.catch(() => {});
    far.reset();
    await settle();
    assertEquals(unhandled, []);
  } finally {
    removeEventListener("unhandledrejection", note);
  }
});

Deno.test("WPT: a signal that is aborted before prevents the connection, during the handshake ends it, and later does nothing", async () => {
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
  const { stream, readable, writable, peer: server } = await openStream({ signal: after.signal });
  after.abort();
  await writable.getWriter().write("connected");
  await server.expect(text("connected"));
  await server.send(text("yes"));
  assertEquals((await readable.getReader().read()).value, "yes");
  stream.close();
  await answerClose(server);
  await closed(stream);
});

Deno.test("WPT: binary messages come as Uint8Array, text as strings", async () => {
  const { stream, readable, peer } = await openStream();
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

Deno.test("WPT: a value that cannot become a string, or a view of shared memory, makes a write reject with TypeError", async () => {
  const cannotStringify = {
    toString() {
      return this;
    },
  };
  for (const chunk of [cannotStringify, Symbol("no"), new Uint8Array(new SharedArrayBuffer(4))]) {
    const { writable, conn } = await openStream();
    const writer = writable.getWriter();
    const write = loosely((chunk: MessageData) => writer.write(chunk), chunk);
    await assertRejects(() => Promise.resolve(write), TypeError);
    conn.reset();
  }
});

Deno.test("WPT: a write waits while the server does not read", async () => {
  const { stream, writable, peer } = await openStream({ highWaterMark: 1_000 }, { capacity: 1_000 });
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

Deno.test("unlike Deno's: the options include limits and compression besides headers", async () => {
  const { stream, head, agreed, readable, peer } = await openStream(
    { headers: { Cookie: "a=1" }, perMessageDeflate: true, maxMessageBytes: 10 },
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

Deno.test("unlike Deno's: a chunk may be any BufferSource, and any other value becomes a string", async () => {
  const { stream, writable, peer } = await openStream();
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

Deno.test("unlike Deno's: http and https URLs become ws and wss, and a URL may be an object", async () => {
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

Deno.test("unlike Deno's types: a WebSocketError without a code has null for it", () => {
  const closeCode: number | null = new WebSocketError().closeCode;
  assertStrictEquals(closeCode, null);
});

Deno.test("unlike Deno's types: opened resolves to a WebSocketOpenInfo", async () => {
  const { stream, conn } = await openStream();
  const info: WebSocketOpenInfo = await stream.opened;
  assertEquals(Object.keys(info).sort(), ["extensions", "protocol", "readable", "writable"]);
  conn.reset();
});

Deno.test("unlike Deno's: a subprotocol that is not a token is a SyntaxError, and so is a duplicate", () => {
  for (const protocols of [["no token"], [""], ["a,b"], ["é"], ["a", "a"]]) {
    assertEquals(thrownName(() => new WebSocketStream(URL_HERE, { protocols })), "SyntaxError");
  }
});

Deno.test("as Deno's: one message is read ahead, and a server waits while its messages are not read", async () => {
  const { stream, readable, peer, conn } = await openStream({ highWaterMark: 100 }, { capacity: 100 });
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

Deno.test("unlike Deno's: there is a server with the same shape", async () => {
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

Deno.test("unlike Deno's: extensions names the agreed extensions", async () => {
  const { stream, agreed, peer } = await openStream({ perMessageDeflate: true }, {
    fields: ["Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"],
  });
  assertEquals(agreed.extensions, "permessage-deflate; server_no_context_takeover");
  stream.close();
  await peer.readFrame();
  await peer.send(close());
  await peer.closeWrite();
  await closed(stream);
});
