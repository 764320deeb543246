import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { LegacyVersion } from "../../lib/handshake/server_handshake.ts";
import { legacyDrafts } from "../../lib/legacy/legacy_drafts.ts";
import type { WebSocketHandler } from "../../lib/pipeline/sockets/handler.ts";
import type { CloseInfo, WebSocketConnection } from "../../lib/pipeline/sockets/websocket_connection.ts";
import { serve, type ServeOptions, type WebSocketServer } from "../../lib/server/serve.ts";
import { utf8 } from "../_support/frames.ts";
import { close, RawPeer, requestText, text } from "../_support/raw_peer.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { bytesOf } from "../handshake/_support.ts";
import { delimited, EXCHANGES, expectBytes, KEY3, shakeHands, VERSIONS } from "./_support.ts";

/** The closing handshake of hixie-76. */
const CLOSING = Uint8Array.of(0xff, 0x00);

/** The two ways to write an echo. */
const ECHOES: Record<string, WebSocketHandler> = {
  "a function": async (socket) => {
    for await (const message of socket) await socket.send(message);
  },
  "callbacks": { message: (socket, data) => void socket.send(data) },
};

interface Started {
  server: WebSocketServer;
  port: number;
  reports: unknown[];
}

/** A server of every draft on a free port of the loopback interface. What it reports is kept. */
function start(handler: WebSocketHandler = ECHOES["callbacks"]!, options: ServeOptions = {}): Started {
  const reports: unknown[] = [];
  const server = serve({
    hostname: "127.0.0.1",
    port: 0,
    protocols: ["sample"],
    legacy: legacyDrafts({ hixie75: true }),
    onError: (error) => void reports.push(error),
    ...options,
  }, handler);
  assert(server.addr.transport === "tcp");
  return { server, port: server.addr.port, reports };
}

/** A message as a client of a draft sends it, and as the server does. */
const message = (version: LegacyVersion, content: string) =>
  typeof version === "string" ? delimited(content) : text(content);

/** Reads one message as a client of a draft. */
async function expectMessage(peer: RawPeer, version: LegacyVersion, content: string): Promise<void> {
  if (typeof version === "string") await expectBytes(peer, delimited(content));
  else await peer.expect(text(content));
}

/** Ends a connection as a client of a draft does, and waits for the server's end. */
async function leave(peer: RawPeer, version: LegacyVersion): Promise<void> {
  if (version === "hixie-75") {
    await peer.closeWrite();
  } else if (version === "hixie-76") {
    await peer.send(CLOSING);
    await expectBytes(peer, CLOSING);
  } else {
    await peer.send(close(1000));
    await peer.expect(close(1000));
  }
  await peer.expectEnd();
  peer.close();
}

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

Deno.test("X8: frames in the same read as the head and the eight bytes behind it are messages", async () => {
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

Deno.test("X8: a request of hixie-76 may come a byte at a time, its last eight bytes too, and the last one with a frame", async () => {
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
    Deno.test(`X11: ${version}: where a server's options have ${what}, the request gets 426 and the end, and no 101`, async () => {
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

Deno.test("X11, X12: hixie-75 stays off until it is asked for by name", async () => {
  const { server, port } = start(undefined, { legacy: legacyDrafts() });
  const peer = await RawPeer.dial(port);
  await peer.send(bytesOf(EXCHANGES["hixie-75"].request));
  assertStringIncludes(await peer.readText(), "426 Upgrade Required");
  peer.close();
  await server.shutdown();
});

for (const version of VERSIONS) {
  Deno.test(`H14: ${version}: an origin that may not connect gets 403 and the end`, async () => {
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

Deno.test("an extension that a hook puts into a hixie connection is our mistake: 500, and it is reported", async () => {
  const { server, port, reports } = start(undefined, {
    upgrade(_, { extensions }) {
      extensions.push({
        name: "x",
        params: [],
        open: () => ({ decode: { push() {} }, encode: { push() {} } }),
      });
    },
  });
  const peer = await RawPeer.dial(port);
  await peer.send(bytesOf(EXCHANGES["hixie-76"].request));
  assertStringIncludes(await peer.readText(), "500 Internal Server Error");
  peer.close();
  await server.shutdown();
  assertEquals(reports.map(String), ['TypeError: Cannot accept extension "x": hixie-76 has none']);
});

Deno.test("X7: a key without spaces is refused with 400 before anything else, and the connection ends", async () => {
  const { server, port } = start();
  const peer = await RawPeer.dial(port);
  await peer.send(bytesOf(EXCHANGES["hixie-76"].request.replace("12998 5 Y3 1  .P00", "12998")));
  const answer = await peer.readText();
  assert(answer.startsWith("HTTP/1.1 400 Bad Request\r\n"), answer);
  assertStringIncludes(answer, "no space");
  peer.close();
  await server.shutdown();
});

Deno.test("ordinary requests on the same port still go to http", async () => {
  const { server, port } = start(undefined, { http: () => new Response("a page") });
  assertEquals(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "a page");
  const peer = await RawPeer.dial(port);
  await shakeHands(peer, "hixie-76");
  await leave(peer, "hixie-76");
  await server.shutdown();
});

for (const version of ["hixie-75", "hixie-76"] as const) {
  Deno.test(`X9, X10: ${version}: binary data and pings are the application's mistake and send nothing; surrogates become U+FFFD`, async () => {
    const { server, port, reports } = start(async (socket) => {
      for await (const _ of socket) {
        assertThrows(() => socket.send(Uint8Array.of(1)), TypeError, `${version} has whole text messages only`);
        assertEquals(assertThrows(() => socket.ping(), DOMException).name, "InvalidStateError");
        assertEquals(socket.bufferedAmount, 0);
        await socket.send("a\ud800b\u00ff");
      }
    });
    const peer = await RawPeer.dial(port);
    await shakeHands(peer, version);
    await peer.send(delimited("go"));
    await expectBytes(peer, Uint8Array.of(0x00, 0x61, 0xef, 0xbf, 0xbd, 0x62, 0xc3, 0xbf, 0xff));
    await leave(peer, version);
    await server.shutdown();
    assertEquals(reports, []);
  });

  Deno.test(`${version}: messages() gives each message as one chunk, and a source cannot be sent`, async () => {
    const { server, port, reports } = start(async (socket) => {
      for await (const { readable } of socket.messages()) {
        assertThrows(() => void socket.send(ReadableStream.from(["a"])), TypeError, "Cannot send from a source");
        for await (const chunk of readable) await socket.send(chunk);
      }
    });
    const peer = await RawPeer.dial(port);
    await shakeHands(peer, version);
    await peer.send(delimited("one"), delimited(""), delimited("two"));
    await expectBytes(peer, delimited("one"));
    await expectBytes(peer, delimited("two"));
    await leave(peer, version);
    await server.shutdown();
    assertEquals(reports, []);
  });

  Deno.test(`X9: ${version}: a handler that does not catch its mistake is reported, and the connection ends`, async () => {
    const { server, port, reports } = start({ message: (socket) => void socket.send(Uint8Array.of(1)) });
    const peer = await RawPeer.dial(port);
    await shakeHands(peer, version);
    await peer.send(delimited("go"));
    if (version === "hixie-76") await expectBytes(peer, CLOSING);
    await peer.expectEnd();
    peer.close();
    await server.shutdown();
    assertEquals(reports.map(String), [`TypeError: Cannot send opcode 2: ${version} has whole text messages only`]);
  });

  Deno.test(`X2, X4, X5: ${version}: what is to be discarded is, bad UTF-8 becomes U+FFFD, and the connection goes on`, async () => {
    const { server, port } = start();
    const peer = await RawPeer.dial(port);
    await shakeHands(peer, version);
    await peer.send("80 03 ff 00 ff", "01 61 62 ff", "00 80 81 ff", delimited("after"));
    await expectBytes(peer, delimited("\ufffd\ufffd"));
    await expectBytes(peer, delimited("after"));
    await leave(peer, version);
    await server.shutdown();
  });

  const ends: [title: string, bytes: Uint8Array, most: number][] = [
    ["X1: length octets that add up", Uint8Array.from([0x80, ...Array(8).fill(0xff)]), Infinity],
    ["X1: length octets that add up to nothing", Uint8Array.from([0x80, ...Array(8).fill(0x80)]), Infinity],
    ["X3: text without end", new Uint8Array(1_001).fill(0x61).with(0, 0x00), 999],
  ];
  for (const [title, bytes, maxMessageBytes] of ends) {
    Deno.test(`${title} end the connection, and no other (${version})`, async () => {
      const infos: CloseInfo[] = [];
      const { server, port, reports } = start({
        message: (socket, data) => void socket.send(data),
        close: (_, info) => void infos.push(info),
      }, maxMessageBytes === Infinity ? {} : { maxMessageBytes });
      const [bad, good] = [await RawPeer.dial(port), await RawPeer.dial(port)];
      await shakeHands(bad, version);
      await shakeHands(good, version);
      await bad.send(bytes);
      if (version === "hixie-76") await expectBytes(bad, CLOSING);
      await bad.expectEnd();
      bad.close();
      await until(() => infos.length === 1, "The end of the bad one");
      assertEquals([infos[0]!.closeCode, infos[0]!.wasClean], [1006, false]);
      await good.send(delimited("Hello"));
      await expectBytes(good, delimited("Hello"));
      await leave(good, version);
      await server.shutdown();
      assertEquals(reports, []);
    });
  }

  Deno.test(`${version}: a shutdown sends what is queued, closes the connection, and is over when the client has closed too`, async () => {
    const infos: CloseInfo[] = [];
    const { server, port } = start({
      open: (socket) => void socket.send("welcome"),
      close: (_, info) => void infos.push(info),
    });
    const peer = await RawPeer.dial(port);
    await shakeHands(peer, version);
    await expectBytes(peer, delimited("welcome"));
    for (const socket of server.connections) void socket.send("last");
    const stopped = server.shutdown();
    await expectBytes(peer, delimited("last"));
    if (version === "hixie-76") {
      await expectBytes(peer, CLOSING);
      await peer.send(CLOSING);
    }
    await peer.expectEnd();
    peer.close();
    await soon(stopped, "The shutdown");
    assertEquals(infos, [{ closeCode: 1005, reason: "", wasClean: true }]);
  });
}

Deno.test("X6: hixie-76: FF 00 is answered with FF 00 after the answers to the messages before it, and then the end", async () => {
  const { server, port } = start();
  const peer = await RawPeer.dial(port);
  await shakeHands(peer, "hixie-76");
  await peer.send(delimited("one"), delimited("two"), CLOSING, delimited("too late"));
  for (const bytes of [delimited("one"), delimited("two"), CLOSING]) await expectBytes(peer, bytes);
  await peer.expectEnd();
  peer.close();
  await server.shutdown();
});

Deno.test("X6: hixie-75: FF 00 says nothing, and the connection goes on", async () => {
  const { server, port } = start();
  const peer = await RawPeer.dial(port);
  await shakeHands(peer, "hixie-75");
  await peer.send(CLOSING, delimited("one"));
  await expectBytes(peer, delimited("one"));
  await leave(peer, "hixie-75");
  await server.shutdown();
});

Deno.test("a request of RFC 6455 with hixie's keys is RFC 6455's", async () => {
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
