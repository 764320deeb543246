import { assertEquals, assertRejects } from "@std/assert";
import type { ClosePayload } from "../../lib/pipeline/frames/close_code.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { Connection } from "../../lib/connection/connection.ts";
import { runHandler } from "../../lib/connection/readers/callbacks.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { close, text } from "../_support/raw_peer.ts";
import { settle, soon } from "../_support/wait.ts";
import { closed, inEveryLane, open } from "./_support.ts";

// The answer to the peer's close frame: when it is sent, and who decides what it says (RFC 6455 §5.5.1).

const ANSWERS: Record<string, (connection: Connection) => (message: Message) => void | Promise<void>> = {
  "at once": (connection) => (message) => void connection.send(message),
  "awaited": (connection) => (message) => connection.send(message),
  "after a while, but for the last": (connection) => async (message) => {
    if (message === "a") await settle();
    await connection.send(message);
  },
};
for (const [when, answerTo] of Object.entries(ANSWERS)) {
  inEveryLane(
    `replies ${when} to messages before the peer's close frame leave before our own close frame`,
    async (lane) => {
      const { connection, peer } = open();
      const reading = lane.read(connection, answerTo(connection));
      await peer.send(text("a"), text("b"), close(4000));
      await peer.expect(text("a"), text("b"), close(4000));
      await peer.closeWrite();
      assertEquals(await reading.ended, undefined);
      assertEquals((await closed(connection)).wasClean, true);
    },
  );

  inEveryLane(`the same where the peer ends its side behind its close frame (${when})`, async (lane) => {
    const { connection, peer } = open();
    const reading = lane.read(connection, answerTo(connection));
    await peer.send(text("a"), text("b"), close(4000));
    await peer.closeWrite();
    await peer.expect(text("a"), text("b"), close(4000));
    await peer.expectEnd();
    assertEquals(await reading.ended, undefined);
  });
}

Deno.test("callbacks may take a while for the last message too", async () => {
  const { connection, peer } = open();
  const done = runHandler(connection, {
    async message(socket, message) {
      await settle();
      await socket.send(message);
    },
  }, (error) => {
    throw error;
  });
  await peer.send(text("a"), text("b"), close(4000));
  await peer.expect(text("a"), text("b"), close(4000));
  await peer.closeWrite();
  await soon(done, "The handler's end");
});

inEveryLane("a stuck reader delays the reply to a close frame by 2 s", async (lane) => {
  using time = new FakeTime();
  const { connection, peer, conn } = open();
  const gate = Promise.withResolvers<void>();
  const reading = lane.read(connection, () => gate.promise);
  await peer.send(text("a"), text("b"), close(1000));
  await time.advance(1_999);
  assertEquals(conn.writes.length, 0);
  await time.advance(1);
  await peer.expect(close(1000));
  await peer.closeWrite();
  assertEquals((await closed(connection)).wasClean, true);
  gate.resolve();
  assertEquals(await reading.ended, undefined);
  assertEquals([reading.messages, time.timers], [["a", "b"], 0]);
});

Deno.test("between the peer's close frame and our own, send works and ping does not", async () => {
  const { connection, peer } = open();
  const decision = Promise.withResolvers<ClosePayload>();
  connection.decideReply = () => decision.promise;
  await peer.send(close(1000));
  await settle();
  assertEquals(connection.readyState, 2);
  void connection.send("last words");
  await assertRejects(() => connection.ping(), DOMException, "closing");
  decision.resolve({ closeCode: 1000, reason: "" });
  await peer.expect(text("last words"), close(1000));
  await assertRejects(() => connection.send("too late"), DOMException, "closing");
  connection.abort();
});

Deno.test("a hook chooses the code and reason of the answer, and is called once, however long it takes", async () => {
  using time = new FakeTime();
  const { connection, peer } = open();
  const asked: ClosePayload[] = [];
  const decision = Promise.withResolvers<ClosePayload>();
  connection.decideReply = (received) => {
    asked.push(received);
    return decision.promise;
  };
  const reading = Array.fromAsync(connection);
  await peer.send(close(4001, "why"));
  await time.advance(5_000);
  decision.resolve({ closeCode: 4002, reason: "because" });
  await peer.expect(close(4002, "because"));
  await peer.closeWrite();
  assertEquals(await closed(connection), { closeCode: 4001, reason: "why", wasClean: true });
  assertEquals(asked, [{ closeCode: 4001, reason: "why" }]);
  assertEquals([await reading, time.timers], [[], 0]);
});

Deno.test("a hook that chooses 1005 sends an empty close frame", async () => {
  const { connection, peer } = open();
  connection.decideReply = () => ({ closeCode: 1005, reason: "" });
  await peer.send(close(4001));
  await peer.expect(close());
  connection.abort();
});

Deno.test("A4: a hook that fails, or chooses a code that must not be sent, means 1011", async () => {
  const decisions: (() => ClosePayload | Promise<ClosePayload>)[] = [
    () => Promise.reject(new Error("a mistake")),
    () => ({ closeCode: 1006, reason: "" }),
  ];
  for (const decide of decisions) {
    const { connection, peer } = open();
    connection.decideReply = decide;
    await peer.send(close(4001));
    await peer.expect(close(1011));
    await peer.closeWrite();
    await closed(connection);
  }
});

Deno.test("A4: a hook that never settles ends with closeTimeout", async () => {
  using time = new FakeTime();
  const { connection, peer, conn } = open({ closeTimeout: 5_000 });
  connection.decideReply = () => new Promise(() => {});
  await peer.send(close(4001));
  await time.advance(5_000);
  assertEquals((await closed(connection)).wasClean, false);
  assertEquals([conn.closes, conn.writes.length, time.timers], [1, 0, 0]);
});
