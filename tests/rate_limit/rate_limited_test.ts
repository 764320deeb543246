import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  connect,
  LimitError,
  MessageError,
  serve,
  type WebSocketConnection,
  type WebSocketHandler,
} from "../../mod.ts";
import { rateLimited, rateLimitedHandler, type RateLimitOptions } from "../../lib/rate_limit/mod.ts";
import { connectedPair } from "../../lib/testing/connected_pair.ts";
import { json, requests, typed } from "../../lib/typed/mod.ts";
import { FakeTime } from "../_support/fake_time.ts";

const SLOW: RateLimitOptions = { messagesPerSecond: 10, messageBurst: 2 };

/** No timers of keepalive's. */
const QUIET = { server: { pingInterval: 0 }, client: { pingInterval: 0 } };

/** The ways to read a limited connection in a handler. */
const LANES: Record<string, (options: RateLimitOptions, heard: unknown[]) => { handler: WebSocketHandler }> = {
  callbacks: (options, heard) => ({
    handler: rateLimitedHandler(options, { message: (_, data) => void heard.push(data) }),
  }),
  "asynchronous callbacks": (options, heard) => ({
    handler: rateLimitedHandler(options, {
      async message(_, data) {
        await Promise.resolve();
        heard.push(data);
      },
    }),
  }),
  "a function": (options, heard) => ({
    handler: rateLimitedHandler(options, async (peer) => {
      for await (const message of peer) heard.push(message);
    }),
  }),
  readable: (options, heard) => ({
    handler: async (socket: WebSocketConnection) => {
      for await (const message of rateLimited(socket, options).readable) heard.push(message);
    },
  }),
};

for (const [name, lane] of Object.entries(LANES)) {
  Deno.test(`${name}: the burst is delivered at once, the rest at the rate, and no timer runs unnecessarily`, async () => {
    using time = new FakeTime();
    const heard: unknown[] = [];
    const pair = await connectedPair({ ...lane(SLOW, heard), ...QUIET });
    const timers = time.timers;
    for (let n = 0; n < 5; n++) void pair.client.send(String(n));
    await time.advance(0);
    assertEquals(heard, ["0", "1"]);
    assertStrictEquals(time.timers, timers + 1);
    await time.advance(99);
    assertEquals(heard, ["0", "1"]);
    await time.advance(1);
    assertEquals(heard, ["0", "1", "2"]);
    await time.advance(200);
    assertEquals(heard, ["0", "1", "2", "3", "4"]);
    assertStrictEquals(time.timers, timers);
    await pair.client.close();
    await pair[Symbol.asyncDispose]();
  });

  Deno.test(`${name}: messages from before the end are delivered without waiting`, async () => {
    using time = new FakeTime();
    const heard: unknown[] = [];
    const pair = await connectedPair({ ...lane(SLOW, heard), ...QUIET });
    for (let n = 0; n < 5; n++) void pair.client.send(String(n));
    await time.advance(0);
    assertEquals(heard.length, 2);
    pair.client.abort();
    await pair.server.closed;
    await time.advance(0);
    assertEquals(heard, ["0", "1", "2", "3", "4"]);
    await Promise.allSettled([pair[Symbol.asyncDispose]()]);
  });

  Deno.test(`${name}: with close a faster peer is closed with 1008, and no later message is delivered`, async () => {
    using time = new FakeTime();
    const heard: unknown[] = [];
    const pair = await connectedPair({ ...lane({ ...SLOW, exceeded: "close" }, heard), ...QUIET });
    for (let n = 0; n < 5; n++) void pair.client.send(String(n));
    await time.advance(0);
    assertEquals(heard, ["0", "1"]);
    const reason = "More than 10 messages a second, and 2 at once";
    const { closeCode, reason: told } = await pair.client.closed;
    assertEquals([closeCode, told], [1008, reason]);
    const { error } = await pair.server.closed;
    assert(error instanceof LimitError && error.limit === "messagesPerSecond");
    await pair[Symbol.asyncDispose]();
  });
}

Deno.test("a paused peer is slowed down by backpressure: only one connection's queue waits", async () => {
  using time = new FakeTime();
  const heard: unknown[] = [];
  const pair = await connectedPair({
    handler: rateLimitedHandler({ bytesPerSecond: 1_000 }, { message: (_, data) => void heard.push(data) }),
    server: { pingInterval: 0, highWaterMark: 4_000 },
    client: { pingInterval: 0, highWaterMark: 4_000 },
    capacity: 4_000,
  });
  let sent = 0;
  const sending = (async () => {
    for (; sent < 100; sent++) await pair.client.send(new Uint8Array(1_000));
  })().catch(() => {});
  await time.advance(0);
  const held = sent;
  assert(held < 40, `${held} were sent`);
  await time.advance(10_000);
  assertEquals(heard.length, 11);
  assert(sent > held && sent < 50, `${sent} were sent`);
  pair.server.abort();
  await pair.client.closed;
  await sending;
  await time.advance(0);
  assert(heard.length <= 12, "after abort only the message that waited is handed on");
  await pair[Symbol.asyncDispose]();
});

Deno.test("typed and requests work on a limited connection, and their refusals fail the connection below", async () => {
  await using pair = await connectedPair();
  const limited = rateLimited(pair.server, { messagesPerSecond: 1_000 });
  const peer = typed(limited, json());
  await pair.client.send("[1]");
  assertEquals((await peer[Symbol.asyncIterator]().next()).value, [1]);
  await pair.client.send("[");
  await assertRejects(() => peer[Symbol.asyncIterator]().next(), MessageError);
  assertStrictEquals((await pair.client.closed).closeCode, 1007);
  assert((await pair.server.closed).error instanceof MessageError);
  assertStrictEquals(limited.connection, pair.server);

  await using other = await connectedPair();
  requests(rateLimited(other.server, { messagesPerSecond: 1_000 }), { answer: (asked) => asked });
  assertStrictEquals(await requests(other.client).request("hello"), "hello");
});

Deno.test("the other callbacks are called as before, and missing ones are skipped", async () => {
  const said: unknown[] = [];
  const handler = rateLimitedHandler(SLOW, {
    open: () => void said.push("open"),
    close: (_, { closeCode }) => void said.push(closeCode),
    error: (_, error) => void said.push(error),
  });
  assertEquals(Object.keys(handler), ["open", "message", "close", "error"]);
  const pair = await connectedPair({ handler });
  await pair.client.close(4000);
  await pair[Symbol.asyncDispose]();
  assertEquals(said, ["open", 4000]);
});

Deno.test("an invalid handler and invalid options throw", () => {
  const call = (...args: unknown[]) => Reflect.apply(rateLimitedHandler, undefined, args);
  assertThrows(() => call({}, {}), TypeError, "rateLimitedHandler() needs messagesPerSecond");
  assertThrows(() => call(SLOW), TypeError, "rateLimitedHandler() needs a handler");
  assertThrows(() => call(SLOW, { onMessage() {} }), TypeError, `did you mean "message"`);
});

Deno.test("a lent message that waits is kept: the next read does not change it", async () => {
  const heard: string[] = [];
  const handler = rateLimitedHandler({ messagesPerSecond: 20, messageBurst: 1 }, {
    message(socket, data) {
      heard.push(String(data));
      if (heard.length === 3) socket.close();
    },
  });
  await using server = serve({ port: 0, hostname: "127.0.0.1", lendPayloads: true }, handler);
  await using socket = await connect(server.url, { perMessageDeflate: false });
  const sent = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)];
  for (const bytes of sent) {
    void socket.send(bytes);
    await socket.ping(); // the server has read it
  }
  await socket.closed;
  assertEquals(heard, sent.map(String));
});
