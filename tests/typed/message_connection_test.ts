import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { MessageError } from "../../mod.ts";
import { connectedPair } from "../../lib/testing/connected_pair.ts";
import { type MessageConnection, readableOf, refuse, refused } from "../../lib/typed/message_connection.ts";

const BAD = new MessageError("Bad", { closeCode: 1008 });

/** A connection of an application's, which cannot be failed, and what it was closed with. */
function plain(closed: unknown[]): MessageConnection {
  const info = { closeCode: 1000, reason: "", wasClean: true };
  return {
    closed: Promise.resolve(info),
    send: () => Promise.resolve(),
    close: (...how) => {
      closed.push(how);
      return Promise.resolve(info);
    },
    async *[Symbol.asyncIterator]() {},
  };
}

Deno.test("a stream requests one value at a time, and none ahead", async () => {
  let asked = 0;
  const cancelled: unknown[] = [];
  const values: AsyncIterator<number> = { next: () => Promise.resolve({ done: ++asked > 3, value: asked }) };
  const make = () =>
    readableOf(values, (reason) => {
      cancelled.push(reason);
      return Promise.resolve();
    });
  const reader = make().getReader();
  assertEquals([asked, (await reader.read()).value, asked], [0, 1, 1]);
  await reader.cancel("enough");
  assertEquals([await Array.fromAsync(make()), cancelled], [[2, 3], ["enough"]]);
});

Deno.test("a refused message fails a Sluice connection, and closes another one with the code and the reason", async () => {
  await using pair = await connectedPair();
  refuse(pair.server, BAD);
  assertStrictEquals((await pair.client.closed).closeCode, 1008);
  assertStrictEquals((await pair.server.closed).error, BAD);
  const closed: unknown[] = [];
  refuse(plain(closed), BAD);
  assertEquals(closed, [[1008, "Bad"]]);
});

Deno.test("an application's own error closes only with 1011, and in a callback it is left to the connection", async () => {
  await using pair = await connectedPair();
  const bug = new Error("bug");
  assertStrictEquals(assertThrows(() => refused(pair.server, bug)), bug);
  assertStrictEquals(pair.server.readyState, 1);
  refuse(pair.server, bug);
  const { closeCode, reason } = await pair.client.closed;
  assertEquals([closeCode, reason], [1011, ""]);
  assert((await pair.server.closed).error !== bug);
  const closed: unknown[] = [];
  assertStrictEquals(assertThrows(() => refused(plain(closed), BAD)), BAD);
  assertEquals(closed, [[1008, "Bad"]]);
});
