import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConnectionError, HandshakeError, LimitError } from "../../lib/errors.ts";
import { settle, soon, turn } from "../_support/wait.ts";
import { AWAY, end, play, read } from "./_reconnecting.ts";

Deno.test("T14: the first attempt is made at once, each later one after a wait whose range doubles up to its limit", async () => {
  using test = play();
  const { connection, time, states } = test;
  assertEquals(connection.state, "connecting");
  for (const [failures, delay] of [[1, 2_000], [2, 4_000], [3, 8_000], [4, 8_000]] as const) {
    test.attempt().fail(AWAY);
    await settle();
    assertEquals([connection.state, connection.failures, connection.delay], ["waiting", failures, delay]);
    assertEquals(connection.lastClose, { closeCode: 1006, reason: "", wasClean: false, error: AWAY });
    await time.advance(delay - 1);
    assertEquals([connection.state, test.attempts], ["waiting", failures]);
    await time.advance(1);
    assertEquals([connection.state, test.attempts, connection.delay], ["connecting", failures + 1, 0]);
  }
  await test.accepted();
  assertEquals([connection.state, connection.failures], ["open", 4]);
  assertEquals(states, [...Array.from({ length: 4 }, () => ["waiting", "connecting"] as const).flat(), "open"]);
  await end(test);
});

Deno.test("T14: a connection that lasted or brought a message resets the count; one that was dropped at once increases it", async () => {
  using test = play();
  const { connection, time } = test;
  for (const failures of [1, 2]) {
    (await test.accepted()).abort();
    await settle();
    assertEquals(connection.failures, failures, "accepted and dropped");
    await time.advance(8_000);
  }
  const lasting = await test.accepted();
  await time.advance(4_999);
  assertEquals(connection.failures, 2);
  await time.advance(1);
  assertEquals(connection.failures, 0);
  lasting.abort();
  await settle();
  assertEquals([connection.failures, connection.delay], [0, 1_000]);
  await time.advance(1_000);

  (await test.accepted()).abort();
  await time.advance(2_000);
  const talking = await test.accepted();
  assertEquals(connection.failures, 1);
  await talking.send("hello");
  await settle();
  assertEquals(connection.failures, 0);
  talking.abort();
  await settle();
  assertEquals([connection.failures, connection.delay], [0, 1_000]);
  await time.advance(1_000);

  (await test.accepted()).abort();
  await settle();
  assertEquals(connection.failures, 1, "a message of the connection before proves nothing of this one");
  await end(test);
});

Deno.test("T14: attempts that fail after a connection that lasted count as failures", async () => {
  using test = play();
  const { connection, time } = test;
  const lasting = await test.accepted();
  await lasting.send("hello");
  await time.advance(60_000);
  lasting.abort();
  await time.advance(1_000);
  for (const [failures, delay] of [[1, 2_000], [2, 4_000]] as const) {
    test.attempt().fail(AWAY);
    await settle();
    assertEquals([connection.failures, connection.delay], [failures, delay]);
    await time.advance(delay);
  }
  await end(test);
});

Deno.test("T14: Retry-After of a refusal is honoured, and the random delay is added to it", async () => {
  using test = play();
  test.attempt().fail(new HandshakeError("Busy", { status: 503, headers: [["Retry-After", "120"]] }));
  await settle();
  assertEquals(test.connection.delay, 122_000);
  await test.time.advance(121_999);
  assertEquals(test.attempts, 1);
  await test.time.advance(1);
  assertEquals(test.attempts, 2);
  await end(test);
});

Deno.test("T14: Retry-After of any refusal that is not final is honoured, whatever its status", async () => {
  using test = play();
  for (const status of [503, 429, 200, 302, 500]) {
    test.attempt().fail(
      new HandshakeError("Busy", { status, headers: [["Retry-After", "10"], ["Retry-After", "100"]] }),
    );
    await settle();
    assert(test.connection.delay > 100_000, `${status}: ${test.connection.delay}`);
    await test.time.advance(test.connection.delay);
  }
  await end(test);
});

Deno.test("messages of successive connections come in order, and leaving a loop loses none", async () => {
  using test = play();
  const first = await test.accepted();
  for (const message of ["a", "b", "c"]) await first.send(message);
  assertEquals(await read(test.connection, 1), ["a"]);
  const left = await test.connection[Symbol.asyncIterator]().return?.();
  assertEquals(left, { value: undefined, done: true });
  await first.close(1012);
  await test.time.advance(1_000);
  const second = await test.accepted();
  await second.send("d");
  assertEquals(await read(test.connection, 3), ["b", "c", "d"]);
  await end(test);
  assertEquals(await Array.fromAsync(test.connection), []);
});

Deno.test("messages that are sent while disconnected wait, and leave in order before later ones", async () => {
  using test = play();
  const { connection } = test;
  const sent = [connection.send("1"), connection.send(Uint8Array.of(2))];
  assertEquals(connection.bufferedAmount, 2);
  test.attempt().fail(AWAY);
  await test.time.advance(2_000);
  sent.push(connection.send("3"));
  const socket = await test.accepted();
  sent.push(connection.send("4"));
  await soon(Promise.all(sent), "The sends");
  assertEquals(await read(socket, 4), ["1", Uint8Array.of(2), "3", "4"]);
  assertEquals(connection.bufferedAmount, 0);
  await end(test);
});

Deno.test("the outbox is sent as fast as the peer reads, and messages sent meanwhile wait behind it", async () => {
  using test = play();
  const { connection } = test;
  const block = "x".repeat(300_000); // more than all buffers here, and than highWaterMark
  const done: string[] = [];
  for (const name of ["a", "b", "c"]) void connection.send(name + block).then(() => done.push(name));
  const socket = await test.accepted();
  // The peer takes in one message ahead.
  assertEquals([connection.state, done], ["open", ["a"]]);
  void connection.send("late").then(() => done.push("late"));
  const received = await read(socket, 4);
  assertEquals(received.map((message) => String(message).slice(0, 4)), ["axxx", "bxxx", "cxxx", "late"]);
  await settle();
  assertEquals(done, ["a", "b", "c", "late"]);
  await end(test);
});

Deno.test("a message that does not fit into the outbox is refused with LimitError, and the rest is sent", async () => {
  using test = play({ limits: { maxOutboxBytes: 10, maxOutboxMessages: 2 } });
  const { connection } = test;
  const kept = connection.send("0123456789");
  assertEquals((await assertRejects(() => connection.send("x"), LimitError)).limit, "maxOutboxBytes");
  void connection.send("");
  assertEquals((await assertRejects(() => connection.send(""), LimitError)).limit, "maxOutboxMessages");
  const socket = await test.accepted();
  await soon(kept, "The send");
  assertEquals(await read(socket, 2), ["0123456789", ""]);
  await end(test);
});

Deno.test("a message is given to one connection, once: if it is lost it is not sent again, and a waiting send rejects", async () => {
  using test = play();
  const { connection, time } = test;
  const first = await test.accepted();
  void connection.send("x".repeat(300_000)); // after which the peer takes in no more
  const waiting = connection.send("x".repeat(300_000));
  waiting.catch(() => {});
  await settle();
  first.abort();
  await settle();
  await assertRejects(() => soon(waiting, "The send"), ConnectionError);
  const later = connection.send("later");
  await time.advance(8_000);
  const second = await test.accepted();
  await soon(later, "The send");
  assertEquals(await read(second, 1), ["later"]);
  await end(test);
});

Deno.test("onConnect sends first on each connection and reads what it needs, while the outbox waits", async () => {
  const ready: string[] = [];
  using test = play({
    onConnect: async (socket) => {
      await socket.send("token");
      for await (const message of socket) {
        ready.push(String(message));
        break;
      }
    },
  });
  const { connection } = test;
  for (const round of ["first", "second"]) {
    const socket = await test.accepted();
    const sent = connection.send(round);
    assertEquals([connection.state, connection.socket], ["connecting", undefined]);
    assertEquals(await read(socket, 1), ["token"]);
    await socket.send(`${round} ready`);
    await socket.send(`${round} news`);
    await soon(sent, "The send");
    assertEquals(connection.state, "open");
    assertEquals(connection.socket?.role, "client");
    assertEquals(await read(socket, 1), [round]);
    assertEquals(await read(connection, 1), [`${round} news`]);
    socket.abort();
    await test.time.advance(1_000);
  }
  assertEquals(ready, ["first ready", "second ready"]);
  await end(test);
});

Deno.test("an onConnect that throws closes the connection with 1011 and counts as a failed attempt", async () => {
  const mistake = new Error("no token");
  using test = play({ onConnect: () => Promise.reject(mistake) });
  const { connection } = test;
  const sent = connection.send("kept");
  const socket = await test.accepted();
  await test.time.advance(0);
  assertEquals((await soon(socket.closed, "The end")).closeCode, 1011);
  await settle();
  assertEquals([connection.state, connection.failures, connection.delay], ["waiting", 1, 2_000]);
  const error = connection.lastClose?.error;
  assert(error instanceof ConnectionError && error.cause === mistake);
  await end(test);
  await assertRejects(() => sent, DOMException, "The connection was closed");
});

Deno.test("if onConnect fails because the connection closes, the close code counts and not that error", async () => {
  using test = play({
    onConnect: async (socket) => {
      while (socket.readyState === 1) await turn(); // the peer's close frame is here, and the end is not
      throw new Error("There is no token");
    },
  });
  const { connection } = test;
  const socket = await test.accepted();
  void socket.close(4001, "moved");
  await test.time.advance(0);
  await settle();
  assertEquals([connection.state, connection.lastClose?.closeCode, connection.lastClose?.reason], [
    "waiting",
    4001,
    "moved",
  ]);
  await end(test);
});

Deno.test("an onConnect that waits for a lost connection does not delay the next attempt", async () => {
  using test = play({ onConnect: () => new Promise(() => {}) });
  (await test.accepted()).abort();
  await settle();
  assertEquals(test.connection.state, "waiting");
  await end(test);
});

Deno.test("a slow reader stops the peer, and the next connection waits until the last one is read", async () => {
  using test = play();
  const { connection, time } = test;
  const socket = await test.accepted();
  const messages = Array.from({ length: 20 }, (_, i) => `${i} ${"x".repeat(100)}`);
  for (const message of messages) await socket.send(message);
  await settle();
  connection.socket?.abort();
  await time.advance(60_000);
  assertEquals([connection.state, test.attempts], ["waiting", 1]);
  const received = await read(connection, 17);
  await settle();
  assertEquals(test.attempts, 2);
  received.push(...await read(connection, 3));
  assertEquals(received, messages);
  await end(test);
});
