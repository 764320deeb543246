import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import type { CloseInfo } from "../../lib/connection/websocket_connection.ts";
import { RawPeer } from "../_support/raw_peer.ts";
import { soon, until } from "../_support/wait.ts";
import { bytesOf } from "../handshake/_support.ts";
import { CLOSING, leave, start } from "./_server.ts";
import { delimited, EXCHANGES, expectBytes, shakeHands } from "./_support.ts";

Deno.test("an extension that a hook adds to a hixie connection is the server's error: 500, and reported", async () => {
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

for (const version of ["hixie-75", "hixie-76"] as const) {
  Deno.test(`X9, X10: ${version}: binary data and pings reject and send nothing; surrogates become U+FFFD`, async () => {
    const { server, port, reports } = start(async (socket) => {
      for await (const _ of socket) {
        await assertRejects(() => socket.send(Uint8Array.of(1)), TypeError, `${version} has whole text messages only`);
        assertEquals((await assertRejects(() => socket.ping(), DOMException)).name, "NotSupportedError");
        assertThrows(() => socket.ping("x".repeat(126)), RangeError);
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
        let cancelled = false;
        const source = new ReadableStream<string>({ cancel: () => void (cancelled = true) });
        await assertRejects(() => socket.send(source), TypeError, "Cannot send from a source");
        assert(cancelled);
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

  Deno.test(`X9: ${version}: an error that a handler does not catch is reported, and the connection ends`, async () => {
    const { server, port, reports } = start({ message: (socket) => socket.send(Uint8Array.of(1)) });
    const peer = await RawPeer.dial(port);
    await shakeHands(peer, version);
    await peer.send(delimited("go"));
    if (version === "hixie-76") await expectBytes(peer, CLOSING);
    await peer.expectEnd();
    peer.close();
    await server.shutdown();
    assertEquals(reports.map(String), [`TypeError: Cannot send opcode 2: ${version} has whole text messages only`]);
  });

  Deno.test(`X2, X4, X5: ${version}: discardable frames are discarded, bad UTF-8 becomes U+FFFD, and the connection goes on`, async () => {
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

  Deno.test(`${version}: a shutdown sends queued messages, closes the connection, and ends when the client has closed too`, async () => {
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

Deno.test("X6: hixie-76: FF 00 is answered with FF 00 after the replies to earlier messages, and then the end", async () => {
  const { server, port } = start();
  const peer = await RawPeer.dial(port);
  await shakeHands(peer, "hixie-76");
  await peer.send(delimited("one"), delimited("two"), CLOSING, delimited("too late"));
  for (const bytes of [delimited("one"), delimited("two"), CLOSING]) await expectBytes(peer, bytes);
  await peer.expectEnd();
  peer.close();
  await server.shutdown();
});

Deno.test("X6: hixie-75: FF 00 is ignored, and the connection goes on", async () => {
  const { server, port } = start();
  const peer = await RawPeer.dial(port);
  await shakeHands(peer, "hixie-75");
  await peer.send(CLOSING, delimited("one"));
  await expectBytes(peer, delimited("one"));
  await leave(peer, "hixie-75");
  await server.shutdown();
});
