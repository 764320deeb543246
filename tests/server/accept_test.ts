import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import { accept } from "../../lib/server/accept.ts";
import type { AcceptOptions } from "../../lib/server/server_options.ts";
import { assertOpened } from "../_support/connection.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { utf8 } from "../_support/frames.ts";
import { connPair, type MemoryConn, streamPair } from "../_support/pair.ts";
import { ACCEPT, close, RawPeer, requestText, text } from "../_support/raw_peer.ts";
import { settle, soon } from "../_support/wait.ts";
import { accepts, refused, statusLine } from "./_support.ts";
import { ORIGIN_REFUSED, overlook } from "../_support/printed.ts";

overlook(ORIGIN_REFUSED);

Deno.test("accept sends the bytes of RFC 6455 §4.2.2 and returns the connection", async () => {
  const { accepting, peer } = accepts();
  const answer = await peer.ask(requestText());
  assertEquals(
    answer,
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${ACCEPT}\r\n\r\n`,
  );
  const socket = await accepting;
  assertOpened(socket, { role: "server", url: "ws://127.0.0.1/chat?x=1" });
  assertEquals(socket.headers.get("sec-websocket-version"), "13");
  socket.abort();
});

Deno.test("accept takes a Deno.Conn and knows both addresses", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using peer = await RawPeer.dial(listener.addr.port);
  const conn = await listener.accept();
  const accepting = accept(conn);
  await peer.ask(requestText());
  const socket = await accepting;
  assertEquals(socket.localAddr, listener.addr);
  assert(socket.remoteAddr?.transport === "tcp");
  assertEquals(socket.remoteAddr.hostname, "127.0.0.1");
  const reading = Array.fromAsync(socket);
  await peer.send(text("hello"), close(1000));
  await peer.expect(close(1000));
  await peer.expectEnd();
  peer.close();
  assertEquals(await soon(reading, "The messages"), ["hello"]);
  assertEquals((await soon(socket.closed, "The end")).wasClean, true);
});

Deno.test("accept takes a pair of streams", async () => {
  const [near, far] = streamPair();
  const accepting = accept(near);
  const writer = far.writable.getWriter();
  void writer.write(utf8(requestText()));
  const { value } = await far.readable.getReader().read();
  assertStringIncludes(new TextDecoder().decode(value), ACCEPT);
  (await accepting).abort();
});

Deno.test("frames in the same packet as the request are not lost", async () => {
  const { accepting, peer } = accepts();
  await peer.send(utf8(requestText()), text("first"), text("second"), "81 85 00000000");
  await peer.readHead();
  const messages = (await accepting)[Symbol.asyncIterator]();
  await peer.send(utf8("third"));
  const all = [await messages.next(), await messages.next(), await soon(messages.next(), "The third")];
  assertEquals(all.map(({ value }) => value), ["first", "second", "third"]);
  (await accepting).abort();
});

Deno.test("a request may come a byte at a time", async () => {
  const { accepting, peer } = accepts();
  for (const byte of utf8(requestText())) await peer.send(Uint8Array.of(byte));
  await peer.readHead();
  (await accepting).abort();
});

const REFUSALS: [title: string, status: string, fields: string[], request: string][] = [
  ["H2: a request line that is too long", "414 URI Too Long", [], `GET /${"x".repeat(9000)} HTTP/1.1\r\n\r\n`],
  [
    "H2: a head that is too long",
    "431 Request Header Fields Too Large",
    [],
    requestText({ Cookie: "x".repeat(17_000) }),
  ],
  ["H3: a malformed request line", "400 Bad Request", [], "GET\r\n\r\n"],
  ["H4: a method other than GET", "405 Method Not Allowed", ["allow: GET"], requestText({}, "POST / HTTP/1.1")],
  ["H5: HTTP/1.0", "426 Upgrade Required", ["upgrade: websocket"], requestText({}, "GET / HTTP/1.0")],
  ["H5: the preface of HTTP/2", "505 HTTP Version Not Supported", [], "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["H6: no Host", "400 Bad Request", [], requestText({ Host: undefined })],
  [
    "H7: an ordinary request",
    "426 Upgrade Required",
    ["upgrade: websocket"],
    requestText({ Upgrade: undefined, Connection: undefined }),
  ],
  ["H8: a key of 15 bytes", "400 Bad Request", [], requestText({ "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAA" })],
  [
    "H9: version 8",
    "426 Upgrade Required",
    ["sec-websocket-version: 13", "upgrade: websocket"],
    requestText({ "Sec-WebSocket-Version": "8" }),
  ],
  ["H10: a request with a body", "400 Bad Request", [], requestText({ "Content-Length": "1" }) + "x"],
  ["H14: an origin of another host", "403 Forbidden", [], requestText({ Origin: "https://evil.example" })],
  ["H16: a subprotocol that is no token", "400 Bad Request", [], requestText({ "Sec-WebSocket-Protocol": "a b" })],
];
for (const [title, status, fields, request] of REFUSALS) {
  Deno.test(`${title} gets ${status}, and the connection is closed`, async () => {
    const { accepting, peer, conn } = accepts();
    // A second request in the same packet is never answered: a proxy may have taken the first one for a tunnel.
    const { answer, error } = await refused({ accepting, peer, conn }, request + requestText());
    assertEquals(statusLine(answer), `HTTP/1.1 ${status}`);
    assertEquals(error.status, Number.parseInt(status));
    assertEquals(answer.match(/^HTTP\/1/gm)?.length, 1);
    const lower = answer.toLowerCase();
    for (const field of [...fields, "content-type: text/plain; charset=utf-8"]) {
      assertStringIncludes(lower, `\r\n${field.toLowerCase()}\r\n`);
    }
    assert(/\r\nconnection: close(, upgrade)?\r\n/.test(lower), answer);
    assertEquals(answer.slice(answer.indexOf("\r\n\r\n") + 4), `${error.message}\n`);
    assertEquals(conn.closes, 1);
  });
}

Deno.test("a refusal is HTTP/1.1 with its reason as text, byte by byte", async () => {
  const { answer } = await refused(accepts(), requestText({ "Sec-WebSocket-Key": undefined }));
  assertEquals(
    answer,
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 36\r\n" +
      "content-type: text/plain; charset=utf-8\r\n\r\nHeader Sec-WebSocket-Key is missing\n",
  );
});

Deno.test("the application chooses the allowed origins", async () => {
  const { accepting, peer } = accepts({ origins: ["https://example.com"] });
  await peer.ask(requestText({ Origin: "https://example.com" }));
  (await accepting).abort();
  const { error } = await refused(accepts({ origins: () => false }));
  assertEquals(error.status, 403);
});

for (
  const [asked, chosen] of [["b, a", "a"], ["c", ""], [undefined, ""]] as const
) {
  Deno.test(`of the subprotocols a and z, a client that requests ${asked} gets ${chosen || "none"}`, async () => {
    const { accepting, peer } = accepts({ protocols: ["z", "a"] });
    const head = await peer.ask(requestText({ "Sec-WebSocket-Protocol": asked }));
    assertEquals(/sec-websocket-protocol: (.*)/i.exec(head)?.[1] ?? "", chosen);
    const socket = await accepting;
    assertEquals(socket.protocol, chosen);
    socket.abort();
  });
}

Deno.test("H1: a request that arrives slowly gets 408 at the deadline, which no byte extends, and has no later effect", async () => {
  using time = new FakeTime();
  let asked = 0;
  const { accepting, peer, conn } = accepts({ handshakeTimeout: 1_000, upgrade: () => void asked++ });
  const bytes = utf8(requestText());
  let at = 0;
  for (; at < 20; at++) {
    await peer.send(bytes.subarray(at, at + 1));
    await time.advance(50);
  }
  const answer = await peer.readText();
  assertEquals(statusLine(answer), "HTTP/1.1 408 Request Timeout");
  await peer.send(bytes.subarray(at));
  await settle();
  assertEquals(asked, 0, "the request is complete now, and refused already");
  await peer.closeWrite();
  assertEquals((await assertRejects(() => accepting, HandshakeError)).status, 408);
  assertEquals([conn.closes, time.timers], [1, 0]);
});

Deno.test("H1: a silent client gets 408, and is closed 2 s later if it stays", async () => {
  using time = new FakeTime();
  const { accepting, peer, conn } = accepts({ handshakeTimeout: 1_000 });
  await time.advance(1_000);
  await time.advance(1_999);
  assertEquals(conn.closes, 0);
  await time.advance(1);
  assertEquals(statusLine(await peer.readText()), "HTTP/1.1 408 Request Timeout");
  await assertRejects(() => accepting, HandshakeError);
  assertEquals([conn.closes, time.timers], [1, 0]);
});

Deno.test("a handshakeTimeout of 0 means no deadline", async () => {
  using time = new FakeTime();
  const { accepting, peer } = accepts({ handshakeTimeout: 0, pingInterval: 0 });
  await time.advance(3_600_000);
  await peer.ask(requestText());
  (await accepting).abort();
  assertEquals(time.timers, 0);
});

Deno.test("a client that disconnects in the middle of its request is a ConnectionError", async () => {
  const ended = accepts();
  await ended.peer.send(utf8("GET / HT"));
  await ended.peer.closeWrite();
  await assertRejects(() => ended.accepting, ConnectionError, "ended before the end of the handshake");
  assertEquals(ended.conn.closes, 1);

  const reset = accepts();
  await reset.peer.send(utf8("GET / HT"));
  reset.conn.reset();
  const error = await assertRejects(() => reset.accepting, ConnectionError);
  assertInstanceOf(error.cause, Deno.errors.ConnectionReset);
  assertEquals(reset.conn.closes, 1);
});

Deno.test("a client that disconnects while the hook runs is a ConnectionError", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { accepting, peer, conn } = accepts({ upgrade: () => promise });
  await peer.send(utf8(requestText()));
  await settle();
  conn.reset();
  resolve();
  await assertRejects(() => accepting, ConnectionError);
});

for (const reason of [undefined, new ConnectionError("going down")]) {
  Deno.test(`a signal refuses with 503, before and during the handshake (${reason?.name ?? "no reason"})`, async () => {
    const before = await refused(accepts({ signal: AbortSignal.abort(reason) }));
    assertEquals(statusLine(before.answer), "HTTP/1.1 503 Service Unavailable");

    const controller = new AbortController();
    const { accepting, peer } = accepts({ signal: controller.signal });
    await peer.send(utf8("GET / "));
    await settle();
    controller.abort(reason);
    assertEquals(statusLine(await peer.readText()), "HTTP/1.1 503 Service Unavailable");
    peer.close();
    const error = await assertRejects(() => accepting, HandshakeError);
    assertEquals(error.status, 503);
    assertStrictEquals(error.cause, controller.signal.reason);
  });
}

Deno.test("a signal does nothing once the connection is open", async () => {
  const controller = new AbortController();
  const { accepting, peer } = accepts({ signal: controller.signal });
  await peer.ask(requestText());
  const socket = await accepting;
  controller.abort();
  assertEquals(socket.readyState, 1);
  socket.abort();
});

Deno.test("the URL is wss if the connection is encrypted, or declared to be", async () => {
  const [conn, far] = connPair();
  const accepting = accept(Object.assign({}, conn, { handshake: () => Promise.resolve({}) }));
  await new RawPeer(far, "client").ask(requestText());
  const socket = await accepting;
  assertEquals(socket.url, "wss://127.0.0.1/chat?x=1");
  socket.abort();

  const said = accepts({ secure: true });
  await said.peer.ask(requestText());
  assertEquals((await said.accepting).url, "wss://127.0.0.1/chat?x=1");
  (await said.accepting).abort();
});

Deno.test("invalid options throw before anything is read", async () => {
  const { accepting } = accepts({ maxMessageBytes: 0 });
  await assertRejects(() => accepting, RangeError, "maxMessageBytes");
  await assertRejects(() => accepts({ origins: ["example.com"] }).accepting, TypeError, "example.com");
});

Deno.test("behind one of `proxies` the address is the client's and the URL is the one sent to the proxy; other peers' fields are ignored", async () => {
  const forwarded = requestText({ "X-Forwarded-For": "10.6.6.6, 203.0.113.9", "X-Forwarded-Proto": "https" });
  const facts = async (remoteAddr: MemoryConn["remoteAddr"], options: AcceptOptions, request = forwarded) => {
    const [conn, far] = connPair();
    const seen: unknown[] = [];
    const accepting = accept({ ...conn, ...(remoteAddr && { remoteAddr }) }, {
      upgrade: (_, info) => void seen.push(info.remoteAddr),
      ...options,
    });
    const peer = new RawPeer(far, "client");
    await peer.ask(request);
    const socket = await accepting;
    socket.abort();
    peer.close();
    assertEquals(seen, [socket.remoteAddr]);
    return [socket.remoteAddr, new URL(socket.url).protocol];
  };
  const proxy = { transport: "tcp", hostname: "127.0.0.1", port: 5 } as const;
  const client = { transport: "tcp", hostname: "203.0.113.9", port: 0 } as const;
  const proxies = ["127.0.0.0/8"];
  assertEquals(await facts(proxy, { proxies }), [client, "wss:"]);
  assertEquals(await facts(proxy, { proxies, secure: false }), [client, "wss:"]);
  assertEquals(await facts(proxy, {}), [proxy, "ws:"]);
  assertEquals(await facts(proxy, { proxies: ["127.0.0.2"] }), [proxy, "ws:"]);
  assertEquals(await facts(proxy, { proxies }, requestText()), [proxy, "ws:"], "a proxy that says nothing");
  assertEquals(await facts({ transport: "unix", path: "/run/a" }, { proxies: ["unix"] }), [client, "wss:"]);
  assertEquals(await facts(undefined, { proxies }), [undefined, "ws:"]);
  await assertRejects(() => accept(connPair()[0], { proxies: ["localhost"] }), TypeError, "Cannot trust proxy");
});

Deno.test("one connection is accepted once: a second call is a TypeError, and the first goes on", async () => {
  const { accepting, peer, conn } = accepts();
  await assertRejects(() => accept(conn), TypeError, "accepted before");
  await peer.ask(requestText());
  (await accepting).abort();
});
