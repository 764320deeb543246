import { assertEquals } from "@std/assert";
import { Keepalive, type KeepaliveOptions } from "../../lib/connection/keepalive.ts";
import { FakeTime } from "../_support/fake_time.ts";

/** A watch with an interval of 20 s and a timeout of 10 s, and what it did. */
function watch(options: Partial<KeepaliveOptions> = {}): { keepalive: Keepalive; events: string[] } {
  const events: string[] = [];
  const keepalive = new Keepalive({
    pingInterval: 20_000,
    pongTimeout: 10_000,
    ping: () => void events.push("ping"),
    lost: () => void events.push("lost"),
    reading: () => true,
    ...options,
  });
  return { keepalive, events };
}

Deno.test("T1: silence of pingInterval leads to a ping, and pongTimeout more of it to the end, once", async () => {
  using time = new FakeTime();
  const { events } = watch();
  await time.advance(19_999);
  assertEquals(events, []);
  await time.advance(1);
  assertEquals(events, ["ping"]);
  await time.advance(9_999);
  assertEquals(events, ["ping"]);
  await time.advance(1);
  assertEquals(events, ["ping", "lost"]);
  assertEquals(time.timers, 0);
});

Deno.test("whatever is heard after a ping keeps the connection and starts the watch again, at once", async () => {
  using time = new FakeTime();
  const { keepalive, events } = watch();
  await time.advance(20_000);
  keepalive.heard();
  await time.advance(19_999);
  assertEquals(events, ["ping"]);
  await time.advance(1);
  assertEquals(events, ["ping", "ping"]);
  await time.advance(10_000);
  assertEquals(events, ["ping", "ping", "lost"]);
});

Deno.test("who is heard in every interval is never pinged", async () => {
  using time = new FakeTime();
  const { keepalive, events } = watch();
  for (let interval = 0; interval < 10; interval++) {
    await time.advance(19_999);
    keepalive.heard();
    await time.advance(1);
  }
  assertEquals(events, []);
  keepalive.stop();
});

Deno.test("a connection that the application does not read is not judged until it reads again", async () => {
  using time = new FakeTime();
  let reading = false;
  const { events } = watch({ reading: () => reading });
  await time.advance(100_000);
  assertEquals(events, [], "the silence is not the peer's");
  reading = true;
  await time.advance(20_000);
  assertEquals(events, ["ping"]);
  reading = false;
  await time.advance(100_000);
  assertEquals(events, ["ping"], "it stopped to read after the ping");
  reading = true;
  await time.advance(30_000);
  assertEquals(events, ["ping", "ping", "lost"]);
});

Deno.test("T10: after a stall of the event loop, what is read in the same turn still counts", async () => {
  using time = new FakeTime();
  const { keepalive, events } = watch();
  await time.advance(20_000);
  time.stall(60_000);
  // Timers come before reads in a turn of the event loop: this one stands for the read of a pong that lay there.
  setTimeout(() => keepalive.heard(), -50_000);
  await time.advance(0);
  assertEquals(events, ["ping"]);
  keepalive.stop();
});

Deno.test("a pingInterval of 0 means no pings and no timer", async () => {
  using time = new FakeTime();
  const { events } = watch({ pingInterval: 0 });
  assertEquals(time.timers, 0);
  await time.advance(100_000);
  assertEquals(events, []);
});

Deno.test("a pongTimeout of 0 means pings and no end", async () => {
  using time = new FakeTime();
  const { keepalive, events } = watch({ pongTimeout: 0 });
  await time.advance(60_000);
  assertEquals(events, ["ping", "ping", "ping"]);
  keepalive.stop();
});

Deno.test("a watch that is stopped leaves no timer, in whatever phase it is", async () => {
  using time = new FakeTime();
  for (const phase of [0, 19_999, 20_000, 29_999]) {
    const { keepalive } = watch();
    await time.advance(phase);
    assertEquals(time.timers, 1, `after ${phase} ms`);
    keepalive.stop();
    assertEquals(time.timers, 0, `after ${phase} ms`);
  }
});

Deno.test("what is heard after the end of the watch starts nothing", async () => {
  using time = new FakeTime();
  const { keepalive } = watch();
  await time.advance(20_000);
  keepalive.stop();
  keepalive.heard();
  assertEquals(time.timers, 0);
});
