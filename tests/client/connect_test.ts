import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import { accept } from "../../lib/server/accept.ts";
import type { RawPart } from "../../lib/testing/mod.ts";
import { runDeno } from "../_support/child.ts";
import type { Observer } from "../../lib/connection/watch/observer.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { assertOpened } from "../_support/connection.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { utf8 } from "../_support/frames.ts";
import { NO_UNIX_SOCKETS, unless } from "../_support/needs.ts";
import { streamPair } from "../_support/pair.ts";
import { close, RawPeer, text } from "../_support/raw_peer.ts";
import { cert, key } from "../_support/tls.ts";
import { settle, soon } from "../_support/wait.ts";
import { connects, listen, refused, URL_HERE } from "./_support.ts";

Deno.test("connect sends the request of RFC 6455 §4.1 and resolves to the connection", async () => {
  const { connecting, peer } = connects();
  const request = await peer.answer("X-Served-By: test");
  const key = /^Sec-WebSocket-Key: (.*)$/m.exec(request)?.[1] ?? "";
  assertEquals(atob(key).length, 16);
  assertEquals(
    request,
    "GET /chat?x=1 HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  );
  const socket = await connecting;
  assertOpened(socket, { role: "client", url: URL_HERE });
  assertEquals(socket.headers.get("x-served-by"), "test");
  socket.abort();
});

Deno.test("connect over TCP knows both addresses, and the connection works", async () => {
  using listener = listen();
  const connecting = connect(`ws://127.0.0.1:${listener.addr.port}/`);
  using peer = new RawPeer(await listener.accept(), "server");
  await peer.answer();
  const socket = await connecting;
  assert(socket.remoteAddr?.transport === "tcp" && socket.localAddr?.transport === "tcp");
  assertEquals(socket.remoteAddr, listener.addr);
  await socket.send("hello");
  await peer.expect(text("hello"));
  const closing = socket.close();
  await peer.expect(close(1000));
  await peer.send(close(1000));
  await peer.closeWrite();
  assertEquals((await soon(closing, "The close")).wasClean, true);
  await peer.expectEnd();
});

Deno.test("connect and accept meet over a pair of streams", async () => {
  const [near, far] = streamPair();
  const [socket, server] = await Promise.all([connect("http://example.com/", { conn: near }), accept(far)]);
  assertEquals([socket.url, server.url], ["ws://example.com/", "ws://example.com/"]);
  void server.send("hello");
  assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
  await soon(socket.close(), "The close");
  await soon(server.closed, "The close");
});

/** Answers with frames in the same packet as the response. */
async function answerWith(peer: RawPeer, ...frames: RawPart[]): Promise<void> {
  const { conn } = peer;
  const write = conn.write.bind(conn);
  // What `answer` sends is held until the frames can go with it.
  let held = new Uint8Array(0);
  conn.write = (bytes) => {
    held = bytes.slice();
    return Promise.resolve(bytes.length);
  };
  await peer.answer();
  conn.write = write;
  await peer.send(held, ...frames);
}

Deno.test("frames in the same packet as the response are not lost", async () => {
  const { connecting, peer } = connects();
  await answerWith(peer, text("first"), text("second"));
  const messages = (await connecting)[Symbol.asyncIterator]();
  assertEquals([(await messages.next()).value, (await messages.next()).value], ["first", "second"]);
  (await connecting).abort();
});

Deno.test("header fields, subprotocols and credentials are sent with the request, and data is kept on the connection", async () => {
  const { connecting, peer } = connects(
    { headers: { Cookie: "a=1", Host: "other.example" }, protocols: ["a", "b"], data: { id: 7 } },
    "ws://user:secret@example.com/",
  );
  const request = await peer.answer("Sec-WebSocket-Protocol: b");
  for (
    const line of [
      "cookie: a=1",
      "host: other.example",
      "sec-websocket-protocol: a, b",
      `authorization: basic ${btoa("user:secret").toLowerCase()}`,
    ]
  ) {
    assertStringIncludes(request.toLowerCase(), `\r\n${line}\r\n`);
  }
  const socket = await connecting;
  assertEquals([socket.protocol, socket.data?.id], ["b", 7]);
  socket.abort();
});

Deno.test("credentials in the URL are sent as UTF-8, are never shown, and yield to an Authorization header that is given", async () => {
  const url = "ws://us%C3%A9r:p%3Ass@example.com/chat";
  const { connecting, peer } = connects({}, url);
  const credentials = btoa(String.fromCharCode(...utf8("usér:p:ss")));
  assertStringIncludes(await peer.answer(), `\r\nAuthorization: Basic ${credentials}\r\n`);
  const socket = await connecting;
  assertEquals(socket.url, "ws://example.com/chat");
  socket.abort();

  const own = connects({ headers: { Authorization: "Bearer 7" } }, url);
  const request = await own.peer.answer();
  assertStringIncludes(request, "\r\nauthorization: Bearer 7\r\n");
  assertEquals(request.includes("Basic"), false);
  (await own.connecting).abort();
});

Deno.test("one subprotocol may be given as a string, and the handshake fails if the server chooses none", async () => {
  const { connecting, peer } = connects({ protocols: "chat" });
  assertStringIncludes(await peer.answer("Sec-WebSocket-Protocol: chat"), "\r\nSec-WebSocket-Protocol: chat\r\n");
  const socket = await connecting;
  assertEquals(socket.protocol, "chat");
  socket.abort();

  const none = connects({ protocols: "chat" });
  await none.peer.answer();
  await assertRejects(() => none.connecting, HandshakeError, "none of the requested subprotocols");
});

const BAD_ANSWERS: [what: string, answer: (accept: string) => string, message: string][] = [
  ["no Sec-WebSocket-Accept", () => "", "Header Sec-WebSocket-Accept is missing"],
  ["a wrong Sec-WebSocket-Accept", () => "Sec-WebSocket-Accept: AAAA\r\n", "Header Sec-WebSocket-Accept is"],
  [
    "a subprotocol that was not requested",
    (accept) => `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: z\r\n`,
    "z",
  ],
  [
    "an extension that was not offered",
    (accept) => `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Extensions: permessage-deflate\r\n`,
    "permessage-deflate",
  ],
];
for (const [what, fields, message] of BAD_ANSWERS) {
  Deno.test(`§4.1: a 101 with ${what} fails the handshake, and closes the connection`, async () => {
    const { connecting, peer, conn } = connects();
    const request = await peer.readHead();
    const key = /^Sec-WebSocket-Key: (.*)$/m.exec(request)?.[1] ?? "";
    const digest = await crypto.subtle.digest("SHA-1", utf8(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`));
    const accept = btoa(String.fromCharCode(...new Uint8Array(digest)));
    await peer.send(
      utf8(`HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${fields(accept)}X-A: 1\r\n\r\n`),
    );
    const error = await assertRejects(() => connecting, HandshakeError, message);
    assertEquals([error.status, error.headers.get("x-a"), conn.closes], [101, "1", 1]);
  });
}

Deno.test("a response other than 101 is a HandshakeError with its status, header fields and body", async () => {
  const connecting = connects();
  const error = await refused(
    connecting,
    "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 5\r\n\r\nno\r\nxbehind",
  );
  assertEquals(error.message, "Server answered 401, not 101");
  assertEquals([error.status, error.headers.get("www-authenticate")], [401, "Basic"]);
  assertEquals(error.body, utf8("no\r\nx"));
  assertEquals(connecting.conn.closes, 1);
});

Deno.test("redirects are not followed by default: the caller reads the Location", async () => {
  const answer = "HTTP/1.1 302 Found\r\nLocation: ws://other/\r\nContent-Length: 0\r\n\r\n";
  const given = await refused(connects({ maxRedirects: 5 }), answer); // There is one connection of one's own.
  assertEquals(given.message, "Server answered 302, not 101");
  const error = await refused(connects(), answer);
  assertEquals([error.status, error.headers.get("location"), error.body?.length], [302, "ws://other/", 0]);
});

Deno.test("a response that is not HTTP is a HandshakeError with status 0", async () => {
  const { connecting, peer } = connects();
  await peer.send(utf8("220 mail.example ESMTP\r\n"));
  assertEquals((await assertRejects(() => connecting, HandshakeError)).status, 0);
});

Deno.test("a response larger than maxHeaderBytes is a HandshakeError", async () => {
  const { connecting, peer } = connects({ maxHeaderBytes: 200 });
  await peer.send(utf8(`HTTP/1.1 101 X\r\nX-A: ${"x".repeat(300)}\r\n`));
  await assertRejects(() => connecting, HandshakeError, "200 bytes");
});

Deno.test("a port without a listener is a ConnectionError with its cause", async () => {
  const listener = listen();
  const { port } = listener.addr;
  listener.close();
  const error = await assertRejects(() => connect(`ws://127.0.0.1:${port}`), ConnectionError, `127.0.0.1:${port}`);
  assertInstanceOf(error.cause, Deno.errors.ConnectionRefused);
  await assertRejects(() => connect(`wss://127.0.0.1:${port}`), ConnectionError, `127.0.0.1:${port}`);
});

Deno.test("a socket path without a listener is a ConnectionError that names the path", async () => {
  await assertRejects(() => connect(URL_HERE, { path: "/nowhere/socket" }), ConnectionError, "to /nowhere/socket");
});

Deno.test("an address in brackets is dialled without them", async () => {
  const listener = Deno.listen({ hostname: "::1", port: 0 });
  const { port } = listener.addr;
  const [conn] = await Promise.all([
    listener.accept(),
    assertRejects(() => connect(`ws://[::1]:${port}/`, { handshakeTimeout: 50 }), ConnectionError, "more than 50 ms"),
  ]);
  conn.close();
  listener.close();
});

Deno.test("a missing permission is reported as it is: it is not a network error", async () => {
  const code = `
    import { connect } from ${JSON.stringify(new URL("../../lib/client/connect.ts", import.meta.url).href)};
    const error = await connect("ws://127.0.0.1:9").catch((error) => error);
    console.log(error instanceof Deno.errors.NotCapable);
  `;
  const module = `data:application/typescript;base64,${btoa(code)}`;
  assertEquals(await runDeno(["run", "--no-prompt", "--no-check", module]), "true\n");
});

Deno.test("a server that disconnects during the handshake is a ConnectionError", async () => {
  const ended = connects();
  await ended.peer.send(utf8("HTTP/1.1 101"));
  await ended.peer.closeWrite();
  await assertRejects(() => ended.connecting, ConnectionError, "ended before the end of the handshake");
  assertEquals(ended.conn.closes, 1);

  const reset = connects();
  await reset.peer.readHead();
  reset.conn.reset();
  const error = await assertRejects(() => reset.connecting, ConnectionError);
  assertInstanceOf(error.cause, Deno.errors.ConnectionReset);
  assertEquals(reset.conn.closes, 1);
});

Deno.test("handshakeTimeout is absolute: received bytes do not extend it", async () => {
  using time = new FakeTime();
  const { connecting, peer, conn } = connects({ handshakeTimeout: 1_000 });
  for (const byte of utf8("HTTP/1.1 101 Switch")) {
    await peer.send(Uint8Array.of(byte));
    await time.advance(50);
  }
  assertEquals(conn.closes, 0);
  await time.advance(50);
  await assertRejects(() => connecting, ConnectionError, "The handshake took more than 1000 ms");
  assertEquals([conn.closes, time.timers], [1, 0]);
});

Deno.test("a signal aborts with its reason, before and during the handshake", async () => {
  const reason = new Error("enough");
  const before = connects({ signal: AbortSignal.abort(reason) });
  assertStrictEquals(await assertRejects(() => before.connecting), reason);
  assertEquals(before.conn.closes, 1);

  const controller = new AbortController();
  const during = connects({ signal: controller.signal });
  await during.peer.readHead();
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => during.connecting), reason);
  assertEquals(during.conn.closes, 1);
});

Deno.test("a signal aborts while dialling", async () => {
  using listener = listen();
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  const connecting = connect(`ws://127.0.0.1:${listener.addr.port}`, { signal });
  assertStrictEquals(await assertRejects(() => connecting), reason);
  await settle(); // a connection that is left would fail this test
});

Deno.test("a connection that opens while the handshake is given up is dropped, although its messages are never read", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  let opened: WebSocketConnection | undefined;
  const observer: Observer = {
    opened(socket) {
      opened = socket;
      controller.abort(reason); // before `connect` resolves
    },
  };
  const { connecting, peer, conn } = connects({ signal: controller.signal, observer, highWaterMark: 1 });
  // A message that is not read stops the read loop, which would otherwise notice the end of the transport.
  await answerWith(peer, text("hello"));
  assertStrictEquals(await assertRejects(() => connecting), reason);
  assert(opened);
  assertStrictEquals((await soon(opened.closed, "The end")).error, reason);
  assertEquals(conn.closes, 1);
});

Deno.test("a signal does nothing once the connection is open", async () => {
  const controller = new AbortController();
  const { connecting, peer } = connects({ signal: controller.signal });
  await peer.answer();
  const socket = await connecting;
  controller.abort();
  assertEquals(socket.readyState, 1);
  socket.abort();
});

Deno.test("TLS trusts a certificate that is given; without it a ConnectionError says why", async () => {
  const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const url = `wss://127.0.0.1:${listener.addr.port}/`;
  const [peer, socket] = await Promise.all([
    listener.accept().then(async (conn) => {
      const peer = new RawPeer(conn, "server");
      await peer.answer();
      return peer;
    }),
    connect(url, { caCerts: [cert] }),
  ]);
  assertEquals(socket.url, url);
  await socket.send("secret");
  await peer.expect(text("secret"));
  await peer.send(close(1000));
  await peer.expect(close(1000));
  await peer.closeWrite();
  assertEquals((await soon(socket.closed, "The end")).wasClean, true);
  peer.close();

  const [error, conn] = await Promise.all([assertRejects(() => connect(url), ConnectionError), listener.accept()]);
  assertStringIncludes(String(error.cause), "self-signed certificate");
  conn.close();
  listener.close();
});

Deno.test({
  ...unless(NO_UNIX_SOCKETS, "connect dials a Unix socket by its path; the URL still gives host and resource"),
  async fn() {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/socket`;
    using listener = Deno.listen({ transport: "unix", path });
    const connecting = connect("ws://example.com/chat", { path });
    using peer = new RawPeer(await listener.accept(), "server");
    assertStringIncludes(await peer.answer(), "GET /chat HTTP/1.1\r\nHost: example.com\r\n");
    const socket = await connecting;
    assertEquals(socket.remoteAddr, { transport: "unix", path });
    socket.abort();
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test("invalid arguments throw before anything is dialled", async () => {
  for (const url of ["chat", "ftp://example.com/", "ws://example.com/#part"]) {
    assertEquals((await assertRejects(() => connect(url), DOMException)).name, "SyntaxError");
  }
  assertEquals(
    (await assertRejects(() => connect(URL_HERE, { protocols: ["a", "a"] }), DOMException)).name,
    "SyntaxError",
  );
  await assertRejects(() => connect(URL_HERE, { headers: { Upgrade: "h2c" } }), TypeError);
  await assertRejects(() => connect(URL_HERE, { maxMessageBytes: -1 }), RangeError);
  await assertRejects(() => connect(URL_HERE, { maxRedirects: -1 }), RangeError);
  await assertRejects(() => connect(URL_HERE, { cert }), TypeError, "cert without key");
  await assertRejects(() => connect(URL_HERE, { key }), TypeError, "key without cert");
  await assertRejects(() => connect(URL_HERE, { proxy: "ftp://a.test" }), DOMException, "Cannot use proxy");
  await assertRejects(() => connect(URL_HERE, { proxy: "http://a.test", path: "/a" }), TypeError, "Unix socket");
});
