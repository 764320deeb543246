import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { defer } from "../../lib/async.ts";
import { ConnectionError, LimitError, ProtocolError, WebSocketError } from "../../lib/errors.ts";
import { type Frame, frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import { counting } from "../_support/bytes.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { utf8 } from "../_support/frames.ts";
import { binary, close, text } from "../_support/raw_peer.ts";
import { settle, soon } from "../_support/wait.ts";
import { VIOLATIONS } from "../vectors/violations.ts";
import { closed, inEveryLane, LANES, open } from "./_support.ts";

// What peers and networks do wrong, and what we do about it: rows T and F of tests/README.md.

/** The code and the reason of a close frame. */
function closeOf({ opcode, payload }: Frame): { code: number; reason: string } {
  assertEquals(opcode, Opcode.CLOSE);
  return { code: payload[0]! * 256 + payload[1]!, reason: new TextDecoder().decode(payload.subarray(2)) };
}

/** Bytes that end too early, as a masked client sends them. */
const PARTIAL = {
  "inside a header": "81",
  "inside a key": "81 85 00 00",
  "inside a payload": "81 85 00000000 6869",
  "inside a message, between two fragments": "01 81 00000000 68",
  "inside a control frame": "89 85 00000000 68",
};

for (const [where, hex] of Object.entries(PARTIAL)) {
  inEveryLane(`T2: a reset ${where} is 1006, and nothing partial is delivered`, async (lane) => {
    const { connection, peer, far, conn } = open();
    const reading = lane.read(connection);
    await peer.send(text("whole"), hex);
    await reading.received(1);
    await settle();
    far.reset();
    const error = await reading.ended;
    assertInstanceOf(error, ConnectionError);
    assertInstanceOf(error.cause, Deno.errors.ConnectionReset);
    assertEquals(reading.messages, ["whole"]);
    assertEquals(await closed(connection), { closeCode: 1006, reason: "", wasClean: false, error });
    assertEquals(conn.closes, 1);
  });

  inEveryLane(`T3: an end ${where} is 1006, and nothing partial is delivered`, async (lane) => {
    const { connection, peer } = open();
    const reading = lane.read(connection);
    await peer.send(text("whole"), hex);
    await peer.closeWrite();
    const error = await reading.ended;
    assertInstanceOf(error, ConnectionError);
    assert(/ended in the middle of a (frame|message)$/.test(error.message), error.message);
    assertEquals(reading.messages, ["whole"]);
    assertEquals(await closed(connection), { closeCode: 1006, reason: "", wasClean: false, error });
    await peer.expectEnd();
  });
}

inEveryLane("T3: an end between frames with no close frame is 1006", async (lane) => {
  const { connection, peer } = open({ role: "client" });
  const reading = lane.read(connection);
  await peer.send(text("whole"));
  await peer.closeWrite();
  const error = await reading.ended;
  assertInstanceOf(error, ConnectionError);
  assertEquals(error.message, "The connection ended without a close frame");
  assertEquals(reading.messages, ["whole"]);
  assertEquals((await closed(connection)).closeCode, 1006);
});

Deno.test("T2: a reset that only a write discovers ends the connection", async () => {
  const { connection, far, conn } = open({ capacity: 10 });
  void connection.send(counting(100));
  await settle();
  far.reset();
  const { error, wasClean } = await closed(connection);
  assertInstanceOf(error, ConnectionError);
  assertEquals([wasClean, conn.closes], [false, 1]);
});

for (const role of ["server", "client"] as const) {
  inEveryLane(`a ${role} fails a peer that breaks a rule, after the messages before it`, async (lane) => {
    const { connection, peer } = open({ role });
    const reading = lane.read(connection, (message) => void (connection.readyState === 1 && connection.send(message)));
    await peer.send(text("good"));
    await peer.expect(text("good"));
    await peer.send(text("also good"), text("and this"), "83", text("behind"));
    await peer.expect(text("also good"), text("and this"));
    assertEquals(closeOf(await peer.readFrame()), { code: 1002, reason: "Opcode 3 is not defined" });
    await peer.expectEnd();
    await peer.send(text("and later"));
    await peer.closeWrite();
    const error = await reading.ended;
    assertInstanceOf(error, ProtocolError);
    assertEquals([error.closeCode, error.section], [1002, "RFC 6455 §5.2"]);
    assertEquals(reading.messages, ["good", "also good", "and this"]);
    assertEquals(await closed(connection), { closeCode: 1006, reason: "", wasClean: false, error });
  });

  inEveryLane(
    `a ${role} fails a peer that breaks a rule once a slow application has answered the earlier messages`,
    async (lane) => {
      const { connection, peer } = open({ role });
      const gate = defer<void>();
      const reading = lane.read(connection, async (message) => {
        await gate.promise;
        await connection.send(message);
      });
      await peer.send(text("one"), text("two"), "83", text("behind"));
      await reading.received(1);
      gate.resolve();
      await peer.expect(text("one"), text("two"));
      assertEquals(closeOf(await peer.readFrame()).code, 1002);
      await peer.closeWrite();
      assertInstanceOf(await reading.ended, ProtocolError);
    },
  );

  inEveryLane(
    `a ${role} handles a fault or a close frame as soon as the application is ready, without a timer`,
    async (lane) => {
      using _time = new FakeTime();
      for (const end of ["83", close(1000)]) {
        const { connection, peer } = open({ role });
        const reading = lane.read(connection, (message) => void connection.send(message));
        await peer.send(text("one"), text("two"), end);
        await peer.expect(text("one"), text("two"));
        assertEquals(closeOf(await peer.readFrame()).code, end === "83" ? 1002 : 1000);
        await peer.closeWrite();
        await reading.ended;
      }
    },
  );

  inEveryLane(
    `a ${role} fails a peer that breaks a rule after 2 s, even if the application is still busy`,
    async (lane) => {
      using time = new FakeTime();
      const { connection, peer } = open({ role });
      const gate = defer<void>();
      const reading = lane.read(connection, () => gate.promise);
      await peer.send(text("one"), "83");
      await reading.received(1);
      await time.advance(1_999);
      assertEquals(connection.readyState, 1);
      await time.advance(1);
      assertEquals(closeOf(await peer.readFrame()).code, 1002);
      gate.resolve();
      await peer.closeWrite();
      assertInstanceOf(await reading.ended, ProtocolError);
    },
  );
}

for (const violation of VIOLATIONS) {
  const { title, options: { role, reservedBits, reservedOpcodes, split: _, ...limits }, hex, closeCode } = violation;
  if (reservedBits !== undefined || reservedOpcodes !== undefined) continue;
  Deno.test(`${title}: the peer gets ${closeCode}`, async () => {
    const { connection, peer, conn } = open({ role, ...limits });
    LANES[0]!.read(connection);
    await peer.send(hex);
    const { code, reason } = closeOf(await peer.readFrame());
    assertEquals(code, closeCode);
    assert(reason !== "" && utf8(reason).length <= 123);
    await peer.expectEnd();
    await peer.closeWrite();
    const { error, wasClean } = await closed(connection);
    assertInstanceOf(error, WebSocketError);
    assertEquals([error.closeCode, wasClean, conn.closes], [closeCode, false, 1]);
  });
}

inEveryLane(
  "F10: text that is not UTF-8 fails with 1007 at its first invalid byte, before its frame is complete",
  async (lane) => {
    const { connection, peer } = open();
    const reading = lane.read(connection);
    await peer.send(text("good"), "81 fe 1000 00000000 68 c0");
    assertEquals(closeOf(await peer.readFrame()).code, 1007);
    await peer.closeWrite();
    const error = await reading.ended;
    assertInstanceOf(error, ProtocolError);
    assertEquals(error.closeCode, 1007);
    assertEquals(reading.messages, ["good"]);
  },
);

inEveryLane("F9: a message over maxMessageBytes fails with 1009", async (lane) => {
  const { connection, peer } = open({ maxMessageBytes: 5 });
  const reading = lane.read(connection);
  await peer.send(text("12345"), frame(Opcode.TEXT, utf8("123"), { fin: false }));
  await peer.send(frame(Opcode.CONTINUATION, utf8("456")));
  assertEquals(closeOf(await peer.readFrame()).code, 1009);
  await peer.closeWrite();
  const error = await reading.ended;
  assertInstanceOf(error, LimitError);
  assertEquals([error.limit, error.max, error.closeCode], ["maxMessageBytes", 5, 1009]);
  assertEquals(reading.messages, ["12345"]);
});

Deno.test("a peer that broke a rule and neither reads nor ends is dropped after 2 s, however much it sends", async () => {
  using time = new FakeTime();
  const { connection, peer, conn } = open({ capacity: 100 });
  await peer.send("83");
  for (let i = 0; i < 19; i++) {
    await peer.send(counting(50));
    await time.advance(100);
  }
  assertEquals(conn.closes, 0);
  await time.advance(100);
  assertEquals((await closed(connection)).error instanceof ProtocolError, true);
  assertEquals([conn.closes, time.timers], [1, 0]);
});

Deno.test("a closeTimeout below 2 s also applies after a peer broke a rule", async () => {
  using time = new FakeTime();
  const { connection, peer } = open({ closeTimeout: 500 });
  await peer.send("83");
  await time.advance(500);
  assertInstanceOf((await closed(connection)).error, ProtocolError);
});

Deno.test("a peer that breaks a rule after our close frame gets no second close frame", async () => {
  const { connection, peer } = open();
  void connection.close();
  await peer.send("83");
  await peer.expect(close(1000));
  await peer.expectEnd();
  await peer.closeWrite();
  const { error, closeCode } = await closed(connection);
  assertInstanceOf(error, ProtocolError);
  assertEquals(closeCode, 1006);
});

Deno.test("fail sends the peer the code of a WebSocketError, and only 1011 for an error of our side", async () => {
  const causes: [unknown, { code: number; reason: string }][] = [
    [new WebSocketError("x", { closeCode: 4001, reason: "told" }), { code: 4001, reason: "told" }],
    [new Error("a secret"), { code: 1011, reason: "" }],
    ["not even an error", { code: 1011, reason: "" }],
    [new ConnectionError("lost elsewhere"), { code: 1011, reason: "" }],
  ];
  for (const [cause, expected] of causes) {
    const { connection, peer } = open();
    connection.fail(cause);
    assertEquals(closeOf(await peer.readFrame()), expected);
    await peer.closeWrite();
    assertStrictEquals((await closed(connection)).error, cause);
  }
});

for (const part of ["01 81 00000000 68", "81 85 00000000 68", "81 fe 1000 00000000"]) {
  inEveryLane(`T7: a message begun with ${part} and not finished in messageTimeout fails with 1008`, async (lane) => {
    using time = new FakeTime();
    const { connection, peer } = open({ messageTimeout: 30_000, closeTimeout: 60_000 });
    const reading = lane.read(connection);
    await time.advance(100_000);
    await peer.send(text("whole"), part);
    await time.advance(29_999);
    assertEquals(connection.readyState, 1);
    await time.advance(1);
    assertEquals(closeOf(await peer.readFrame()).code, 1008);
    await peer.closeWrite();
    const error = await reading.ended;
    assertInstanceOf(error, LimitError);
    assertEquals([error.limit, error.max, error.actual], ["messageTimeout", 30_000, 30_000]);
    assertEquals(reading.messages, ["whole"]);
    assertEquals(time.timers, 0);
  });
}

Deno.test("T7: received bytes do not extend messageTimeout, and the end of a message stops it", async () => {
  using time = new FakeTime();
  const { connection, peer } = open({ messageTimeout: 30_000 });
  const reading = Array.fromAsync(connection).catch(() => {});
  for (let second = 0; second < 100; second++) {
    // Each message takes 20 s, and the next begins with it.
    await peer.send(
      frame(second % 20 === 0 ? Opcode.TEXT : Opcode.CONTINUATION, utf8("x"), { fin: second % 20 === 19 }),
    );
    await time.advance(1_000);
  }
  assertEquals(connection.readyState, 1);
  await peer.send(frame(Opcode.TEXT, utf8("x"), { fin: false }));
  for (let second = 0; second < 30; second++) {
    await peer.send(frame(Opcode.CONTINUATION, utf8("x"), { fin: false }));
    await time.advance(1_000);
  }
  assertEquals(connection.readyState, 2);
  connection.abort();
  await reading;
  assertEquals(time.timers, 0);
});

Deno.test("while the application does not read, messageTimeout does not count against the peer, and costs one timer", async () => {
  using time = new FakeTime();
  const { connection, peer } = open({ messageTimeout: 30_000, highWaterMark: 100 });
  await peer.send(binary(counting(200)), frame(Opcode.TEXT, utf8("be"), { fin: false }));
  await time.advance(600_000);
  assertEquals(connection.readyState, 1);
  assert(time.started < 50, `${time.started} timers in ten minutes`);
  await peer.send(frame(Opcode.CONTINUATION, utf8("gun")));
  const messages = connection[Symbol.asyncIterator]();
  assertEquals((await messages.next()).value, counting(200));
  assertEquals((await soon(messages.next(), "The message")).value, "begun");
  connection.abort();
  assertEquals(time.timers, 0);
});

Deno.test("a connection that ends in the middle of a message, while the application does not read, leaves no timer", async () => {
  using time = new FakeTime();
  const { connection, peer } = open({ messageTimeout: 30_000, highWaterMark: 100, pingInterval: 0 });
  await peer.send(binary(new Uint8Array(200)), text("be", { fin: false }));
  await settle();
  connection.abort();
  await closed(connection);
  await settle();
  assertEquals(time.timers, 0);
});

Deno.test("a messageTimeout of 0 means no deadline", async () => {
  using time = new FakeTime();
  const { connection, peer } = open({ messageTimeout: 0 });
  await peer.send("01 81 00000000 68");
  await settle();
  assertEquals(time.timers, 0);
  connection.abort();
});

inEveryLane(
  "T5: a peer that does not read is disconnected at maxQueuedBytes, even if send is not awaited",
  async (lane) => {
    const { connection, conn } = open({ capacity: 0, highWaterMark: 1_000, maxQueuedBytes: 10_000 });
    const reading = lane.read(connection);
    let sent = 0;
    while (connection.readyState === 1) {
      void connection.send(counting(500)); // an unhandled rejection would fail this test
      sent++;
      assert(sent < 100, "it must end some time");
    }
    const error = await reading.ended;
    assertInstanceOf(error, LimitError);
    assertEquals([error.limit, error.max, error.closeCode], ["maxQueuedBytes", 10_000, 1013]);
    assertEquals([sent, connection.bufferedAmount, conn.closes], [21, 0, 1]);
    const info = await closed(connection);
    assertEquals(info, { closeCode: 1006, reason: "", wasClean: false, error });
  },
);
