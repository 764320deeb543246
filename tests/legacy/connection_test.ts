import { assertEquals, assertInstanceOf, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { ConnectionError, HandshakeError, LimitError } from "../../lib/errors.ts";
import { legacyDrafts } from "../../lib/legacy/legacy_drafts.ts";
import { Connection } from "../../lib/connection/connection.ts";
import { accept } from "../../lib/server/accept.ts";
import type { AcceptOptions } from "../../lib/server/server_options.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { connPair, type MemoryConn } from "../_support/pair.ts";
import { RawPeer } from "../_support/raw_peer.ts";
import { settle, soon } from "../_support/wait.ts";
import { bytesOf } from "../handshake/_support.ts";
import { closed, LANES } from "../connection/_support.ts";
import { delimited, EXCHANGES, expectBytes, shakeHands } from "./_support.ts";

const VERSIONS = ["hixie-75", "hixie-76"] as const;

/** The closing handshake of hixie-76. */
const CLOSING = Uint8Array.of(0xff, 0x00);

interface Opened {
  connection: Connection;
  peer: RawPeer;
  conn: MemoryConn;
}

/** Opens a connection in memory with a client of a draft. */
async function open(version: typeof VERSIONS[number], options: AcceptOptions = {}): Promise<Opened> {
  const [conn, far] = connPair();
  const accepting = accept(conn, { protocols: ["sample"], legacy: legacyDrafts({ hixie75: true }), ...options });
  const peer = new RawPeer(far, "client");
  await shakeHands(peer, version);
  const connection = await soon(accepting, "The connection");
  assertInstanceOf(connection, Connection);
  return { connection, peer, conn };
}

for (const version of VERSIONS) {
  for (const lane of LANES) {
    Deno.test(`${version}: a connection is read like any other, and its clean end is not an error (${lane.name})`, async () => {
      const { connection, peer } = await open(version);
      const reading = lane.read(connection, (message) => void connection.send(`${message}!`));
      await peer.send(delimited("one"), delimited("two"), "00 74");
      await reading.received(2);
      await peer.send("68 72 65 65 ff");
      await reading.received(3);
      for (const content of ["one!", "two!", "three!"]) await expectBytes(peer, delimited(content));
      if (version === "hixie-76") {
        await peer.send(CLOSING);
        await expectBytes(peer, CLOSING);
      } else {
        await peer.closeWrite();
      }
      await peer.expectEnd();
      peer.close();
      assertEquals(await closed(connection), { closeCode: 1005, reason: "", wasClean: true });
      assertEquals([reading.messages, await reading.ended], [["one", "two", "three"], undefined]);
    });
  }

  Deno.test(`${version}: the connection has the usual properties`, async () => {
    const { connection } = await open(version);
    const { role, url, protocol, extensions, extensionProcessors, readyState } = connection;
    assertEquals({ role, url, protocol, extensions, extensionProcessors, readyState }, {
      role: "server",
      url: "ws://example.com/demo",
      protocol: version === "hixie-76" ? "sample" : "",
      extensions: "",
      extensionProcessors: [],
      readyState: 1,
    });
    assertEquals(connection.headers.get("upgrade"), "WebSocket");
    connection.abort();
  });

  Deno.test(`${version}: it has no pings, so keepalive is off and silence has no limit`, async () => {
    using time = new FakeTime();
    const { connection } = await open(version, { pingInterval: 1_000, pongTimeout: 1_000 });
    assertEquals(time.timers, 0);
    await time.advance(3_600_000);
    assertEquals(connection.readyState, 1);
    connection.abort();
  });

  Deno.test(`X9: ${version}: a stream of messages fails at the first binary one, and the text before it is sent`, async () => {
    const { connection, peer } = await open(version);
    const writer = connection.writable.getWriter();
    writer.closed.catch(() => {});
    await writer.write("one");
    await assertRejects(() => writer.write(Uint8Array.of(1)), TypeError, "whole text messages only");
    await expectBytes(peer, delimited("one"));
    connection.abort();
  });

  Deno.test(`X9: ${version}: a value that is neither text nor bytes throws the usual error`, async () => {
    const { connection } = await open(version);
    // @ts-expect-error: a number is not a message
    assertThrows(() => connection.send(7), TypeError);
    assertEquals(connection.bufferedAmount, 0);
    connection.abort();
  });

  Deno.test(`${version}: backpressure works as on any other connection`, async () => {
    const { connection, peer } = await open(version, { highWaterMark: 1_000, maxQueuedBytes: 200_000 });
    const big = "x".repeat(100_000);
    const sent = connection.send(big);
    assertEquals(connection.bufferedAmount, 100_002);
    await expectBytes(peer, delimited(big));
    await soon(sent, "Room");
    connection.send(big);
    connection.send(big);
    connection.send("one too many"); // over what the peer has not read
    const info = await closed(connection);
    assertInstanceOf(info.error, LimitError);
    assertEquals([info.error.limit, info.wasClean], ["maxQueuedBytes", false]);
    peer.close();
  });

  Deno.test(`X3: ${version}: text that does not end is refused after messageTimeout`, async () => {
    using time = new FakeTime();
    const { connection, peer } = await open(version, { messageTimeout: 1_000 });
    await peer.send("00 61");
    await time.advance(600);
    await peer.send("61");
    await time.advance(400);
    const { error, closeCode } = await closed((peer.close(), connection));
    assertInstanceOf(error, LimitError);
    assertEquals([error.limit, closeCode], ["messageTimeout", 1006]);
  });

  Deno.test(`X4: ${version}: a discarded frame does not count as a late message`, async () => {
    using time = new FakeTime();
    const { connection, peer } = await open(version, { messageTimeout: 1_000 });
    await peer.send("01 61");
    await settle();
    await peer.send("61 ff");
    await time.advance(5_000);
    assertEquals(connection.readyState, 1);
    connection.abort();
  });

  Deno.test(`${version}: the end of the connection inside a frame is not a clean end`, async () => {
    const { connection, peer } = await open(version);
    await peer.send("00 61");
    await peer.closeWrite();
    const { closeCode, wasClean, error } = await closed(connection);
    assertInstanceOf(error, ConnectionError);
    assertEquals([closeCode, wasClean, error.message], [1006, false, "The connection ended in the middle of a frame"]);
  });

  Deno.test(`${version}: close sends the queued messages and nothing after, and discards later messages of the client`, async () => {
    const { connection, peer } = await open(version);
    const reading = Array.fromAsync(connection);
    void connection.send("last");
    const closing = connection.close(4000, "a reason that no frame can carry");
    assertEquals(connection.readyState, 2);
    assertEquals((await assertRejects(() => connection.send("late"), DOMException)).name, "InvalidStateError");
    await expectBytes(peer, delimited("last"));
    if (version === "hixie-76") await expectBytes(peer, CLOSING);
    await peer.send(delimited("discarded"));
    if (version === "hixie-76") await peer.send(CLOSING);
    else await peer.expectEnd();
    await peer.closeWrite();
    assertEquals(await soon(closing, "The end"), { closeCode: 1005, reason: "", wasClean: true });
    assertEquals(await reading, []);
    peer.close();
  });

  Deno.test(`${version}: an invalid close code throws, even though it would not be sent`, async () => {
    const { connection } = await open(version);
    assertThrows(() => void connection.close(1006), RangeError);
    connection.abort();
  });

  Deno.test(`F17: ${version}: a client that does not answer our close is dropped after closeTimeout`, async () => {
    using time = new FakeTime();
    const { connection, peer, conn } = await open(version, { closeTimeout: 1_000 });
    const closing = connection.close();
    await time.advance(999);
    assertEquals(conn.closes, 0);
    await time.advance(1);
    const { closeCode, wasClean, error } = await soon(closing, "The end");
    assertInstanceOf(error, ConnectionError);
    assertEquals([closeCode, wasClean, conn.closes, time.timers], [1006, false, 1, 0]);
    peer.close();
  });
}

Deno.test("hixie-75: after the client's end the replies to its messages are still sent", async () => {
  const { connection, peer } = await open("hixie-75");
  await peer.send(delimited("one"), delimited("two"));
  await peer.closeWrite();
  for await (const message of connection) await connection.send(`${message}!`);
  await expectBytes(peer, delimited("one!"));
  await expectBytes(peer, delimited("two!"));
  await peer.expectEnd();
  assertEquals(await closed(connection), { closeCode: 1005, reason: "", wasClean: true });
});

Deno.test("hixie-76: the end of the connection without FF 00 is not a clean end", async () => {
  const { connection, peer } = await open("hixie-76");
  await peer.send(delimited("one"));
  await peer.closeWrite();
  const { closeCode, wasClean, error } = await closed(connection);
  assertInstanceOf(error, ConnectionError);
  assertEquals([closeCode, wasClean, error.message], [1006, false, "The connection ended without a close frame"]);
});

Deno.test("hixie-76: FF 00 is sent even if the queue is full", async () => {
  const { connection, peer } = await open("hixie-76", { maxQueuedBytes: 1_000 });
  const big = "x".repeat(2_000);
  void connection.send(big);
  const closing = connection.close();
  await expectBytes(peer, delimited(big));
  await expectBytes(peer, CLOSING);
  await peer.send(CLOSING);
  await peer.expectEnd();
  assertEquals((await soon((peer.close(), closing), "The end")).wasClean, true);
});

Deno.test("X6: hixie-76: both sides may close at once", async () => {
  const { connection, peer } = await open("hixie-76");
  const closing = connection.close();
  await peer.send(CLOSING);
  await expectBytes(peer, CLOSING);
  await peer.expectEnd();
  assertEquals((await soon((peer.close(), closing), "The end")).wasClean, true);
});

Deno.test("X8: the handshake's deadline also covers the missing eight bytes, and then the answer is 408", async () => {
  using time = new FakeTime();
  const [conn, far] = connPair();
  const peer = new RawPeer(far, "client");
  let asked = 0;
  const accepting = accept(conn, { legacy: legacyDrafts(), handshakeTimeout: 1_000, upgrade: () => void asked++ });
  accepting.catch(() => {}); // looked at later
  await peer.send(bytesOf(EXCHANGES["hixie-76"].request.slice(0, -1)));
  await time.advance(999);
  assertEquals(conn.writes.length, 0);
  await time.advance(1);
  assertStringIncludes(await peer.readText(), "HTTP/1.1 408 Request Timeout\r\n");
  await peer.closeWrite();
  assertEquals((await assertRejects(() => accepting, HandshakeError)).status, 408);
  assertEquals([asked, conn.closes, time.timers], [0, 1, 0]);
});

Deno.test("X8: a client that disconnects before its eight bytes is a ConnectionError", async () => {
  const [conn, far] = connPair();
  const peer = new RawPeer(far, "client");
  const accepting = accept(conn, { legacy: legacyDrafts() });
  await peer.send(bytesOf(EXCHANGES["hixie-76"].request.slice(0, -1)));
  await peer.closeWrite();
  await assertRejects(() => accepting, ConnectionError, "ended before the end of the handshake");
  assertEquals(conn.closes, 1);
});

Deno.test("X11: accept refuses the drafts unless they are enabled", async () => {
  const [conn, far] = connPair();
  const peer = new RawPeer(far, "client");
  const accepting = accept(conn);
  accepting.catch(() => {}); // looked at later
  await peer.send(bytesOf(EXCHANGES["hixie-76"].request));
  assertStringIncludes(await peer.readText(), "HTTP/1.1 426 Upgrade Required\r\n");
  peer.close();
  assertEquals((await assertRejects(() => accepting, HandshakeError)).status, 426);
  assertEquals(conn.closes, 1);
});
