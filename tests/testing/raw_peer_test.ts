import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { accept } from "../../lib/server/accept.ts";
import { connect } from "../../lib/client/connect.ts";
import { ExpectationError, settle } from "../../lib/testing/wait.ts";
import { fakeTime } from "../../lib/testing/fake_time.ts";
import { type MemoryEnd, memoryPair } from "../../lib/testing/memory_pair.ts";
import { closeFrame, ping, pong, text } from "../../lib/testing/raw_frame.ts";
import { type RawPeer, rawPeer } from "../../lib/testing/raw_peer.ts";
import { counting } from "../_support/bytes.ts";
import { utf8 } from "../_support/frames.ts";

/** A client and a server that are both raw. */
function raws(
  options: { deadline?: number; capacity?: number } = {},
): { client: RawPeer; server: RawPeer; far: MemoryEnd } {
  const { deadline = 5_000, capacity = 65_536 } = options;
  const [near, far] = memoryPair({ capacity });
  return { client: rawPeer(near, "client", { deadline }), server: rawPeer(far, "server", { deadline }), far };
}

const fails = (work: () => Promise<unknown>, message: string) => assertRejects(work, ExpectationError, message);

Deno.test("two raw peers shake hands, and each has the head of the other", async () => {
  const { client, server } = raws();
  const [answer, request] = await Promise.all([
    client.shakeHands({ Cookie: "a=1" }, "GET /chat HTTP/1.1"),
    server.shakeHands({ "X-Served-By": "test" }),
  ]);
  assertStringIncludes(request, "GET /chat HTTP/1.1\r\n");
  assertStringIncludes(request, "\r\nCookie: a=1\r\n");
  assertStringIncludes(answer, "\r\nX-Served-By: test\r\n");
});

Deno.test("a raw peer shakes hands with either role of Sluice, over calls and over streams", async () => {
  for (const streams of [false, true]) {
    const [near, far] = memoryPair();
    const conn = streams ? { readable: near.readable, writable: near.writable } : near;
    const peer = rawPeer(streams ? { readable: far.readable, writable: far.writable } : far, "client");
    const [server] = await Promise.all([accept(conn), peer.shakeHands()]);
    await peer.send(ping("a"), text("b"), closeFrame(1001));
    await peer.expect(pong("a"));
    assertEquals((await server[Symbol.asyncIterator]().next()).value, "b");
    assertEquals(await peer.expectClose(1001), "");
    peer.close();
    assertEquals((await server.closed).closeCode, 1001);
  }
  const [near, far] = memoryPair();
  const peer = rawPeer(far, "server");
  const [client] = await Promise.all([connect("ws://localhost/", { conn: near }), peer.shakeHands()]);
  const closing = client.close(4000, "enough");
  assertEquals(await peer.expectClose(4000), "enough");
  await peer.send(closeFrame(4000));
  await peer.closeWrite();
  assertEquals((await closing).wasClean, true);
  await peer.expectEnd();
});

Deno.test("frames, bytes and hexadecimal digits are sent together", async () => {
  const { client, server } = raws();
  await client.send(text("a"), "8a 80 00 00 00 00", Uint8Array.of(0x8a, 0x80, 0, 0, 0, 0));
  await server.expect(text("a"), pong(), pong());
  for (const digits of ["hello", "123", "0g"]) {
    await assertRejects(() => client.send(digits), TypeError, "hexadecimal");
  }
});

Deno.test("bytes are read in the requested pieces, however they arrived", async () => {
  const { client, server } = raws();
  const bytes = Uint8Array.of(...utf8("GET / HTTP/1.1\r\nA: \r\r\n\r\n"), 1, 2, 0x81, 0x80, 0, 0, 0, 0, 3);
  const feeding = (async () => {
    for (const byte of bytes) await client.send(Uint8Array.of(byte));
    await client.send(counting(3000));
    await client.closeWrite();
  })();
  assertEquals(await server.readHead(), "GET / HTTP/1.1\r\nA: \r\r\n\r\n");
  assertEquals(await server.readBytes(0), new Uint8Array(0));
  assertEquals(await server.readBytes(2), Uint8Array.of(1, 2));
  assertEquals(await server.readFrame(), { fin: true, rsv: 0, opcode: 1, payload: new Uint8Array(0) });
  assertEquals(await server.readToEnd(), Uint8Array.of(3, ...counting(3000)));
  await feeding;
});

Deno.test("a wrong frame, code or status, or bytes before the end, fail with the received value", async () => {
  const { client, server } = raws();
  await client.send(text("a"), text("b"), closeFrame(1001), closeFrame(), utf8("HTTP/1.1 404 Not Found\r\n\r\n"), "00");
  await fails(() => server.expect(text("A")), 'Got frame text "a", not text "A"');
  await fails(() => server.expectClose(1000), 'Got frame text "b", not close 1000');
  await fails(() => server.expectClose(1000), 'Got frame close 1001 "", not close 1000');
  assertEquals(await server.expectClose(1005), "");
  await fails(() => server.expectStatus(101), 'Got response "HTTP/1.1 404 Not Found", not 101');
  await client.closeWrite();
  await fails(() => server.expectEnd(), "Got 1 bytes before the end");
});

Deno.test("a failure names which of several frames differs", async () => {
  const { client, server } = raws();
  await client.send(text("a"), text("b"));
  await fails(() => server.expect(text("a"), text("c")), 'Got frame 2 of 2 text "b", not text "c"');
});

Deno.test("frames that break a rule are not read, except for reserved bits and opcodes with extensions", async () => {
  const plain = raws();
  await plain.server.send(text("a", { rsv: 4 }));
  await fails(() => plain.client.readFrame(), "breaks RFC 6455: reserved bits 4");
  await plain.client.send(text("a", { masked: false }));
  await fails(() => plain.server.readFrame(), "a client's frame is not masked");

  const { client, server } = raws();
  await Promise.all([client.shakeHands(), server.shakeHands({ "Sec-WebSocket-Extensions": "x-any" })]);
  for (const [from, to] of [[client, server], [server, client]] as const) {
    await from.send(text("a", { rsv: 4 }));
    await to.expect(text("a", { rsv: 4 }));
  }
});

Deno.test("an early end, and a missing event, fail with its name, whatever the clock", async () => {
  using _ = fakeTime();
  const { client, server } = raws({ deadline: 10, capacity: 20 });
  await fails(() => server.readFrame(), "A frame took more than 10 ms");
  await fails(() => client.send(new Uint8Array(100)), "Room to send took more than 10 ms");
  const ended = raws();
  await ended.client.send("81");
  await ended.client.closeWrite();
  await fails(() => ended.server.readFrame(), "A frame did not come: the connection ended after 1 bytes");
});

Deno.test("a peer that does not read stalls the other side once the connection is full", async () => {
  const { client, server } = raws({ capacity: 100 });
  const sending = client.send(text("x".repeat(200)));
  let done = false;
  void sending.then(() => done = true);
  await settle();
  assertEquals(done, false);
  await server.expect(text("x".repeat(200)));
  await sending;
});

Deno.test("a peer ends a connection in every way: half, whole, or as a reset in memory", async () => {
  const { client, server, far } = raws();
  await client.closeWrite();
  await server.expectEnd();
  await server.send("01");
  assertEquals(await client.readBytes(1), Uint8Array.of(1));
  client.reset();
  await assertRejects(() => far.read(new Uint8Array(1)), Error, "reset");
  {
    using peer = rawPeer(
      { read: () => Promise.resolve(null), write: () => Promise.resolve(0), close: () => {} },
      "client",
    );
    assertThrows(() => peer.reset(), TypeError, "memoryPair");
    peer.close();
  }
});

Deno.test("a response may be sent after the request was inspected", async () => {
  const { client, server } = raws();
  await client.send(utf8("GET /a HTTP/1.1\r\nSec-WebSocket-Key: x\r\n\r\n"));
  await server.respond(await server.readHead(), {}, "HTTP/1.1 403 Forbidden");
  assertStringIncludes(await client.expectStatus(403), "Sec-WebSocket-Accept");
  await server.send(utf8("no"));
  server.close();
  assertEquals(await client.readText(), "no");
});
