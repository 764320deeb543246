import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ConnectionError, LimitError } from "../../../lib/errors.ts";
import { legacyDrafts } from "../../../lib/legacy/mod.ts";
import { ConnectionWatch } from "../../../lib/connection/watch/connection_watch.ts";
import { frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import type { ConnectionObserver, Observer } from "../../../lib/connection/watch/observer.ts";
import type { WebSocketConnection } from "../../../lib/connection/websocket_connection.ts";
import { accept } from "../../../lib/server/accept.ts";
import { FakeTime } from "../../_support/fake_time.ts";
import { counting } from "../../_support/bytes.ts";
import { utf8 } from "../../_support/frames.ts";
import { connPair } from "../../_support/pair.ts";
import { printed } from "../../_support/printed.ts";
import { binary, close, ping, pong, RawPeer, text } from "../../_support/raw_peer.ts";
import { settle, until } from "../../_support/wait.ts";
import { delimited, expectBytes, shakeHands } from "../../legacy/_support.ts";
import { closed, open } from "../_support.ts";

/** An observer that records its calls. */
function noting(): { observer: Observer; told: unknown[][] } {
  const told: unknown[][] = [];
  const note = (...fact: unknown[]) => void told.push(fact);
  const watching: ConnectionObserver = {
    received: (messages, bytes) => note("received", messages, bytes),
    sent: (messages, bytes, queued) => note("sent", messages, bytes, queued),
    held: (way, ms) => note("held", way, ms),
    roundTrip: (ms) => note("roundTrip", ms),
    closed: ({ closeCode, wasClean, error }) => note("closed", closeCode, wasClean, error),
  };
  const observer = {
    opened(socket: { url: string }) {
      note("opened", socket.url);
      return watching;
    },
  };
  return { observer, told };
}

/** Sends every message back until the connection ends. */
async function echo(connection: WebSocketConnection): Promise<void> {
  try {
    for await (const message of connection) await connection.send(message);
  } catch { /* it ended */ }
}

Deno.test("an observer is called once for each read and each write, with the messages and the bytes on the wire", async () => {
  const { observer, told } = noting();
  const { connection, peer } = open({ observer });
  void echo(connection);
  await peer.send(text("one"), text("two"), ping("?"), binary(counting(200)));
  await peer.expect(pong("?"), text("one"), text("two"), binary(counting(200)));
  await peer.send(close(1000));
  await peer.expect(close(1000));
  peer.close();
  await closed(connection);
  const [opened, received, ...rest] = told;
  assertEquals(opened, ["opened", "ws://127.0.0.1/"]);
  assertEquals(received, ["received", 3, 9 + 9 + 7 + 208]); // headers and masking keys included; a ping is no message
  const sent = rest.filter(([what]) => what === "sent");
  assertEquals(sent.reduce((sum, [, messages]) => sum + Number(messages), 0), 3);
  assertEquals(sent.reduce((sum, [, , bytes]) => sum + Number(bytes), 0), 5 + 5 + 3 + 204 + 4);
  assertEquals(rest.at(-2), ["sent", 0, 4, 0]);
  assertEquals(rest.at(-1), ["closed", 1000, true, undefined]);
});

Deno.test("an observer sees streamed messages when they end, and messages that are sent from a source", async () => {
  const { observer, told } = noting();
  const { connection, peer } = open({ observer });
  const messages = connection.messages();
  await peer.send(frame(Opcode.TEXT, utf8("a"), { fin: false }));
  await messages.next();
  await peer.send(frame(Opcode.CONTINUATION, utf8("b")), text("c"));
  await messages.next();
  await connection.send(ReadableStream.from([counting(32 * 1024), counting(10)]));
  await until(() => told.filter(([what]) => what === "sent").length > 0, "What was sent");
  connection.abort();
  const count = (way: string) => told.reduce((sum, [what, messages]) => what === way ? sum + Number(messages) : sum, 0);
  assertEquals([count("received"), count("sent")], [2, 1]);
  assertEquals(told.slice(1, 3), [["received", 0, 7], ["received", 2, 14]]);
});

Deno.test("an observer is attached before anything is read: bytes behind the handshake count", async () => {
  const { observer, told } = noting();
  const rest = Uint8Array.of(0x81, 0x81, 0, 0, 0, 0, 0x61, 0x81, 0x80, 0, 0, 0, 0);
  const { connection } = open({ observer, rest });
  assertEquals(told, [["opened", "ws://127.0.0.1/"], ["received", 2, 13]]);
  connection.abort();
  await closed(connection);
});

Deno.test("an observer sees how long read messages waited, and how long send waited", async () => {
  using time = new FakeTime();
  const { observer, told } = noting();
  const { connection, peer } = open({ observer, highWaterMark: 64, capacity: 128 });
  await peer.send(binary(counting(100)));
  await time.advance(250);
  const messages = connection[Symbol.asyncIterator]();
  await messages.next();
  await settle();
  assertEquals(told.filter(([what]) => what === "held"), [["held", "in", 250]]);

  const sending = connection.send(counting(440));
  await time.advance(40);
  await peer.expect(binary(counting(440)));
  await sending;
  assertEquals(told.filter(([what]) => what === "held"), [["held", "in", 250], ["held", "out", 40]]);
  assertEquals(told.at(-2)?.slice(0, 2), ["sent", 1]);
  connection.abort();
  await closed(connection);
});

Deno.test("a send that waits when the connection ends counts as waiting until then", async () => {
  using time = new FakeTime();
  const { observer, told } = noting();
  const { connection } = open({ observer, highWaterMark: 64, capacity: 16 });
  const sending = connection.send(counting(440)).catch((error) => error);
  await time.advance(70);
  connection.abort();
  await closed(connection);
  assertEquals(told.slice(-2).map(([what, value]) => [what, value]), [["held", "out"], ["closed", 1006]]);
  assertEquals(told.at(-2), ["held", "out", 70]);
  assert(await sending instanceof ConnectionError);
});

Deno.test("an observer sees round trips, and the limit that ended a connection", async () => {
  const { observer, told } = noting();
  const { connection, peer } = open({ observer, maxMessageBytes: 10 });
  const roundTrip = connection.ping("x");
  await peer.expect(ping("x"));
  await peer.send(pong("other"), pong("x"));
  const ms = await roundTrip;
  assertEquals(told.filter(([what]) => what === "roundTrip"), [["roundTrip", ms]]);
  await peer.send(text("eleven char"));
  await peer.readToEnd();
  peer.close();
  await closed(connection);
  const [what, closeCode, wasClean, error] = told.at(-1)!;
  assertEquals([what, closeCode, wasClean], ["closed", 1006, false]);
  assert(error instanceof LimitError);
  assertEquals(error.limit, "maxMessageBytes");
});

Deno.test("an observer that throws is printed and called no more, and does no harm", async () => {
  const told: string[] = [];
  const errors = await printed(async () => {
    const { connection, peer } = open({
      observer: {
        opened: () => ({
          received() {
            told.push("received");
            throw new Error("mine");
          },
          closed: () => void told.push("closed"),
        }),
      },
    });
    void echo(connection);
    await peer.send(text("a"));
    await peer.expect(text("a"));
    await peer.send(text("b"), close(1000));
    await peer.expect(text("b"), close(1000));
    peer.close();
    assertEquals((await closed(connection)).wasClean, true);

    const unopened = open({
      observer: {
        opened() {
          throw new Error("never");
        },
      },
    });
    assertEquals(unopened.connection.readyState, 1);
    unopened.connection.abort();
  });
  assertEquals(told, ["received"]);
  assertEquals(errors.map(String), ["Error: mine", "Error: never"]);
});

Deno.test("a rejection of an observer's promise is printed, and does no harm", async () => {
  const late = (name: string) => Promise.reject(new Error(name));
  const errors = await printed(async () => {
    const { connection, peer } = open({
      observer: {
        opened: () => ({ received: () => late("received"), sent: () => late("sent"), closed: () => late("closed") }),
      },
    });
    void echo(connection);
    await peer.send(text("a"));
    await peer.expect(text("a"));
    await peer.send(close(1000));
    await peer.expect(close(1000));
    peer.close();
    assertEquals((await closed(connection)).wasClean, true);
    await settle();
  });
  assertEquals(
    [...new Set(errors.map(String))].toSorted(),
    ["closed", "received", "sent"].map((name) => `Error: ${name}`),
  );
});

Deno.test("messages in a draft's framing are counted too", async () => {
  const { observer, told } = noting();
  const [near, far] = connPair();
  const peer = new RawPeer(far, "client");
  const accepting = accept(near, { observer, protocols: ["sample"], legacy: legacyDrafts() });
  await shakeHands(peer, "hixie-76");
  const connection = await accepting;
  void connection.send("hi");
  void connection.send("ho");
  await expectBytes(peer, Uint8Array.of(...delimited("hi"), ...delimited("ho")));
  await until(() => told.some(([what]) => what === "sent"), "The write");
  assertEquals(told.find(([what]) => what === "sent"), ["sent", 2, 8, 0]);
  connection.abort();
});

Deno.test("without an observer and a tap none of this code runs, and no clock is read for it", async () => {
  const reached: string[] = [];
  const watch = ConnectionWatch.prototype;
  const methods = Object.getOwnPropertyDescriptors(watch);
  const { now } = performance;
  let readings = 0;
  for (const [name, { value }] of Object.entries(methods)) {
    if (name === "constructor" || typeof value !== "function") continue;
    Object.defineProperty(watch, name, { ...methods[name], value: () => reached.push(name) });
  }
  performance.now = () => {
    readings++;
    return now.call(performance);
  };
  try {
    const { connection, peer } = open();
    void echo(connection);
    await peer.send(text("a"), text("b"));
    await peer.expect(text("a"), text("b"));
    for (let round = 0; round < 10; round++) {
      await peer.send(binary(counting(440)));
      await peer.expect(binary(counting(440)));
    }
    assertEquals([reached, readings], [[], 0]);
    connection.abort();
    await closed(connection);
    // The same observed: so the two counts above can move.
    const watched = open({ observer: { opened: () => ({ closed() {} }) } });
    await watched.connection.send("x");
    watched.connection.abort();
    await closed(watched.connection);
    assertEquals(reached.length > 0, true);
  } finally {
    Object.defineProperties(watch, methods);
    performance.now = now;
  }
});

Deno.test("a connection has one tap at a time, and a cancelled tap leaves nothing behind", async () => {
  const { connection, peer } = open();
  const lines = connection.tap();
  assertThrows(() => connection.tap(), DOMException, "tapped already");
  await lines.cancel();
  const again = connection.tap().getReader();
  assertEquals(JSON.parse((await again.read()).value ?? "").tap, 1);
  connection.abort();
  await closed(connection);
  await assertRejects(() => connection.tap().getReader().read(), DOMException, "is closed");
  while (!(await again.read()).done);
  peer.close();
});
