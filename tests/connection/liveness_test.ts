import { assertEquals } from "@std/assert";
import { Deadlines } from "../../lib/deadlines.ts";
import { Liveness, type LivenessOwner } from "../../lib/connection/liveness.ts";
import type { Limits } from "../../lib/limits.ts";
import { FakeTime } from "../_support/fake_time.ts";

/** What may be different from test to test. */
interface CheckOptions extends Partial<LivenessOwner>, Partial<Pick<Limits, "pingInterval" | "pongTimeout">> {
  /** The lists of deadlines, where the check shares them. */
  deadlines?: Deadlines;
}

/** A check with an interval of 20 s and a timeout of 10 s, and what it did. */
function check(options: CheckOptions = {}): { liveness: Liveness; owner: Owner; events: string[] } {
  const { pingInterval = 20_000, pongTimeout = 10_000, deadlines = new Deadlines(), ...changes } = options;
  const events: string[] = [];
  const owner: Owner = {
    listening: true,
    unread: false,
    writesTaken: 0,
    pingPeer: () => void events.push("ping"),
    onSilence: (unread) => void events.push(unread ? "unread" : "lost"),
    ...changes,
  };
  return { liveness: new Liveness(owner, { pingInterval, pongTimeout }, deadlines), owner, events };
}

/** Something came from the peer: what the read loop does then. */
function hear(liveness: Liveness): void {
  liveness.heard = true;
  if (liveness.waiting) liveness.onSign();
}

interface Owner extends LivenessOwner {
  listening: boolean;
  unread: boolean;
  writesTaken: number;
}

Deno.test("a peer that takes nothing, while nothing is read because of that, is dropped without a ping", async () => {
  using time = new FakeTime();
  const { owner, events } = check({ listening: false, unread: true });
  await time.advance(29_999);
  assertEquals(events, []);
  owner.writesTaken++; // it took some
  await time.advance(29_999 + 1);
  assertEquals(events, []);
  await time.advance(1);
  assertEquals(events, ["unread"]);
  assertEquals(time.timers, 0);
});

Deno.test("received bytes or a finished write clear the suspicion against a peer that took nothing", async () => {
  using time = new FakeTime();
  const { liveness, owner, events } = check({ listening: false, unread: true });
  await time.advance(20_000);
  owner.listening = true;
  owner.unread = false;
  hear(liveness);
  await time.advance(19_999);
  assertEquals(events, []);
  await time.advance(1);
  assertEquals(events, ["ping"]);
  hear(liveness);
  owner.listening = false;
  owner.unread = true;
  await time.advance(20_000);
  owner.listening = true;
  owner.unread = false; // it reads again, and was not pinged yet
  await time.advance(10_000);
  assertEquals(events, ["ping"]);
  liveness.stop();
  assertEquals(time.timers, 0);
});

Deno.test("T1: a ping follows pingInterval of silence, and the end follows pongTimeout more of it, once", async () => {
  using time = new FakeTime();
  const { events } = check();
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

Deno.test("any bytes after a ping keep the connection and restart the check at once", async () => {
  using time = new FakeTime();
  const { liveness, events } = check();
  await time.advance(20_000);
  hear(liveness);
  await time.advance(19_999);
  assertEquals(events, ["ping"]);
  await time.advance(1);
  assertEquals(events, ["ping", "ping"]);
  await time.advance(10_000);
  assertEquals(events, ["ping", "ping", "lost"]);
});

Deno.test("a peer that sends in every interval is never pinged", async () => {
  using time = new FakeTime();
  const { liveness, events } = check();
  for (let interval = 0; interval < 10; interval++) {
    await time.advance(19_999);
    hear(liveness);
    await time.advance(1);
  }
  assertEquals(events, []);
  liveness.stop();
});

Deno.test("a connection that the application does not read is not judged until it is read again", async () => {
  using time = new FakeTime();
  const { owner, events } = check({ listening: false });
  await time.advance(100_000);
  assertEquals(events, [], "the silence is not the peer's");
  owner.listening = true;
  await time.advance(20_000);
  assertEquals(events, ["ping"]);
  owner.listening = false;
  await time.advance(100_000);
  assertEquals(events, ["ping"], "it stopped reading after the ping");
  owner.listening = true;
  await time.advance(30_000);
  assertEquals(events, ["ping", "ping", "lost"]);
});

Deno.test("T10: after a stall of the event loop, bytes that are read in the same turn still count", async () => {
  using time = new FakeTime();
  const { liveness, events } = check();
  await time.advance(20_000);
  time.stall(60_000);
  // Timers come before reads in a turn of the event loop: this one stands for the read of a pong that lay there.
  setTimeout(() => hear(liveness), -50_000);
  await time.advance(0);
  assertEquals(events, ["ping"]);
  liveness.stop();
});

Deno.test("a pingInterval of 0 means no pings and no timer", async () => {
  using time = new FakeTime();
  const { events } = check({ pingInterval: 0 });
  assertEquals(time.timers, 0);
  await time.advance(100_000);
  assertEquals(events, []);
});

Deno.test("a pongTimeout of 0 means pings, and the connection is never dropped", async () => {
  using time = new FakeTime();
  const { liveness, events } = check({ pongTimeout: 0 });
  await time.advance(60_000);
  assertEquals(events, ["ping", "ping", "ping"]);
  liveness.stop();
});

Deno.test("a stopped check leaves no timer, in whatever phase it is", async () => {
  using time = new FakeTime();
  for (const phase of [0, 19_999, 20_000, 29_999]) {
    const { liveness } = check();
    await time.advance(phase);
    assertEquals(time.timers, 1, `after ${phase} ms`);
    liveness.stop();
    assertEquals(time.timers, 0, `after ${phase} ms`);
  }
});

Deno.test("bytes that arrive after the check has stopped start nothing", async () => {
  using time = new FakeTime();
  const { liveness } = check();
  await time.advance(20_000);
  liveness.stop();
  hear(liveness);
  assertEquals(time.timers, 0);
});

for (const pongTimeout of [10_000, 0]) {
  Deno.test(`a check that is stopped while it pings leaves no deadline, and other checks go on (pongTimeout ${pongTimeout})`, async () => {
    using time = new FakeTime();
    const deadlines = new Deadlines();
    const before = check({ deadlines });
    const stopped = check({
      deadlines,
      pongTimeout,
      pingPeer() {
        stopped.events.push("ping");
        stopped.liveness.stop(); // the queue was full, which ended the connection
      },
    });
    const behind = check({ deadlines });
    await time.advance(20_000);
    assertEquals([before.events, stopped.events, behind.events], [["ping"], ["ping"], ["ping"]]);
    hear(behind.liveness);
    await time.advance(10_000);
    assertEquals([before.events, stopped.events, behind.events], [["ping", "lost"], ["ping"], ["ping"]]);
    await time.advance(10_000);
    assertEquals([stopped.events, behind.events], [["ping"], ["ping", "ping"]]);
    behind.liveness.stop();
    assertEquals(time.timers, 0);
    stopped.liveness.stop();
    hear(stopped.liveness);
    assertEquals(time.timers, 0);
  });
}

Deno.test("a check that is stopped between its deadline and its verdict drops nothing", async () => {
  using time = new FakeTime();
  const { liveness, events } = check();
  await time.advance(20_000);
  // It is due together with the deadline, and comes behind it: the verdict is a turn later.
  setTimeout(() => liveness.stop(), 10_000);
  await time.advance(10_000);
  assertEquals([events, time.timers], [["ping"], 0]);
});

Deno.test("one timer serves the checks of many connections", () => {
  using time = new FakeTime();
  const deadlines = new Deadlines();
  const checks = Array.from({ length: 100 }, () => check({ deadlines }));
  assertEquals(time.timers, 1);
  for (const { liveness } of checks) liveness.stop();
  assertEquals(time.timers, 0);
});
