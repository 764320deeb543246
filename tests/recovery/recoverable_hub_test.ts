import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { LimitError, TopicError } from "../../lib/errors.ts";
import { memoryLog } from "../../lib/recovery/memory_log.ts";
import { createRecoverableHub } from "../../lib/recovery/recoverable_hub.ts";
import { connectedPair } from "../../lib/testing/connected_pair.ts";
import { fakeTime } from "../../lib/testing/fake_time.ts";
import { printed } from "../_support/printed.ts";
import { settle, until } from "../_support/wait.ts";
import { recoverableHub, speaker, TestLog } from "./_support.ts";

Deno.test("a client that reconnects to another server gets its missed messages, in order and once", async () => {
  const log = memoryLog();
  await using one = recoverableHub({ log });
  await using other = recoverableHub({ log });
  let last;
  {
    await using client = await speaker(one);
    client.subscribe("news");
    last = await client.next();
    one.publish("news", "a");
    assertEquals(await client.data(1), ["a"]);
  }
  if (last.type !== "subscribed") throw new Error(last.type);
  const { epoch, offset } = last.position;
  await one.publish("news", "b", { durable: true });
  await other.publish("news", "c", { durable: true });
  await using client = await speaker(other);
  client.subscribe("news", { epoch, offset: offset + 1 });
  const begun = await client.next();
  assertEquals([begun.type, begun.type === "subscribed" && begun.recovered], ["subscribed", true]);
  other.publish("news", "d");
  assertEquals(await client.data(3), ["b", "c", "d"]);
  assertEquals([other.stats.recovered, other.stats.caughtUp], [1, 2]);
});

Deno.test("a plain connection gets only the data, and no missed messages", async () => {
  await using hub = recoverableHub({ log: memoryLog() });
  await hub.publish("news", "before", { durable: true });
  const heard: unknown[] = [];
  await using pair = await connectedPair({
    handler: hub.handlers({
      open: (socket) => void hub.subscribe(socket, "news"),
      message: (_, data) => heard.push(data),
    }),
  });
  await until(() => hub.count("news") === 1, "The subscription");
  await hub.publish("news", "now", { durable: true });
  assertEquals((await pair.client[Symbol.asyncIterator]().next()).value, "now");
  await pair.client.send("hello");
  await until(() => heard.length === 1, "The message");
  assertEquals(heard, ["hello"]);
});

Deno.test("the server subscribes a client that speaks the protocol, and sends to it alone", async () => {
  await using hub = recoverableHub({ log: memoryLog() });
  const position = await hub.publish("news", "a", { durable: true });
  await hub.publish("news", "b", { durable: true });
  await using client = await speaker(hub, {
    open(socket) {
      hub.subscribe(socket, "news", { position });
      return hub.send(socket, "hello");
    },
    message: (socket, data, { id }) => hub.send(socket, `${data} ${id}`),
  });
  const heard = [await client.next(), await client.next(), await client.next()];
  assertEquals(
    heard.flatMap((said) => said.type === "message" ? [[said.topic, said.data]] : []).sort(),
    [
      [undefined, "hello"],
      ["news", "b"],
    ].sort(),
  );
  await client.client.send('{"type":"message","data":"you"}');
  assertEquals(await client.data(1), ["you undefined"]);
});

Deno.test("authorize is called each time that a client subscribes, and a refusal is sent to it", async () => {
  let allowed = true;
  await using hub = recoverableHub({ log: memoryLog(), authorize: (_, topic) => allowed && topic !== "secret" });
  await using client = await speaker(hub);
  client.subscribe("secret");
  assertEquals(await client.next(), { type: "refused", topic: "secret", reason: "not-allowed" });
  client.subscribe("news");
  assertEquals((await client.next()).type, "subscribed");
  allowed = false;
  await using again = await speaker(hub);
  again.subscribe("news", { epoch: "x", offset: 1 });
  assertEquals(await again.next(), { type: "refused", topic: "news", reason: "not-allowed" });
  assertEquals(hub.count("news"), 1);
  client.subscribe("news");
  assertEquals((await client.next()).type, "refused");
  assertEquals(hub.count("news"), 0); // a client that is refused has no subscription from before either
});

Deno.test("authorize refuses also with a promise or a truthy value that is not true", async () => {
  // deno-lint-ignore no-explicit-any -- an application in JavaScript may return anything
  const authorize: any = () => Promise.resolve(true);
  await using hub = recoverableHub({ log: memoryLog(), authorize });
  await using client = await speaker(hub);
  client.subscribe("news");
  assertEquals((await client.next()).type, "refused");
});

Deno.test("a promise of authorize that rejects refuses, and onError gets the error", async () => {
  const errors: unknown[] = [];
  const authorize = () => JSON.parse("0") || Promise.reject("no answer");
  await using hub = createRecoverableHub({ log: memoryLog(), authorize, onError: (error) => void errors.push(error) });
  await using client = await speaker(hub);
  client.subscribe("news");
  assertEquals(await client.next(), { type: "refused", topic: "news", reason: "not-allowed" });
  await until(() => errors.length > 0, "The error");
  assertEquals(errors, ["no answer"]);
});

Deno.test("an observer that throws changes nothing: its errors are printed", async () => {
  const fails = () => {
    throw new Error("metrics");
  };
  const observer = { appended: fails, refused: fails, recovered: fails, unrecovered: fails, held: fails };
  const log = new TestLog();
  const lines = await printed(async () => {
    await using hub = createRecoverableHub({ log, observer });
    const position = await hub.publish("news", "a", { durable: true });
    await hub.publish("news", "b", { durable: true });
    log.error = new Error("disk full");
    await assertRejects(() => hub.publish("news", "c", { durable: true }), Error, "disk full");
    log.error = undefined;
    for (const from of [position, { epoch: "other", offset: 0 }]) {
      await using client = await speaker(hub);
      client.subscribe("news", from);
      assertEquals((await client.next()).type, "subscribed");
      if (from === position) assertEquals(await client.data(1), ["b"]);
      await hub.publish("news", "d", { durable: true });
      assertEquals(await client.data(1), ["d"]);
    }
    assertEquals([hub.stats.appended, hub.stats.refused], [4, 1]);
  });
  assertEquals(new Set(lines.map(String)), new Set(["Error: metrics"]));
});

Deno.test("topics have limits: their names and their number for each connection", async () => {
  await using hub = recoverableHub({ log: memoryLog(), maxTopicsPerConnection: 2, maxTopicBytes: 10 });
  await using client = await speaker(hub);
  for (const topic of ["a", "b", "c", "x".repeat(11), "\ud800"]) client.subscribe(topic);
  const said = [];
  for (let i = 0; i < 5; i++) said.push(await client.next());
  const refusals = said.flatMap((fact) => fact.type === "refused" ? [fact.reason] : []);
  assertEquals(refusals.sort(), ["no-topic", "no-topic", "too-many-topics"]);
  assertThrows(
    () => hub.subscribe(client.server, "c"),
    LimitError,
    'maxTopicsPerConnection 2 topics already: topic "c"',
  );
  assertThrows(() => hub.publish("x".repeat(11), "a"), LimitError, "maxTopicBytes 10");
  assertThrows(() => void hub.publish("\ud800", "a", { durable: true }), TopicError);
});

Deno.test("a client that sends invalid messages is closed with 1007", async () => {
  await using hub = recoverableHub({ log: memoryLog() });
  for (const line of ["hello", '{"type":"message","number":1,"data":"without a session"}']) {
    await using client = await speaker(hub);
    await client.client.send(line);
    assertEquals((await client.client.closed).closeCode, 1007);
  }
});

Deno.test("unsubscribing ends a subscription, also while it catches up, and a topic without subscribers is soon no longer followed", async () => {
  using time = fakeTime();
  const log = new TestLog();
  await using hub = recoverableHub({ log });
  await using client = await speaker(hub);
  client.subscribe("news");
  await client.next();
  assertEquals(hub.subscribe(client.server, "news"), false);
  assertEquals([hub.count("news"), hub.unsubscribe(client.server, "news"), hub.count("news")], [1, true, 0]);
  assertEquals(hub.unsubscribe(client.server, "news"), false);
  await time.advance(1_000);
  const reads = log.reads.length;
  log.hint();
  assertEquals(log.reads.length, reads);
});

Deno.test("a connection that ends is removed with its subscriptions", async () => {
  await using hub = recoverableHub({ log: memoryLog() });
  {
    await using client = await speaker(hub);
    client.subscribe("news");
    await client.next();
    assertEquals(hub.count("news"), 1);
  }
  assertEquals(hub.count("news"), 0);
});

Deno.test("a publisher that waits gets the log's refusal, and one that does not wait has onError", async () => {
  const log = new TestLog();
  const errors: unknown[] = [];
  await using hub = createRecoverableHub({ log, onError: (error) => void errors.push(error) });
  log.error = new Error("disk full");
  await assertRejects(() => hub.publish("news", "a", { durable: true }), Error, "disk full");
  hub.publish("news", "a");
  await until(() => errors.length === 1, "The error");
  assertEquals([errors, hub.stats.refused, hub.stats.appended], [[log.error], 2, 0]);
});

Deno.test("a second message with the same id is not published", async () => {
  await using hub = recoverableHub({ log: memoryLog() });
  const first = await hub.publish("news", "a", { durable: true, id: "1" });
  assertEquals(await hub.publish("news", "a", { durable: true, id: "1" }), first);
  assertEquals((await hub.publish("news", "b", { durable: true })).offset, first.offset + 1);
});

Deno.test("a lost log is reported to every subscriber at the head, and they continue", async () => {
  const log = new TestLog();
  await using hub = recoverableHub({ log });
  await using client = await speaker(hub);
  client.subscribe("news");
  await client.next();
  await hub.publish("news", "a", { durable: true });
  await client.data(1);
  await log.wipe();
  await until(() => hub.stats.unrecovered === 1, "The new epoch");
  await hub.publish("news", "b", { durable: true });
  const said = await client.next();
  assertEquals(said.type === "subscribed" && [said.recovered, said.reason], [false, "epoch-changed"]);
  assertEquals(await client.data(1), ["b"]);
});

Deno.test("a slow subscriber is disconnected with 1013 and catches up when it reconnects", async () => {
  await using hub = recoverableHub({ log: memoryLog(), maxBacklogBytes: 10_000 });
  await using slow = await speaker(hub, {}, { capacity: 100, server: { highWaterMark: 1_000, closeTimeout: 10 } });
  slow.subscribe("news");
  const begun = await slow.next();
  for (let i = 0; i < 50; i++) await hub.publish("news", `${i} ${"x".repeat(1_000)}`, { durable: true });
  const { error } = await slow.server.closed;
  assertEquals(error instanceof LimitError && [error.limit, error.closeCode], ["maxBacklogBytes", 1013]);
  await using back = await speaker(hub);
  back.subscribe("news", begun.type === "subscribed" ? begun.position : undefined);
  await back.next();
  const data = await back.data(50);
  assertEquals(data.map((text) => parseInt(String(text))), Array.from({ length: 50 }, (_, i) => i));
});

Deno.test("a slow subscriber that catches up gets no more than its queue takes", async () => {
  await using hub = recoverableHub({ log: memoryLog() });
  const position = await hub.publish("news", "first", { durable: true });
  for (let i = 0; i < 100; i++) await hub.publish("news", `${i} ${"x".repeat(2_000)}`, { durable: true });
  await using slow = await speaker(hub, {}, { capacity: 1_000 });
  slow.subscribe("news", position);
  await until(() => slow.server.bufferedAmount > 64_000, "A full queue");
  assertEquals(slow.server.bufferedAmount < 100_000, true);
  await slow.next();
  assertEquals((await slow.data(100)).length, 100);
});

Deno.test("the application's callbacks may be methods of an object, and see every event", async () => {
  class Application {
    readonly heard: string[] = [];
    open(): void {
      this.heard.push("open");
    }
    message(_: unknown, data: unknown): void {
      this.heard.push(`message ${data}`);
    }
    close(): void {
      this.heard.push("close");
    }
  }
  const application = new Application();
  await using hub = recoverableHub({ log: memoryLog() });
  {
    await using client = await speaker(hub, application);
    await client.client.send('{"type":"message","data":"hello"}');
    await until(() => application.heard.length === 2, "The message");
  }
  assertEquals(application.heard, ["open", "message hello", "close"]);
});

Deno.test("a closed hub accepts no subscribers, and its log no messages", async () => {
  const hub = recoverableHub({ log: memoryLog() });
  await using client = await speaker(hub);
  client.subscribe("news");
  await client.next();
  await hub.close();
  assertEquals([hub.subscribe(client.server, "news"), hub.count("news"), client.client.readyState], [false, 0, 1]);
  await assertRejects(() => hub.publish("news", "a", { durable: true }), Error, "The log is closed");
});

Deno.test("a session's message reaches the application once, with its id, and is acknowledged", async () => {
  const log = memoryLog();
  await using one = recoverableHub({ log });
  await using other = recoverableHub({ log });
  const heard: unknown[] = [];
  const callbacks = {
    message: (_: unknown, data: unknown, { id }: { id: string | undefined }) => heard.push([data, id]),
  };
  const say = (number: number, data: string) => JSON.stringify({ type: "message", number, data });
  {
    await using client = await speaker(one, callbacks);
    await client.client.send('{"type":"session","session":"s"}');
    assertEquals(await client.next(), { type: "session", session: "s", number: 0 });
    await client.client.send(say(1, "a"));
    assertEquals(await client.next(), { type: "acknowledged", number: 1 });
  }
  await using client = await speaker(other, callbacks);
  await client.client.send('{"type":"session","session":"s"}');
  assertEquals(await client.next(), { type: "session", session: "s", number: 1 });
  for (const number of [1, 2]) {
    await client.client.send(say(number, "b"));
    assertEquals(await client.next(), { type: "acknowledged", number });
  }
  assertEquals(heard, [["a", "s:1"], ["b", "s:2"]]);
});

Deno.test("a message that the application rejects is not acknowledged: the connection is closed with 1011", async () => {
  await using hub = recoverableHub({ log: memoryLog() });
  await using client = await speaker(hub, { message: () => Promise.reject(new Error("no room")) }, {
    onError: () => {},
  });
  await client.client.send('{"type":"session","session":"s"}');
  await client.next();
  await client.client.send('{"type":"message","number":1,"data":"a"}');
  assertEquals((await client.client.closed).closeCode, 1011);
});

Deno.test("a message that failed because another connection had ended is not acknowledged with the next one", async () => {
  await using hub = recoverableHub({ log: memoryLog() });
  await using other = await connectedPair();
  other.server.abort();
  const taken: unknown[] = [];
  const message = async (_: unknown, data: unknown) => {
    if (taken.length === 0) await other.server.send("gone");
    taken.push(data);
  };
  await using client = await speaker(hub, { message }, { onError: () => {} });
  for (
    const line of [
      '{"type":"session","session":"s"}',
      '{"type":"message","number":1,"data":"a"}',
      '{"type":"message","number":2,"data":"b"}',
    ]
  ) void client.client.send(line);
  assertEquals(await client.next(), { type: "session", session: "s", number: 0 });
  assertEquals([(await client.client.closed).closeCode, taken], [1011, []]);
});

Deno.test("a message that is still handled when its connection is lost is not handled again over the next one", async () => {
  await using hub = recoverableHub({ log: memoryLog() });
  const handled = Promise.withResolvers<void>();
  const heard: unknown[] = [];
  const callbacks = {
    message(_: unknown, data: unknown) {
      heard.push(data);
      return handled.promise;
    },
  };
  const lines = ['{"type":"session","session":"s"}', '{"type":"message","number":1,"data":"a"}'];
  await using lost = await speaker(hub, callbacks);
  for (const line of lines) void lost.client.send(line);
  await until(() => heard.length === 1, "The message");
  lost.client.abort();
  await lost.server.closed;
  await using client = await speaker(hub, callbacks);
  for (const line of lines) void client.client.send(line);
  await settle();
  handled.resolve();
  assertEquals(await client.next(), { type: "session", session: "s", number: 1 });
  assertEquals(await client.next(), { type: "acknowledged", number: 1 });
  assertEquals(heard, ["a"]);
});

Deno.test("handlers() checks the callbacks, and subscribe() and send() check the connection", async () => {
  await using hub = recoverableHub({ log: memoryLog() });
  const handlers = (callbacks: unknown) => () => Reflect.apply(hub.handlers, hub, [callbacks]);
  assertThrows(handlers({ mesage() {} }), TypeError, 'did you mean "message"?');
  assertThrows(handlers({ message: 1 }), TypeError, 'cannot use the callback "message" 1');
  assertThrows(handlers(() => {}), TypeError, "handlers() takes an object with callbacks, not a function");
  assertThrows(handlers(null), TypeError, "not null");
  for (const socket of [null, undefined, {}]) {
    for (const [action, call] of [["subscribe", hub.subscribe], ["send", hub.send]] as const) {
      const wrong = () => Reflect.apply(call, hub, [socket, "news"]);
      assertThrows(wrong, TypeError, `Cannot ${action}: the socket is not a connection of this module`);
    }
  }
});

Deno.test("invalid options throw at the call", async () => {
  const log = memoryLog();
  // deno-lint-ignore no-explicit-any -- what a program in JavaScript may do
  const wrong: any = createRecoverableHub;
  assertThrows(() => wrong({}), TypeError, "log");
  assertThrows(() => wrong({ log: {} }), TypeError, "log");
  assertThrows(() => wrong({ log, slowPolicy: "drop-oldest" }), TypeError, "slowPolicy");
  assertThrows(() => wrong({ log, maxCatchUpBytes: 0 }), RangeError, "maxCatchUpBytes");
  assertThrows(() => wrong({ log, maxTopicBytes: 10_001 }), RangeError, "a whole number from 1 to 10000");
  await using hub = recoverableHub({ log });
  const publish = hub.publish.bind(hub, "news", "a");
  for (const id of [1, "", "a\nb", "x".repeat(129)]) {
    assertThrows(() => Reflect.apply(publish, hub, [{ id }]), TypeError, "id");
  }
});
