import { assertEquals, assertGreaterOrEqual, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { ConnectionError } from "../../lib/errors.ts";
import { PendingPings } from "../../lib/connection/pending_pings.ts";
import { utf8 } from "../_support/frames.ts";
import { settle } from "../_support/wait.ts";

/** Whether a promise is settled already. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  await settle();
  return settled;
}

Deno.test("a pong with a ping's payload resolves that ping to the round trip in milliseconds", async () => {
  const pings = new PendingPings();
  assertEquals(pings.roundTripTime, undefined);
  const { payload, roundTrip } = pings.add();
  await settle();
  pings.receive(payload.slice());
  const time = await roundTrip;
  assertGreaterOrEqual(time, 1);
  assertStrictEquals(pings.roundTripTime, time);
});

Deno.test("pings without a payload get unique ones", () => {
  const pings = new PendingPings();
  const payloads = Array.from({ length: 300 }, () => encodeHex(pings.add().payload));
  assertEquals(new Set(payloads).size, 300);
  pings.end(undefined);
});

Deno.test("a payload may be text, a buffer or a view of at most 125 bytes, and is copied", () => {
  const pings = new PendingPings();
  assertEquals(pings.add("é").payload, utf8("é"));
  assertEquals(pings.add(Uint8Array.of(1, 2, 3).subarray(1)).payload, Uint8Array.of(2, 3));
  assertEquals(pings.add(new DataView(new ArrayBuffer(2), 1)).payload, Uint8Array.of(0));
  const mine = Uint8Array.of(1);
  const { payload } = pings.add(mine);
  mine[0] = 2;
  assertEquals(payload, Uint8Array.of(1));
  assertEquals(pings.add("x".repeat(125)).payload.length, 125);
  assertThrows(() => pings.add("é".repeat(63)), RangeError, "Cannot ping with 126 bytes");
  pings.end(undefined);
});

Deno.test("a pong answers its ping and earlier ones, and not later ones", async () => {
  const pings = new PendingPings();
  const [first, second, third] = [pings.add("1"), pings.add("2"), pings.add("3")];
  pings.receive(utf8("2"));
  await first.roundTrip;
  await second.roundTrip;
  assertEquals(await isSettled(third.roundTrip), false);
  pings.receive(utf8("3"));
  await third.roundTrip;
});

Deno.test("F13: an unsolicited pong, a repeated one and one with other bytes change nothing", async () => {
  const pings = new PendingPings();
  pings.receive(utf8("1"));
  pings.receive(new Uint8Array(0));
  const first = pings.add("1");
  pings.receive(utf8("10"));
  pings.receive(new Uint8Array(0));
  pings.receive(utf8("2"));
  assertEquals(await isSettled(first.roundTrip), false);
  assertEquals(pings.roundTripTime, undefined);
  pings.receive(utf8("1"));
  pings.receive(utf8("1"));
  assertStrictEquals(await first.roundTrip, pings.roundTripTime);
});

Deno.test("at the end every waiting ping rejects, without an unhandled rejection", async () => {
  const pings = new PendingPings();
  const reason = new Error("gone");
  const first = pings.add("1");
  pings.add("2"); // ignored: an unhandled rejection would fail this test
  pings.end(reason);
  assertStrictEquals(await assertRejects(() => first.roundTrip), reason);
  await settle();
});

Deno.test("at most 1000 pings wait: the oldest is dropped, and later ones can still be answered", async () => {
  const pings = new PendingPings();
  const first = pings.add("first");
  const others = Array.from({ length: 1000 }, () => pings.add());
  await assertRejects(() => first.roundTrip, ConnectionError, "neither this ping nor the 1000 behind it");
  pings.receive(utf8("first"));
  assertEquals(await isSettled(others[0]!.roundTrip), false);
  pings.receive(others.at(-1)!.payload);
  await Promise.all(others.map(({ roundTrip }) => roundTrip));
});

Deno.test("pongs that answer nothing are not compared with the waiting pings", () => {
  let looks = 0;
  class Pong extends Uint8Array<ArrayBuffer> {
    override [Symbol.iterator]() {
      looks++;
      return super[Symbol.iterator]();
    }
  }
  const pings = new PendingPings();
  for (let i = 0; i < 1000; i++) pings.add("x");
  pings.receive(new Pong(new ArrayBuffer(4)));
  assertEquals(looks, 1);
  pings.end(undefined);
});

Deno.test("pings with the same payload are answered one by one, the oldest first", async () => {
  const pings = new PendingPings();
  const [first, second] = [pings.add("same"), pings.add("same")];
  pings.receive(utf8("same"));
  await first.roundTrip;
  assertEquals(await isSettled(second.roundTrip), false);
  pings.receive(utf8("same"));
  await second.roundTrip;
});

Deno.test("the connection's own ping has a number too and is timed, and no promise waits for it", async () => {
  const seen: number[] = [];
  const pings = new PendingPings({ roundTrip: (ms) => seen.push(ms) });
  const own = pings.addOwn();
  pings.receive(utf8("other"));
  assertEquals(seen, []);
  pings.receive(own);
  assertEquals(seen, [pings.roundTripTime!]);

  const [asked, last] = [pings.add("asked"), pings.addOwn()];
  pings.receive(last);
  assertEquals([await asked.roundTrip, pings.roundTripTime], seen.slice(1));
  pings.addOwn();
  pings.end(new ConnectionError("gone"));
  pings.receive(own);
  assertEquals(seen.length, 3);
});
