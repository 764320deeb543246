import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import {
  Reconnecting,
  type ReconnectingInit,
  type ReconnectingState,
} from "../../lib/client/reconnecting_connection.ts";
import { ConnectionError, HandshakeError, LimitError } from "../../lib/errors.ts";
import { type ReconnectLimits, resolveReconnectLimits } from "../../lib/limits.ts";
import type { WebSocketConnection } from "../../lib/pipeline/sockets/websocket_connection.ts";
import { accept } from "../../lib/server/accept.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { connPair } from "../_support/pair.ts";
import { settle, soon } from "../_support/wait.ts";

/** An attempt to connect, which a test answers. */
interface Attempt {
  /** Accepts it: the server's end. */
  accept(): Promise<WebSocketConnection>;
  /** Lets it fail. */
  fail(error: unknown): void;
}

const QUIET = { pingInterval: 0, handshakeTimeout: 0, messageTimeout: 0 };

interface Play extends Disposable {
  readonly time: FakeTime;
  readonly connection: Reconnecting<unknown>;
  /** Each change of state. */
  readonly states: ReconnectingState[];
  readonly attempts: number;
  /** The next attempt, which must have begun. */
  attempt(): Attempt;
  accepted(): Promise<WebSocketConnection>;
}

/** A connection over servers in memory, a clock that stands still, and waits at the end of their range. */
function play(
  options: Partial<Omit<ReconnectingInit<unknown>, "limits">> & { limits?: Partial<ReconnectLimits> } = {},
): Play {
  const time = new FakeTime();
  const attempts: Attempt[] = [];
  const states: ReconnectingState[] = [];
  let taken = 0;
  const connection = new Reconnecting<unknown>({
    open(signal) {
      const opened = Promise.withResolvers<WebSocketConnection>();
      signal.addEventListener("abort", () => opened.reject(signal.reason));
      if (signal.aborted) opened.reject(signal.reason);
      attempts.push({
        async accept() {
          const [here, there] = connPair();
          const accepting = accept(there, QUIET);
          opened.resolve(connect("ws://example.com/", { ...QUIET, conn: here }));
          const socket = await soon(accepting, "The handshake");
          await settle();
          return socket;
        },
        fail: opened.reject,
      });
      return opened.promise;
    },
    highWaterMark: 1024,
    delay: { first: 1_000, most: 8_000, random: () => 1 },
    signal: undefined,
    ...options,
    limits: resolveReconnectLimits(options.limits),
    onState(connection) {
      states.push(connection.state);
      options.onState?.(connection);
    },
  });
  const attempt = () => {
    assert(attempts.length > taken, "No attempt was made");
    return attempts[taken++]!;
  };
  return {
    time,
    connection,
    states,
    get attempts() {
      return attempts.length;
    },
    attempt,
    accepted: () => attempt().accept(),
    [Symbol.dispose]() {
      time[Symbol.dispose]();
    },
  };
}

/** Reads as many messages. */
async function read(messages: AsyncIterable<unknown>, count: number): Promise<unknown[]> {
  const iterator = messages[Symbol.asyncIterator]();
  const all: unknown[] = [];
  while (all.length < count) all.push((await soon(iterator.next(), "A message")).value);
  return all;
}

const AWAY = new ConnectionError("Cannot connect");

/** Ends a play, and sees that nothing is left of it. */
async function end({ connection, time }: Play): Promise<void> {
  const closing = connection.close();
  await time.advance(10_000);
  await soon(closing, "The end");
  assertEquals([connection.state, time.timers], ["closed", 0]);
}

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

Deno.test("T14: a connection that lasted or brought a message starts the count anew; one that was dropped at once adds to it", async () => {
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
  await end(test);
});

Deno.test("T14: Retry-After of a refusal is waited for, and the random part comes on top", async () => {
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

Deno.test("messages of one connection after another come in their order, and none is missed by a loop that is left", async () => {
  using test = play();
  const first = await test.accepted();
  for (const message of ["a", "b", "c"]) await first.send(message);
  assertEquals(await read(test.connection, 1), ["a"]);
  await first.close(1012);
  await test.time.advance(1_000);
  const second = await test.accepted();
  await second.send("d");
  assertEquals(await read(test.connection, 3), ["b", "c", "d"]);
  await end(test);
  assertEquals(await Array.fromAsync(test.connection), []);
});

Deno.test("messages that are sent while away wait, and go out in order before those that come later", async () => {
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

Deno.test("the outbox goes out as fast as the peer reads, and what is sent meanwhile waits behind it", async () => {
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

Deno.test("what has no room in the outbox is refused with LimitError, and the rest is sent", async () => {
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

Deno.test("a message is handed to one connection and once: lost with it, it is not sent again, and a send that waited is told", async () => {
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

Deno.test("onConnect speaks first on each connection, reads what it needs, and the outbox waits for it", async () => {
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

Deno.test("an onConnect that throws closes the connection with 1011 and is a failed attempt", async () => {
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

Deno.test("an onConnect that waits for a connection that is lost is not waited for", async () => {
  using test = play({ onConnect: () => new Promise(() => {}) });
  (await test.accepted()).abort();
  await settle();
  assertEquals(test.connection.state, "waiting");
  await end(test);
});

Deno.test("a final end ends it: cleanly by a close code, with its error by a refusal", async () => {
  using test = play();
  const { connection } = test;
  const socket = await test.accepted();
  await socket.send("last");
  await socket.close(1000, "done");
  const info = await soon(connection.closed, "The end");
  assertEquals(info, { closeCode: 1000, reason: "done", wasClean: true });
  assertEquals(await Array.fromAsync(connection), ["last"]);
  assertEquals([connection.state, connection.lastClose, test.states], ["closed", info, ["open", "closed"]]);
  assertThrows(() => connection.send("x"), DOMException, "closed for good");
  assertEquals(test.time.timers, 0);

  using other = play();
  const unsent = other.connection.send("x");
  const refusal = new HandshakeError("Forbidden", { status: 403 });
  other.attempt().fail(refusal);
  assertEquals((await soon(other.connection.closed, "The end")).error, refusal);
  assertStrictEquals(await assertRejects(() => Array.fromAsync(other.connection)), refusal);
  assertStrictEquals(await assertRejects(() => unsent), refusal);
});

Deno.test("messages that a last connection brought can be read after the end, however many they are", async () => {
  using test = play();
  const socket = await test.accepted();
  const messages = Array.from({ length: 20 }, (_, i) => `${i} ${"x".repeat(100)}`); // more than may wait
  for (const message of messages) await socket.send(message);
  void socket.close(1000);
  assertEquals(await soon(Array.fromAsync(test.connection), "The messages"), messages);
});

Deno.test("whoever does not read stops the peer, and the next connection waits until the last one is read", async () => {
  using test = play();
  const { connection, time } = test;
  const socket = await test.accepted();
  const messages = Array.from({ length: 20 }, (_, i) => `${i} ${"x".repeat(100)}`);
  for (const message of messages) await socket.send(message);
  await settle();
  connection.socket?.abort();
  await time.advance(60_000);
  assertEquals([connection.state, test.attempts], ["waiting", 1]);
  const received = await read(connection, 15);
  await settle();
  assertEquals(test.attempts, 2);
  received.push(...await read(connection, 5));
  assertEquals(received, messages);
  await end(test);
});

Deno.test("maxAttempts failures in a row are the end", async () => {
  using test = play({ limits: { maxAttempts: 3 } });
  for (const wait of [2_000, 4_000, 0]) {
    test.attempt().fail(AWAY);
    await test.time.advance(wait);
  }
  assertStrictEquals((await soon(test.connection.closed, "The end")).error, AWAY);
  assertEquals([test.attempts, test.connection.failures, test.time.timers], [3, 3, 0]);
});

Deno.test("shouldReconnect has the last word on every end", async () => {
  const asked: number[] = [];
  using test = play({
    shouldReconnect(info) {
      asked.push(info.closeCode);
      return info.closeCode !== 4000;
    },
  });
  for (const code of [1000, 1008]) {
    await (await test.accepted()).close(code);
    await test.time.advance(8_000);
  }
  test.attempt().fail(new HandshakeError("", { status: 404 }));
  await test.time.advance(8_000);
  await (await test.accepted()).close(4000);
  assertEquals((await soon(test.connection.closed, "The end")).closeCode, 4000);
  assertEquals(asked, [1000, 1008, 1006, 4000]);
});

Deno.test("close ends an attempt and a wait at once, without an error, and tells the senders of what waits", async () => {
  for (const failures of [0, 1]) {
    using test = play();
    const { connection } = test;
    const unsent = connection.send("x");
    if (failures > 0) test.attempt().fail(AWAY);
    await settle();
    assertEquals(connection.state, failures > 0 ? "waiting" : "connecting");
    assertEquals(await soon(connection.close(), "The end"), { closeCode: 1006, reason: "", wasClean: false });
    await assertRejects(() => unsent, DOMException, "The connection was closed");
    assertEquals(await Array.fromAsync(connection), []);
    assertEquals([connection.state, test.time.timers, test.attempts], ["closed", 0, 1]);
  }
});

Deno.test("close ends an open connection by the closing handshake, after what is queued and what waits", async () => {
  using test = play();
  const { connection } = test;
  const block = "x".repeat(100_000);
  for (const name of ["a", "b", "c"]) void connection.send(name + block);
  const socket = await test.accepted();
  const reading = Array.fromAsync(socket);
  const closing = connection.close(4000, "bye");
  assertThrows(() => connection.send("x"), DOMException, "closed for good");
  assertEquals((await soon(reading, "The messages")).map((message) => message[0]), ["a", "b", "c"]);
  const { closeCode, reason } = await socket.closed;
  assertEquals([closeCode, reason], [4000, "bye"]);
  const { closeCode: echoed, wasClean } = await soon(closing, "The end");
  assertEquals([echoed, wasClean, connection.state], [4000, true, "closed"]);
  assertStrictEquals(connection.close(), connection.closed);
  assertEquals([test.attempts, test.time.timers], [1, 0]);
});

Deno.test("close while onConnect is at work ends the connection that is there", async () => {
  using test = play({ onConnect: () => new Promise(() => {}) });
  const socket = await test.accepted();
  void test.connection.close(1001);
  await test.time.advance(0);
  assertEquals((await soon(socket.closed, "The end")).closeCode, 1001);
  assertEquals((await soon(test.connection.closed, "The end")).wasClean, true);
});

Deno.test("close that comes too late to give up an attempt closes the connection", async () => {
  const { resolve, promise } = Promise.withResolvers<WebSocketConnection>();
  using test = play({ open: () => promise });
  const [here, there] = connPair();
  const accepting = accept(there, QUIET);
  const opened = await connect("ws://example.com/", { ...QUIET, conn: here });
  resolve(opened);
  void test.connection.close();
  await test.time.advance(0);
  assertEquals((await soon((await accepting).closed, "The end")).closeCode, 1000);
  await soon(test.connection.closed, "The end");
  assertEquals(test.states, ["closed"]);
});

Deno.test("a code that may not be sent is the caller's mistake, and changes nothing", async () => {
  using test = play();
  assertThrows(() => test.connection.close(1006), RangeError);
  assertEquals(test.connection.state, "connecting");
  await end(test);
});

Deno.test("the signal ends it at once, whatever it is doing, with the signal's reason", async () => {
  const reason = new Error("enough");
  for (const state of ["closed", "connecting", "waiting", "open"]) {
    const controller = new AbortController();
    if (state === "closed") controller.abort(reason);
    using test = play({ signal: controller.signal });
    const { connection } = test;
    if (state === "waiting") test.attempt().fail(AWAY);
    const socket = state === "open" ? await test.accepted() : undefined;
    const reading = read(connection, 1);
    reading.catch(() => {});
    await settle();
    assertEquals(connection.state, state);
    controller.abort(reason);
    const info = await soon(connection.closed, "The end");
    assertEquals(info, { closeCode: 1006, reason: "", wasClean: false, error: reason }, state);
    assertStrictEquals(await assertRejects(() => reading), reason);
    assertEquals((await socket?.closed)?.closeCode, socket && 1006);
    await settle();
    assertEquals([connection.state, test.time.timers], ["closed", 0], state);
  }
});

Deno.test("await using closes it", async () => {
  using test = play();
  {
    await using connection = test.connection;
    assertEquals(connection.state, "connecting");
  }
  assertEquals(test.connection.state, "closed");
});

Deno.test("a hook that throws ends it for good with what it threw, and leaves no connection behind", async () => {
  const mistake = new Error("a bug");
  const bug = () => {
    throw mistake;
  };
  using open = play({ onState: bug });
  const socket = await open.accepted();
  assertStrictEquals((await soon(open.connection.closed, "The end")).error, mistake);
  assertEquals([(await soon(socket.closed, "The end")).closeCode, open.time.timers], [1006, 0]);

  using deciding = play({ shouldReconnect: bug });
  deciding.attempt().fail(AWAY);
  assertStrictEquals((await soon(deciding.connection.closed, "The end")).error, mistake);

  using closing = play({ onState: ({ state }) => void (state === "closed" && bug()) });
  assertStrictEquals((await soon(closing.connection.close(), "The end")).error, mistake);
});
