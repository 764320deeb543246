import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import { reconnecting } from "../../lib/client/reconnecting.ts";
import type { ReconnectingOptions } from "../../lib/client/client_options.ts";
import { ConnectionError } from "../../lib/errors.ts";
import { serve } from "../../lib/server/serve.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { overlook, RETURNED_AT_ONCE } from "../_support/printed.ts";

overlook(RETURNED_AT_ONCE);

const LOOPBACK = { hostname: "127.0.0.1", port: 0 } as const;
/** At once: real time is waited for. */
const AT_ONCE: ReconnectingOptions = { delay: { first: 1, most: 1 } };

Deno.test("reconnecting sends the same request as connect: subprotocols, header fields, compression, data", async () => {
  await using server = serve(
    { ...LOOPBACK, upgrade: () => ({ protocol: "chat" }), perMessageDeflate: true },
    (socket) => socket.send(`${socket.protocol} ${socket.headers.get("X-Test")}`),
  );
  await using connection = reconnecting(server.url, {
    ...AT_ONCE,
    protocols: "chat",
    headers: { "X-Test": "1" },
    perMessageDeflate: true,
    data: 42,
    onConnect: ({ protocol, extensions, data }) => {
      assertEquals([protocol, data], ["chat", 42]);
      assertMatch(extensions, /^permessage-deflate/);
    },
  });
  const { value } = await soon(connection[Symbol.asyncIterator]().next(), "The message");
  assertEquals(value, "chat 1");
});

Deno.test("the URL and the header fields can be computed for each attempt", async () => {
  await using server = serve(LOOPBACK, async (socket) => {
    await socket.send(`${new URL(socket.url).search} ${socket.headers.get("Authorization")}`);
    await socket.close(1012);
  });
  let count = 0;
  await using connection = reconnecting(() => `${server.url}/?attempt=${++count}`, {
    ...AT_ONCE,
    headers: () => Promise.resolve({ Authorization: `Bearer ${count}` }),
  });
  const messages = connection[Symbol.asyncIterator]();
  for (const expected of ["?attempt=1 Bearer 1", "?attempt=2 Bearer 2"]) {
    assertEquals((await soon(messages.next(), "The message")).value, expected);
  }
});

Deno.test("a URL function that throws fails the attempt, and the next attempt calls it again", async () => {
  await using server = serve(LOOPBACK, (socket) => void socket.close(1000));
  const offline = new TypeError("the token server is away");
  const causes: unknown[] = [];
  let count = 0;
  const connection = reconnecting(() => ++count === 1 ? Promise.reject(offline) : new URL(server.url), {
    ...AT_ONCE,
    onState: ({ state, lastClose }) => void (state === "waiting" && causes.push(lastClose?.error)),
  });
  assertEquals((await soon(connection.closed, "The end")).closeCode, 1000);
  assertEquals([count, causes.length], [2, 1]);
  assert(causes[0] instanceof ConnectionError && causes[0].cause === offline);
});

Deno.test("a URL function has handshakeTimeout to answer, and a later rejection is handled", async () => {
  using time = new FakeTime();
  const asked = Promise.withResolvers<string>();
  const connection = reconnecting(() => asked.promise, { handshakeTimeout: 50 });
  await time.advance(50);
  assertEquals(connection.state, "waiting");
  assertMatch(String(connection.lastClose?.error), /The URL and the header fields took more than 50 ms/);
  asked.reject(new Error("too late"));
  void connection.close();
  await settle();
  assertEquals([connection.state, time.timers], ["closed", 0]);
});

Deno.test("an invalid URL ends it: a string throws at the call, a function's ends the reconnecting", async () => {
  assertThrows(() => reconnecting("mailto:me"), DOMException);
  const { error } = await soon(reconnecting(() => "mailto:me").closed, "The end");
  assert(error instanceof DOMException && error.name === "SyntaxError");
});

Deno.test("an invalid limit throws", () => {
  for (const options of [{ maxOutboxBytes: 0 }, { pingInterval: -1 }]) {
    assertThrows(() => reconnecting("ws://127.0.0.1:1", options), RangeError);
  }
});

Deno.test("while no server listens it waits and retries, and close ends that and leaves no timer", async () => {
  const listener = Deno.listen(LOOPBACK);
  const { port } = listener.addr;
  listener.close();
  using time = new FakeTime();
  const connection = reconnecting(`ws://127.0.0.1:${port}`, { delay: { random: () => 1 } });
  await until(() => connection.state === "waiting", "The waiting");
  assertEquals([connection.failures, connection.delay, time.timers], [1, 10_000, 1]);
  await time.advance(10_000);
  await until(() => connection.failures === 2, "The second attempt");
  assertMatch(String(connection.lastClose?.error), /Cannot connect to 127\.0\.0\.1/);
  void connection.close();
  assertStrictEquals((await soon(connection.closed, "The end")).error, undefined);
  assertEquals(time.timers, 0);
});

Deno.test("the signal aborts an attempt that hangs", async () => {
  using listener = Deno.listen(LOOPBACK);
  const controller = new AbortController();
  const connection = reconnecting(`ws://127.0.0.1:${listener.addr.port}`, { signal: controller.signal });
  using conn = await soon(listener.accept(), "The connection");
  controller.abort(new Error("enough"));
  assertEquals((await soon(connection.closed, "The end")).error, controller.signal.reason);
  while (await soon(conn.read(new Uint8Array(1024)), "The end of the attempt") !== null);
});

Deno.test("a signal that outlives many attempts and connections has one listener meanwhile, and none afterwards", async () => {
  const { signal } = new AbortController();
  const listeners = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    listeners.add(args[1]);
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    listeners.delete(args[1]);
    removeEventListener.apply(signal, args);
  };
  let clients = 0;
  await using server = serve({
    ...LOOPBACK,
    upgrade: () => ++clients % 2 === 0 ? new Response(null, { status: 503 }) : undefined,
  }, (socket) => void socket.close(clients < 10 ? 1012 : 1000));
  const most = { listeners: 0 };
  const connection = reconnecting(server.url, {
    ...AT_ONCE,
    signal,
    onState: () => void (most.listeners = Math.max(most.listeners, listeners.size)),
  });
  assertEquals((await soon(connection.closed, "The end")).closeCode, 1000);
  assertEquals([most.listeners, listeners.size], [1, 0]);
});
