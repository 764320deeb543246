import { assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { parseProxy, type ProxyOptions } from "../../../lib/client/proxy/proxy.ts";
import { connectRequest, openTunnel } from "../../../lib/client/proxy/tunnel.ts";
import { ConnectionError, HandshakeError } from "../../../lib/errors.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../lib/limits.ts";
import { utf8 } from "../../_support/frames.ts";
import { connPair, type MemoryConn } from "../../_support/pair.ts";
import { RawPeer } from "../../_support/raw_peer.ts";
import { soon } from "../../_support/wait.ts";

const TO = { hostname: "a.test", port: 8080 };

/** Starts to open a tunnel in memory. */
function opens(given: string | ProxyOptions, limits: Partial<Limits> = {}): {
  opening: Promise<void>;
  peer: RawPeer;
  conn: MemoryConn;
} {
  const [conn, far] = connPair();
  const opening = soon(openTunnel(conn, parseProxy(given), TO, { ...DEFAULT_LIMITS, ...limits }), "The tunnel");
  opening.catch(() => {}); // looked at later
  return { opening, peer: new RawPeer(far, "server"), conn };
}

const requestOf = (given: string | ProxyOptions, to = TO) =>
  new TextDecoder().decode(connectRequest(parseProxy(given), to));

Deno.test("RFC 9110 §9.3.6: CONNECT always names host and port, and reveals nothing of the request to the server", () => {
  assertEquals(requestOf("http://p.test"), "CONNECT a.test:8080 HTTP/1.1\r\nHost: a.test:8080\r\n\r\n");
  assertStringIncludes(requestOf("http://p.test", { hostname: "::1", port: 80 }), "CONNECT [::1]:80 HTTP/1.1\r\n");
});

Deno.test("a proxy's credentials are sent as Proxy-Authorization in UTF-8, unless that header field is given", () => {
  const url = "http://us%C3%A9r:secret@p.test";
  const credentials = btoa(String.fromCharCode(...utf8("usér:secret")));
  assertStringIncludes(requestOf(url), `\r\nProxy-Authorization: Basic ${credentials}\r\n`);
  const own = requestOf({ url, headers: { "Proxy-Authorization": "Bearer 7", "X-Tenant": "8", Host: "b.test" } });
  assertEquals(
    own,
    "CONNECT a.test:8080 HTTP/1.1\r\nHost: b.test\r\nproxy-authorization: Bearer 7\r\nx-tenant: 8\r\n\r\n",
  );
});

for (const status of [200, 201, 299]) {
  Deno.test(`any 2xx opens the tunnel, also ${status}, whatever length it declares`, async () => {
    const { opening, peer, conn } = opens("http://p.test");
    await peer.readHead();
    await peer.send(utf8(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 ${status}\r\nContent-Length: 100\r\n\r\n`));
    await opening;
    assertEquals(conn.closes, 0);
    await conn.write(utf8("through"));
    assertEquals(await peer.readBytes(7), utf8("through"));
  });
}

Deno.test("a proxy that refuses is a HandshakeError with its status, fields and bounded body", async () => {
  const { opening, peer } = opens("http://user:secret@p.test:3128", { maxErrorBodyBytes: 4 });
  await peer.readHead();
  await peer.send(utf8("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 9\r\n\r\ndenied..."));
  const error = await assertRejects(() => opening, HandshakeError);
  assertEquals(
    error.message,
    "Cannot connect to a.test:8080 through http://p.test:3128/: Proxy answered 407, not 2xx",
  );
  assertEquals([error.status, error.headers.get("proxy-authenticate"), error.body], [407, "Basic", utf8("deni")]);
});

const BAD_ANSWERS: [what: string, answer: string, name: string, words: string][] = [
  ["101", "HTTP/1.1 101 Switching Protocols\r\n\r\n", "HandshakeError", "Proxy answered 101, not 2xx"],
  ["a redirect", "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "HandshakeError", "answered 302"],
  ["what is not HTTP", "220 mail.test ESMTP\r\n", "HandshakeError", "Status line"],
  [
    "bytes behind its head",
    "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101",
    "ConnectionError",
    "sent 12 bytes behind its answer",
  ],
  ["a head over maxHeaderBytes", `HTTP/1.1 200 OK\r\nA: ${"x".repeat(300)}\r\n`, "HandshakeError", "200 bytes"],
  ["half a head", "HTTP/1.1 200 OK\r\nA: b", "ConnectionError", "ended before the end of the handshake"],
];
for (const [what, answer, name, words] of BAD_ANSWERS) {
  Deno.test(`a proxy that answers CONNECT with ${what} opens no tunnel`, async () => {
    const { opening, peer } = opens("http://p.test", { maxHeaderBytes: 200 });
    await peer.readHead();
    await peer.send(utf8(answer));
    await peer.closeWrite();
    const error = await assertRejects(() => opening, Error);
    assertEquals(error.name, name);
    assertStringIncludes(error.message, "Cannot connect to a.test:8080 through http://p.test/: ");
    assertStringIncludes(error.message, words);
  });
}

Deno.test("SOCKS5: the proxy resolves the name, and gets the credentials when it asks", async () => {
  const { opening, peer, conn } = opens("socks5h://us%C3%A9r:secret@p.test");
  assertEquals(await peer.readBytes(4), Uint8Array.of(5, 2, 0, 2));
  await peer.send("05 02");
  assertEquals(await peer.readBytes(14), Uint8Array.of(1, 5, ...utf8("usér"), 6, ...utf8("secret")));
  await peer.send("01 00");
  assertEquals(await peer.readBytes(13), Uint8Array.of(5, 1, 0, 3, 6, ...utf8("a.test"), 0x1f, 0x90));
  await peer.send("05 00 00 01 00000000 0000");
  await opening;
  await conn.write(utf8("through"));
  assertEquals(await peer.readBytes(7), utf8("through"));
});

const SOCKS_FAULTS: [what: string, answers: string, words: string][] = [
  ["refuses", "0500 05020001 00000000 0000", "SOCKS proxy answered 2: connection not allowed"],
  ["wants credentials", "05ff", "SOCKS proxy takes no client with no credentials"],
  ["sends more than its answers", "0500 05000001 00000000 0000 ca", "Proxy sent 1 bytes behind its answer"],
  ["goes away", "0500", "ended before the end of the handshake"],
];
for (const [what, answers, words] of SOCKS_FAULTS) {
  Deno.test(`a SOCKS proxy that ${what} is a ConnectionError`, async () => {
    const { opening, peer } = opens("socks5://p.test");
    await peer.send(answers);
    await peer.closeWrite();
    const { message } = await assertRejects(() => opening, ConnectionError);
    assertStringIncludes(message, "Cannot connect to a.test:8080 through socks5://p.test: ");
    assertStringIncludes(message, words);
  });
}

Deno.test("a proxy's connection that is reset is a ConnectionError with its cause", async () => {
  const { opening, peer, conn } = opens("socks5://p.test");
  await peer.readBytes(3);
  conn.reset();
  assertInstanceOf((await assertRejects(() => opening, ConnectionError)).cause, Deno.errors.ConnectionReset);
});
