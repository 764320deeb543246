import { assert, assertEquals, assertRejects } from "@std/assert";
import { nextTask } from "../../lib/async.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { connectedPair } from "../../lib/testing/connected_pair.ts";
import { ExpectationError, settle, SETTLE_TURNS, soon, turn, until } from "../../lib/testing/wait.ts";
import { fakeTime } from "../../lib/testing/fake_time.ts";

Deno.test("soon returns the promise's value, and passes on its error", async () => {
  assertEquals(await soon(Promise.resolve(1), "The number"), 1);
  await assertRejects(() => soon(Promise.reject(new RangeError("no")), "The number"), RangeError, "no");
});

Deno.test("soon names the missing event, also under a stopped clock", async () => {
  using _ = fakeTime();
  const hanging = () => soon(new Promise(() => {}), "The answer", 5);
  await assertRejects(hanging, ExpectationError, "The answer took more than 5 ms");
});

Deno.test("a turn runs all pending turns and microtasks", async () => {
  const events: string[] = [];
  setTimeout(() => events.push("timer"), 0);
  queueMicrotask(() => events.push("microtask"));
  await turn();
  assertEquals(events, ["microtask", "timer"]);
});

Deno.test("settle waits for turns that start other turns", async () => {
  let turns = 0;
  const next = () => void (++turns < 4 && setTimeout(next, 0));
  setTimeout(next, 0);
  await settle();
  assertEquals(turns, 4);
});

/** Counts the turns of the event loop until something has happened. */
async function turnsUntil(happened: () => boolean): Promise<number> {
  let turns = 0;
  for (; !happened() && turns < 10 * SETTLE_TURNS; turns++) await nextTask();
  return turns;
}

type Answer = (message: string | Uint8Array<ArrayBuffer>) => Promise<void>;

/** Every way in which a server answers after some promises. */
const SERVERS: Readonly<Record<string, (socket: WebSocketConnection, answer: Answer) => Promise<void>>> = {
  async "for await"(socket, answer) {
    for await (const message of socket) await answer(message);
  },
  async readable(socket, answer) {
    for await (const message of socket.readable) await answer(message);
  },
  async batches(socket, answer) {
    for await (const batch of socket.batches) for (const message of batch) await answer(message);
  },
  async "messages()"(socket, answer) {
    for await (const { readable } of socket.messages()) {
      for await (const chunk of readable) await answer(chunk);
    }
  },
  "a pipe": (socket) => socket.readable.pipeThrough(new TransformStream()).pipeTo(socket.writable),
};

for (const perMessageDeflate of [false, true]) {
  const how = perMessageDeflate ? " with compression" : "";
  for (const [lane, serve] of [...Object.entries(SERVERS), ["callbacks"] as const]) {
    Deno.test(`the longest path in memory takes a fifth of settle's turns at most: ${lane}${how}`, async () => {
      const answerWith = (socket: WebSocketConnection): Answer => async (message) => {
        for (let i = 0; i < 10; i++) await null;
        await socket.send(message);
      };
      await using pair = await connectedPair({
        server: { perMessageDeflate },
        client: { perMessageDeflate },
        handler: serve === undefined
          ? { message: (socket, message) => answerWith(socket)(message) }
          : (socket) => serve(socket, answerWith(socket)),
      });
      let length = 0;
      let closed = 0;
      const reading = pair.client.readable.pipeTo(
        new WritableStream({ write: (message) => void (length += message.length) }),
      );
      await settle();
      const ends = Promise.all([pair.client.closed, pair.server.closed, reading]).then(() => closed++);
      const turns: number[] = [];
      for (const message of ["hello", "x".repeat(30_000)]) {
        length = 0;
        void pair.client.send(message);
        turns.push(await turnsUntil(() => length === message.length));
      }
      void pair.client.close();
      turns.push(await turnsUntil(() => closed === 1));
      await ends;
      assert(Math.max(...turns) <= SETTLE_TURNS / 5, `${turns} turns of ${SETTLE_TURNS}: settle must wait for more`);
    });
  }
}

Deno.test("until waits for a condition, and names one that never becomes true", async () => {
  let looked = 0;
  await until(() => ++looked === 3, "The third look");
  assertEquals(looked, 3);
  await assertRejects(
    () => until(() => false, "The impossible", 5),
    ExpectationError,
    "The impossible took more than 5",
  );
});

Deno.test("an ExpectationError is an Error with its own name", () => {
  const error = new ExpectationError("Got frame ping, not pong");
  assert(error instanceof Error);
  assertEquals(String(error), "ExpectationError: Got frame ping, not pong");
});
