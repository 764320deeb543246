import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { accept } from "../../lib/server/accept.ts";
import { connPair } from "../_support/pair.ts";
import { settle, soon } from "../_support/wait.ts";
import { AWAY, end, play, QUIET, read } from "./_reconnecting.ts";

Deno.test("a final close code ends it cleanly, and a final refusal ends it with its error", async () => {
  using test = play();
  const { connection } = test;
  const socket = await test.accepted();
  await socket.send("last");
  await socket.close(1000, "done");
  const info = await soon(connection.closed, "The end");
  assertEquals(info, { closeCode: 1000, reason: "done", wasClean: true });
  assertEquals(await Array.fromAsync(connection), ["last"]);
  assertEquals([connection.state, connection.lastClose, test.states], ["closed", info, ["open", "closed"]]);
  await assertRejects(() => connection.send("x"), DOMException, "closed for good");
  assertEquals(test.time.timers, 0);

  using other = play();
  const unsent = other.connection.send("x");
  const refusal = new HandshakeError("Forbidden", { status: 403 });
  other.attempt().fail(refusal);
  assertEquals((await soon(other.connection.closed, "The end")).error, refusal);
  assertStrictEquals(await assertRejects(() => Array.fromAsync(other.connection)), refusal);
  assertStrictEquals(await assertRejects(() => unsent), refusal);
});

Deno.test("messages of the last connection can be read after the end, however many there are", async () => {
  using test = play();
  const socket = await test.accepted();
  const messages = Array.from({ length: 20 }, (_, i) => `${i} ${"x".repeat(100)}`); // more than may wait
  for (const message of messages) await socket.send(message);
  void socket.close(1000);
  assertEquals(await soon(Array.fromAsync(test.connection), "The messages"), messages);
});

Deno.test("maxAttempts failures in a row end it", async () => {
  using test = play({ limits: { maxAttempts: 3 } });
  for (const wait of [2_000, 4_000, 0]) {
    test.attempt().fail(AWAY);
    await test.time.advance(wait);
  }
  assertStrictEquals((await soon(test.connection.closed, "The end")).error, AWAY);
  assertEquals([test.attempts, test.connection.failures, test.time.timers], [3, 3, 0]);
});

Deno.test("shouldReconnect decides about every end", async () => {
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

Deno.test("close ends an attempt or a wait at once, without an error, and rejects the waiting sends", async () => {
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

Deno.test("close ends an open connection by the closing handshake, after all queued and waiting messages", async () => {
  using test = play();
  const { connection } = test;
  const block = "x".repeat(100_000);
  for (const name of ["a", "b", "c"]) void connection.send(name + block);
  const socket = await test.accepted();
  const reading = Array.fromAsync(socket);
  const closing = connection.close(4000, "bye");
  await assertRejects(() => connection.send("x"), DOMException, "closed for good");
  assertEquals((await soon(reading, "The messages")).map((message) => message[0]), ["a", "b", "c"]);
  const { closeCode, reason } = await socket.closed;
  assertEquals([closeCode, reason], [4000, "bye"]);
  const { closeCode: echoed, wasClean } = await soon(closing, "The end");
  assertEquals([echoed, wasClean, connection.state], [4000, true, "closed"]);
  assertStrictEquals(connection.close(), connection.closed);
  assertEquals([test.attempts, test.time.timers], [1, 0]);
});

Deno.test("close while onConnect runs ends the open connection", async () => {
  using test = play({ onConnect: () => new Promise(() => {}) });
  const socket = await test.accepted();
  void test.connection.close(1001);
  await test.time.advance(0);
  assertEquals((await soon(socket.closed, "The end")).closeCode, 1001);
  assertEquals((await soon(test.connection.closed, "The end")).wasClean, true);
});

Deno.test("close that comes too late to cancel an attempt closes the connection", async () => {
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

Deno.test("a code that must not be sent throws, and changes nothing", async () => {
  using test = play();
  assertThrows(() => test.connection.close(1006), RangeError);
  assertEquals(test.connection.state, "connecting");
  await end(test);
});

Deno.test("the signal ends it at once with the signal's reason, in whatever state it is", async () => {
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

Deno.test("a hook that throws ends it for good with its error, and leaves no connection behind", async () => {
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

Deno.test("a send after the end rejects with InvalidStateError, whose cause is the error that ended it; a wrong argument throws", async () => {
  using test = play();
  const refusal = new HandshakeError("Forbidden", { status: 403 });
  test.attempt().fail(refusal);
  await soon(test.connection.closed, "The end");
  void test.connection.send("ignored");
  const late = await assertRejects(() => test.connection.send("late"), DOMException, "closed for good");
  assertEquals([late.name, late.cause === refusal], ["InvalidStateError", true]);
  assertThrows(() => Reflect.apply(test.connection.send, test.connection, [42]), TypeError, "Cannot send 42");
});

Deno.test("an asynchronous onState that rejects ends it for good, without an unhandled rejection", async () => {
  const mistake = new Error("a mistake");
  using test = play({ onState: () => Promise.reject(mistake) });
  await test.accepted();
  const { error } = await soon(test.connection.closed, "The end");
  assertStrictEquals(error, mistake);
});

Deno.test("an asynchronous shouldReconnect is awaited", async () => {
  using test = play({ shouldReconnect: () => Promise.resolve(false) });
  test.attempt().fail(new ConnectionError("lost"));
  await soon(test.connection.closed, "The end");
  assertEquals([test.attempts, test.connection.state], [1, "closed"]);
});
