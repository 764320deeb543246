import { constants } from "node:http2";
import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import { connectHttp2 } from "../../lib/http2/connect_http2.ts";
import type { Observer } from "../../lib/connection/watch/observer.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { soon, until } from "../_support/wait.ts";
import { answering, opening, serving } from "./_support.ts";

Deno.test("a URL of another server is a SyntaxError, and so is an invalid subprotocol", async () => {
  await using server = await serving();
  await using session = await opening(server.url);
  for (
    const target of ["http://example.com/", `https://127.0.0.1:${server.port}/`, "/#x", "//example.com", "http://["]
  ) {
    assertEquals((await assertRejects(() => session.connect(target), DOMException)).name, "SyntaxError", target);
  }
  for (const target of ["chat?x=1", new URL(`/chat?x=1`, server.url), `ws://127.0.0.1:${server.port}/chat?x=1`]) {
    assertEquals((await session.connect(target)).url, `ws://127.0.0.1:${server.port}/chat?x=1`);
  }
  for (const bad of [{ protocols: ["a b"] }, { protocols: ["a", "a"] }]) {
    assertEquals((await assertRejects(() => session.connect("/", bad), DOMException)).name, "SyntaxError");
  }
  await assertRejects(() => session.connect("/", { headers: { Upgrade: "websocket" } }), TypeError);
});

Deno.test("a refusal is a HandshakeError with the status, the fields, and a body that is limited in bytes and in time", async () => {
  await using server = await answering((stream, headers) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 401, "www-authenticate": "Basic", "x-two": ["1", "2"] });
    if (headers[":path"] === "/endless") stream.write("x".repeat(1000));
    else stream.end("x".repeat(1000));
  });
  await using session = await opening(server.url);
  const refused = (target: string, options = {}) =>
    soon(assertRejects(() => session.connect(target, options), HandshakeError, "Server answered 401, not 200"), target);
  const error = await refused("/");
  assertEquals([error.status, error.headers.get("www-authenticate"), error.headers.get("x-two")], [
    401,
    "Basic",
    "1, 2",
  ]);
  assertEquals(error.body?.length, 1000);
  assertEquals((await refused("/", { maxErrorBodyBytes: 10 })).body?.length, 10);
  assertEquals((await refused("/endless")).body?.length, 1000);
});

Deno.test("a response that chooses a value that was not requested is refused, and the stream is reset", async () => {
  const ends: number[] = [];
  await using server = await answering((stream, headers) => {
    stream.on("close", () => void ends.push(stream.rstCode));
    stream.respond({ ":status": 200, [String(headers[":path"]).slice(1)]: "other" });
  });
  await using session = await opening(server.url);
  for (const field of ["sec-websocket-protocol", "sec-websocket-extensions"]) {
    await assertRejects(() => session.connect(`/${field}`), HandshakeError, '"other"');
  }
  await until(() => ends.length === 2, "The ends");
  assertEquals(ends, [constants.NGHTTP2_CANCEL, constants.NGHTTP2_CANCEL]);
});

Deno.test("a stream that is reset, a deadline and a signal end the handshake, and the session goes on", async () => {
  let ends = 0;
  await using server = await answering((stream, headers) => {
    stream.on("error", () => {});
    stream.on("close", () => void ends++);
    if (headers[":path"] === "/reset") stream.close(constants.NGHTTP2_REFUSED_STREAM);
    if (headers[":path"] === "/open") stream.respond({ ":status": 200 });
  });
  await using session = await opening(server.url);
  await assertRejects(() => session.connect("/reset"), ConnectionError, "reset with REFUSED_STREAM");
  await assertRejects(() => session.connect("/", { handshakeTimeout: 30 }), ConnectionError, "more than 30 ms");
  const giveUp = new AbortController();
  const pending = assertRejects(() => session.connect("/", { signal: giveUp.signal }), Error, "Enough");
  giveUp.abort(new Error("Enough"));
  await pending;
  await until(() => ends === 3, "The ends of the streams");
  const socket = await session.connect("/open");
  assertEquals([socket.readyState, session.connections.size], [1, 1]);
  socket.abort();
  await until(() => ends === 4 && session.connections.size === 0, "The end of the last");
});

Deno.test("a socket that opens while its handshake is given up is dropped", async () => {
  await using server = await answering((stream) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200 });
    stream.write(Uint8Array.of(0x81, 0x02, 0x68, 0x69)); // "hi"
  });
  await using session = await opening(server.url);
  const giveUp = new AbortController();
  const reason = new Error("Enough");
  let opened: WebSocketConnection | undefined;
  const observer: Observer = {
    opened(socket) {
      opened = socket;
      giveUp.abort(reason); // before `connect` resolves
    },
  };
  const connecting = session.connect("/", { signal: giveUp.signal, observer, highWaterMark: 1 });
  assertStrictEquals(await assertRejects(() => connecting, Error), reason);
  assertStrictEquals((await soon(opened!.closed, "The end")).error, reason);
});

Deno.test("if the server allows no more streams, the next ones wait, and the wait counts toward their deadlines", async () => {
  const asked: unknown[] = [];
  await using server = await answering((stream, headers) => {
    asked.push(headers[":path"]);
    stream.respond({ ":status": 200 });
  }, { maxConcurrentStreams: 1 });
  await using session = await opening(server.url);
  const first = await session.connect("/1");
  await assertRejects(() => session.connect("/2", { handshakeTimeout: 50 }), ConnectionError, "more than 50 ms");
  const [third, fourth] = [session.connect("/3"), session.connect("/4")];
  first.abort();
  (await soon(third, "The next stream")).abort();
  (await soon(fourth, "The one behind it")).abort();
  assertEquals(asked, ["/1", "/3", "/4"], "what was given up is never asked for");
});

Deno.test("H2: a response has the limits of a head", async () => {
  await using server = await answering((stream) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200, "x-long": "x".repeat(1000) });
  });
  await using session = await opening(server.url);
  for (const limit of [{ maxHeaderBytes: 1000 }, { maxHeaderCount: 1 }]) {
    assertEquals((await assertRejects(() => session.connect("/", limit), HandshakeError, "Head")).status, 200);
  }
});

Deno.test("T2: the end of the session ends its sockets, with the session's error", async () => {
  for (const code of [constants.NGHTTP2_NO_ERROR, constants.NGHTTP2_ENHANCE_YOUR_CALM]) {
    await using server = await serving();
    await using session = await opening(server.url);
    const sockets = await Promise.all(["/1", "/2"].map((path) => session.connect(path)));
    const [theirs] = server.sessions;
    theirs!.on("error", () => {});
    if (code === constants.NGHTTP2_NO_ERROR) theirs!.destroy();
    else theirs!.goaway(code);
    for (const { closed } of sockets) {
      const { closeCode, wasClean, error } = await soon(closed, "The end");
      assertEquals([closeCode, wasClean], [1006, false]);
      assertInstanceOf(error, ConnectionError);
      assertEquals(error.message, "The HTTP/2 session ended");
    }
    await soon(session.closed, "The end of the session");
    await assertRejects(() => session.connect("/3"), ConnectionError, "ended or is shutting down");
    assertEquals(session.connections.size, 0);
  }
});

Deno.test("after a GOAWAY the open sockets go on, and no new one is opened", async () => {
  await using server = await serving();
  await using session = await opening(server.url);
  const socket = await session.connect("/");
  server.sessions[0]!.goaway(constants.NGHTTP2_NO_ERROR);
  await socket.send("still here");
  assertEquals((await soon(socket[Symbol.asyncIterator]().next(), "A reply")).value, "still here");
  await assertRejects(() => session.connect("/2"), ConnectionError, "ended or is shutting down");
  assertEquals((await soon(socket.close(), "The end")).wasClean, true);
});

Deno.test("closing a session closes its sockets, aborts its handshakes, and leaves nothing open", async () => {
  const infos: unknown[] = [];
  const hanging = Promise.withResolvers<void>();
  await using server = await serving({ upgrade: ({ path }) => path === "/hang" ? hanging.promise : undefined }, {
    async handler({ closed }) {
      const { closeCode, reason, wasClean } = await closed;
      infos.push({ closeCode, reason, wasClean });
    },
  });
  const session = await opening(server.url);
  await Promise.all([session.connect("/1"), session.connect("/2")]);
  const pending = assertRejects(() => session.connect("/hang"), ConnectionError, "The session is closing");
  await assertRejects(async () => await session.close(999), RangeError);
  const closed = session.close(4000, "enough");
  await soon(Promise.all([closed, session.close(), session.closed, pending]), "The end");
  hanging.resolve();
  await until(() => infos.length === 2, "The server's ends");
  const info = { closeCode: 4000, reason: "enough", wasClean: true };
  assertEquals(infos, [info, info]);
  assertEquals((await assertRejects(() => session.connect("/"), DOMException)).name, "InvalidStateError");
});

Deno.test("a session that the server keeps open is dropped after `closeTimeout`", async () => {
  await using server = await answering((stream) => stream.respond({ ":status": 200 }));
  const session = await soon(connectHttp2(server.url, { closeTimeout: 50 }), "The session");
  const socket = await session.connect("/", { closeTimeout: 50 });
  const closed = session.close();
  assertEquals((await soon(socket.closed, "The end of the socket")).wasClean, false);
  await soon(closed, "The end of the session");
});

Deno.test("an observer sees a session's sockets, and the reasons for failed ones", async () => {
  const told: unknown[] = [];
  const observer: Observer = {
    opened: ({ role, url }) => {
      told.push([role, new URL(url).pathname]);
      return { closed: ({ closeCode }) => void told.push(closeCode) };
    },
    refused: (error) => void told.push(error instanceof HandshakeError ? [error.status, error.limit] : error.name),
  };
  await using server = await serving({
    upgrade: ({ path }) => path === "/no" ? new Response(null, { status: 404, headers: { "X-Why": "" } }) : undefined,
  });
  await using session = await opening(server.url);
  await assertRejects(() => session.connect("/no", { observer }), HandshakeError);
  await assertRejects(() => session.connect("/no", { observer, maxHeaderCount: 1 }), HandshakeError);
  await (await session.connect("/yes", { observer })).close();
  await assertRejects(() => session.connect("/", { observer, signal: AbortSignal.abort() }), DOMException);
  await assertRejects(() => session.connect("/", { observer, protocols: ["a", "a"] }), DOMException);
  assertEquals(told, [[404, undefined], [404, "maxHeaderCount"], ["client", "/yes"], 1000]);
});
