import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ALL_TOPICS } from "../../lib/hub/wanted_topics.ts";
import { redisBroker } from "../../lib/hub/redis.ts";
import { redisLog } from "../../lib/recovery/redis.ts";
import { patternOf, REDIS_URL, type RedisClient, redisLink, type RedisListener } from "../../lib/hub/redis_link.ts";

Deno.test("A8: the pattern of all topics is the escaped prefix and a star", () => {
  assertEquals(patternOf("sluice:"), "sluice:*");
  assertEquals(patternOf("a*b?[c]\\d"), "a\\*b\\?\\[c\\]\\\\d*");
});

Deno.test("the URL of a Redis server has its scheme and a host, and the error does not show a password", () => {
  for (const url of ["redis://127.0.0.1:6379", "rediss://user:password@redis.example.com/3", "redis://[::1]"]) {
    REDIS_URL.check(url, "url");
  }
  for (const url of ["", "127.0.0.1:6379", "http://a", "redis://", "redis://user:password@a:99999", 5, null]) {
    const { message } = assertThrows(() => REDIS_URL.check(url, "url"), TypeError);
    assertEquals(
      message,
      "Cannot use url: it must be a URL such as redis://127.0.0.1:6379 or rediss://redis.example.com",
    );
  }
  assertThrows(() => redisBroker({ url: "nonsense" }), TypeError, "Cannot use url");
  assertThrows(() => redisLog({ url: "nonsense" }), TypeError, "Cannot use url");
});

/** Clients that note what they are asked for. */
function clients({ refused = false } = {}) {
  const calls: string[] = [];
  const listeners: RedisListener[] = [];
  const events: ((event: "error" | "end", error?: unknown) => void)[] = [];
  let made = 0;
  const create = (): RedisClient => {
    const id = ++made;
    const note = (...words: unknown[]) => Promise.resolve(calls.push(`${id} ${words.join(" ")}`));
    const hooks: [event: string, listener: (error?: unknown) => void][] = [];
    events.push((event, error) => hooks.forEach(([name, listener]) => name === event && listener(error)));
    return {
      connect: () => refused && id === 2 ? Promise.reject(new Error("refused")) : note("connect"),
      publish: (channel, message) => note("publish", channel, message.toString("hex")),
      subscribe: (channels, listener) => (listeners.push(listener), note("subscribe", channels)),
      pSubscribe: (pattern, listener) => (listeners.push(listener), note("psubscribe", pattern)),
      unsubscribe: (channels) => note("unsubscribe", channels),
      pUnsubscribe: (pattern) => note("punsubscribe", pattern),
      ping: () => note("ping"),
      on: (event, listener) => hooks.push([event, listener]),
      destroy() {
        calls.push(`${id} destroy`);
        if (id === 1) throw new Error("it is closed");
      },
    };
  };
  return { calls, listeners, events, link: redisLink("p:", create) };
}

Deno.test("a session uses two clients: one publishes, one subscribes", async () => {
  const { calls, link, listeners } = clients();
  const received: unknown[] = [];
  const session = await link.connect((name, bytes) => void received.push([name, bytes]));
  assertEquals(
    await session.publish([{ name: "p:a", bytes: new Uint8Array([1]) }, { name: "p:b", bytes: new Uint8Array([255]) }]),
    0,
  );
  await session.subscribe([link.nameOf("a"), ALL_TOPICS, link.nameOf("*")]);
  await session.unsubscribe([ALL_TOPICS, "p:a"]);
  await session.subscribe([ALL_TOPICS]);
  await session.unsubscribe([ALL_TOPICS]);
  await session.ping();
  await session.close();
  assertEquals(calls, [
    "1 connect",
    "2 connect",
    "1 publish p:a 01",
    "1 publish p:b ff",
    "2 psubscribe p:*",
    "2 subscribe p:a,p:*",
    "2 unsubscribe p:a",
    "2 punsubscribe p:*",
    "2 psubscribe p:*",
    "2 punsubscribe p:*",
    "1 ping",
    "2 ping",
    "1 destroy",
    "2 destroy",
  ]);
  const message = new Uint8Array([1]);
  listeners[0]!(message, new TextEncoder().encode("p:é"));
  listeners[0]!(message, new Uint8Array([0xff])); // no topic's channel
  assertEquals(received, [["p:é", message], ["", message]]);
});

Deno.test("A9: a session ends when either connection is lost", async () => {
  for (const which of [0, 1]) {
    const { link, events } = clients();
    const session = await link.connect(() => {});
    events[which]!("error", new Error("reset"));
    assertEquals(String(await session.ended), "Error: reset");
  }
  const { link, events } = clients();
  const session = await link.connect(() => {});
  events[0]!("end");
  assertEquals(String(await session.ended), "ConnectionError: The connection to Redis is closed");
});

Deno.test("A9: if one of the two does not connect, the other is closed", async () => {
  const { calls, link } = clients({ refused: true });
  await assertRejects(() => link.connect(() => {}), Error, "refused");
  assertEquals(calls, ["1 connect", "1 destroy", "2 destroy"]);
});
