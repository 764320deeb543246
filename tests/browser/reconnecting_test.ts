import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { reconnecting } from "../../lib/browser/mod.ts";
import { MessageError } from "../../lib/errors.ts";
import { serve } from "../../lib/server/serve.ts";
import { json, typed } from "../../lib/typed/mod.ts";

const HERE = { port: 0, hostname: "127.0.0.1" };
const SOON = { delay: { first: 1, most: 1 } };

Deno.test("a lost connection is reopened with a fresh URL, and then the waiting messages are sent", async () => {
  let clients = 0;
  await using server = serve(HERE, async (socket) => {
    const first = ++clients === 1;
    for await (const message of socket) {
      if (first) return socket.abort();
      await socket.send(`${message} ${new URL(socket.url).search}`);
    }
  });
  let attempts = 0;
  const states: string[] = [];
  await using connection = reconnecting(() => `${server.url}/?${++attempts}`, {
    ...SOON,
    onConnect: (socket) => socket.send("hello"),
    onState: ({ state }) => states.push(state),
  });
  assertEquals((await connection[Symbol.asyncIterator]().next()).value, "hello ?2");
  assertEquals(states.slice(0, 3), ["open", "waiting", "connecting"]);
});

Deno.test("when the network returns the next attempt starts at once", async () => {
  const states: string[] = [];
  let attempts = 0;
  const connection = reconnecting(() => {
    if (++attempts === 2) return server.url;
    throw new Error("no network");
  }, {
    delay: { first: 3_600_000, most: 3_600_000, random: () => 1 },
    onState({ state }) {
      states.push(state);
      if (state === "waiting") queueMicrotask(() => globalThis.dispatchEvent(new Event("online")));
    },
  });
  await using server = serve(HERE, async (socket) => void await socket.send("here"));
  assertEquals((await connection[Symbol.asyncIterator]().next()).value, "here");
  assertEquals(states.slice(0, 2), ["waiting", "connecting"]);
  await connection.close();
});

Deno.test("typed works with it: a message that the codec refuses ends it for good", async () => {
  await using server = serve(HERE, async (socket) => {
    await socket.send("[1]");
    await socket.send("[");
    await socket.closed;
  });
  const peer = typed(reconnecting(server.url, SOON), json());
  const values: unknown[] = [];
  await assertRejects(async () => {
    for await (const value of peer) values.push(value);
  }, MessageError);
  assertEquals(values, [[1]]);
  await peer.closed;
  assertEquals(peer.connection.state, "closed");
});

Deno.test("maxAttempts and the signal end it, and invalid options throw", async () => {
  const failing = () => Promise.reject(new Error("URL failed"));
  const { error } = await reconnecting(failing, { ...SOON, maxAttempts: 2 }).closed;
  assert(error instanceof Error && error.message.includes("URL failed"), String(error));
  const stop = new AbortController();
  const connection = reconnecting(failing, { signal: stop.signal });
  const reason = new Error("enough");
  stop.abort(reason);
  assertEquals((await connection.closed).error, reason);
  assertThrows(
    () => Reflect.apply(reconnecting, undefined, ["ws://x", { headers: {} }]),
    TypeError,
    `no option "headers"`,
  );
  assertThrows(() => reconnecting("ws://x", { maxAttempts: 0 }), RangeError);
});
