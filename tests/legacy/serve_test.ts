import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { legacyDrafts } from "../../lib/legacy/legacy_drafts.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { serve } from "../../lib/server/serve.ts";
import type { ServeOptions } from "../../lib/server/server_options.ts";
import { utf8 } from "../_support/frames.ts";
import { close, RawPeer, requestText, text } from "../_support/raw_peer.ts";
import { settle, until } from "../_support/wait.ts";
import { bytesOf } from "../handshake/_support.ts";
import { ECHOES, expectMessage, leave, message, start } from "./_server.ts";
import { delimited, EXCHANGES, expectBytes, KEY3, shakeHands, VERSIONS } from "./_support.ts";
import { ORIGIN_REFUSED, overlook } from "../_support/printed.ts";

overlook(ORIGIN_REFUSED);

for (const [what, echo] of Object.entries(ECHOES)) {
  for (const version of VERSIONS) {
    Deno.test(`${version}: the documents' handshake, messages and the end, byte by byte, with ${what}`, async () => {
      const { server, port, reports } = start(echo);
      const peer = await RawPeer.dial(port);
      await shakeHands(peer, version);
      for (const content of ["Hello", "", "é€𐍈\0", "x".repeat(100_000)]) {
        await peer.send(message(version, content));
        await expectMessage(peer, version, content);
      }
      await leave(peer, version);
      await until(() => server.connections.size === 0, "The end");
      await server.shutdown();
      assertEquals(reports, []);
    });
  }

  Deno.test(`clients of RFC 6455 and of every draft talk to ${what} on one port at the same time`, async () => {
    const { server, port } = start(echo);
    const socket = await connect(server.url, { protocols: ["sample"] });
    const replies = socket[Symbol.asyncIterator]();
    const peers = await Promise.all(VERSIONS.map(async (version) => {
      const peer = await RawPeer.dial(port);
      await shakeHands(peer, version);
      return { peer, version };
    }));
    for (const content of ["one", "two"]) {
      await socket.send(content);
      await socket.send(Uint8Array.of(0, 255));
      for (const { peer, version } of peers) await peer.send(message(version, content));
      for (const { peer, version } of peers) await expectMessage(peer, version, content);
      assertEquals([(await replies.next()).value, (await replies.next()).value], [content, Uint8Array.of(0, 255)]);
    }
    await socket.ping();
    assertEquals((await socket.close(4321, "bye")).closeCode, 4321);
    for (const { peer, version } of peers) await leave(peer, version);
    await server.shutdown();
  });
}

Deno.test("X8: frames in the same read as the head and the eight bytes are messages", async () => {
  const { server, port } = start();
  const peer = await RawPeer.dial(port);
  const { request, answer } = EXCHANGES["hixie-76"];
  await peer.send(bytesOf(request), delimited("one"), delimited("two"), "00 74 68");
  await expectBytes(peer, answer);
  await peer.send("72 65 65 ff");
  for (const content of ["one", "two", "three"]) await expectBytes(peer, delimited(content));
  await leave(peer, "hixie-76");
  await server.shutdown();
});

Deno.test("X8: a hixie-76 request may arrive byte by byte, also its last eight bytes, and the last one with a frame", async () => {
  const { server, port } = start();
  const peer = await RawPeer.dial(port);
  const { request, answer } = EXCHANGES["hixie-76"];
  const bytes = bytesOf(request);
  for (const byte of bytes.subarray(0, -1)) {
    await peer.send(Uint8Array.of(byte));
    await settle();
  }
  assertEquals(server.connections.size, 0, "the handshake waits for its last byte");
  await peer.send(bytes.subarray(-1), delimited("one"));
  await expectBytes(peer, answer);
  await expectBytes(peer, delimited("one"));
  await leave(peer, "hixie-76");
  await server.shutdown();
});

Deno.test("messages are routed between clients of every protocol, each in its own frames, and to some clients only", async () => {
  const rooms = new Map<string, Set<WebSocketConnection>>();
  const { server, port } = start({
    open(socket) {
      const room = new URL(socket.url).pathname;
      rooms.set(room, (rooms.get(room) ?? new Set()).add(socket));
    },
    message(socket, data) {
      for (const other of rooms.get(new URL(socket.url).pathname) ?? []) if (other !== socket) void other.send(data);
    },
    close: (socket) => void rooms.get(new URL(socket.url).pathname)?.delete(socket),
  });
  const peers = await Promise.all(VERSIONS.map(async (version) => {
    const peer = await RawPeer.dial(port);
    await shakeHands(peer, version);
    return { peer, version };
  }));
  const elsewhere = await connect(`${server.url}/elsewhere`);
  const here = await connect(`${server.url}/demo`);
  const heard = here[Symbol.asyncIterator]();
  for (const { peer: sender, version } of peers) {
    await sender.send(message(version, `from ${version}`));
    for (const { peer, version: other } of peers) {
      if (peer !== sender) await expectMessage(peer, other, `from ${version}`);
    }
    assertEquals((await heard.next()).value, `from ${version}`);
  }
  await here.send("from 13");
  for (const { peer, version } of peers) await expectMessage(peer, version, "from 13");
  await elsewhere.close();
  assertEquals(await Array.fromAsync(elsewhere), []);
  for (const { peer, version } of peers) await leave(peer, version);
  await here.close();
  await server.shutdown();
});

const OFF: Record<string, ServeOptions> = {
  "no drafts": { legacy: legacyDrafts({ hixie76: false, hybi: false }) },
  "nothing about them": {},
};
for (const [what, options] of Object.entries(OFF)) {
  for (const version of VERSIONS) {
    Deno.test(`X11: ${version}: if a server's options have ${what}, the request gets 426 and the end, and no 101`, async () => {
      const server = serve({ hostname: "127.0.0.1", port: 0, ...options }, ECHOES["callbacks"]!);
      assert(server.addr.transport === "tcp");
      const peer = await RawPeer.dial(server.addr.port);
      await peer.send(bytesOf(EXCHANGES[version].request), delimited("Hello"));
      const answer = await peer.readText();
      assert(answer.startsWith("HTTP/1.1 426 Upgrade Required\r\n"), answer);
      assertStringIncludes(answer.toLowerCase(), "\r\nsec-websocket-version: 13\r\n");
      assert(!answer.includes("\x00"));
      peer.close();
      await server.shutdown();
    });
  }
}

Deno.test("X11, X12: hixie-75 stays off until it is enabled by name", async () => {
  const { server, port } = start(undefined, { legacy: legacyDrafts() });
  const peer = await RawPeer.dial(port);
  await peer.send(bytesOf(EXCHANGES["hixie-75"].request));
  assertStringIncludes(await peer.readText(), "426 Upgrade Required");
  peer.close();
  await server.shutdown();
});

for (const version of VERSIONS) {
  Deno.test(`H14: ${version}: a refused origin gets 403 and the end`, async () => {
    const { server, port } = start(undefined, { origins: ["https://example.org"] });
    const byDefault = start();
    const { request } = EXCHANGES[version];
    for (
      const [at, asked] of [
        [port, request],
        [byDefault.port, request.replace("http://example.com", "http://evil.example")],
      ] as const
    ) {
      const peer = await RawPeer.dial(at);
      await peer.send(bytesOf(asked));
      const answer = await peer.readText();
      assert(answer.startsWith("HTTP/1.1 403 Forbidden\r\n"), answer);
      peer.close();
    }
    await server.shutdown();
    await byDefault.server.shutdown();
  });

  Deno.test(`${version}: upgrade sees the request and its version, and may refuse it`, async () => {
    const seen: unknown[] = [];
    const { server, port } = start({
      open: (socket) => void socket.send(String(socket.data)),
    }, {
      upgrade(request, { extensions }) {
        seen.push([request.version, request.path, request.origin, request.key, extensions.length]);
        if (seen.length > 1) return new Response("no", { status: 410 });
        return { headers: { "X-Answer": "1" }, data: `data for ${request.version}` };
      },
      perMessageDeflate: true,
    });
    const peer = await RawPeer.dial(port);
    await peer.send(bytesOf(EXCHANGES[version].request));
    const head = await peer.readHead();
    assertStringIncludes(head.toLowerCase(), "\r\nx-answer: 1\r\n");
    assert(!head.toLowerCase().includes("extensions"));
    if (version === "hixie-76") await expectBytes(peer, "8jKS'y:G*Co,Wxa-");
    await expectMessage(peer, version, `data for ${version}`);
    const refused = await RawPeer.dial(port);
    await refused.send(bytesOf(EXCHANGES[version].request));
    assertStringIncludes(await refused.readText(), "410 Gone");
    refused.close();
    const key = typeof version === "string" ? "" : "dGhlIHNhbXBsZSBub25jZQ==";
    assertEquals(seen, Array(2).fill([version, "/demo", "http://example.com", key, 0]));
    await leave(peer, version);
    await server.shutdown();
  });
}

Deno.test("ordinary requests on the same port still go to http", async () => {
  const { server, port } = start(undefined, { http: () => new Response("a page") });
  assertEquals(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "a page");
  const peer = await RawPeer.dial(port);
  await shakeHands(peer, "hixie-76");
  await leave(peer, "hixie-76");
  await server.shutdown();
});

Deno.test("an RFC 6455 request with hixie's keys is handled as RFC 6455's", async () => {
  const { server, port } = start();
  const peer = await RawPeer.dial(port);
  await peer.ask(requestText({ "Sec-WebSocket-Key1": "1 2", "Sec-WebSocket-Key2": "1 2" }));
  await peer.send(text(KEY3), "81 80 00000000");
  await peer.expect(text(KEY3), text(""));
  await peer.send(utf8(""), close(1000));
  await peer.expect(close(1000));
  await peer.expectEnd();
  peer.close();
  await server.shutdown();
});
