import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { ConnectionError, ProtocolError } from "../../lib/errors.ts";
import { encodeClosePayload } from "../../lib/pipeline/frames/close_code.ts";
import { Closing, type ClosingOptions } from "../../lib/connection/closing.ts";
import { Sender } from "../../lib/connection/sender.ts";
import type { CloseInfo } from "../../lib/connection/websocket_connection.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { settle } from "../_support/wait.ts";

/** A closing handshake with nothing around it; what it does is noted, and its collaborators say what the test wants. */
function closing(changes: Partial<ClosingOptions> = {}) {
  const done: string[] = [];
  const ends: CloseInfo[] = [];
  const gate = { open: Promise.resolve() };
  const reader = { inUse: false, awaited: false, idle: true };
  const transport = {
    read: () => Promise.resolve(null),
    async writeSome(bytes: Uint8Array) {
      done.push(`write ${bytes.toHex()}`);
      await gate.open;
      return bytes.length;
    },
    closeWrite: () => Promise.resolve(void done.push("closeWrite")),
    close: () => {},
  };
  const sender = new Sender(transport, {
    chain: undefined,
    framing: undefined,
    highWaterMark: 1000,
    maxQueuedBytes: 1000,
    maskKey: undefined,
    failed: (error) => under.lose(error),
    broken: (error) => under.fail(error),
    drained: () => {},
  });
  const under = new Closing({
    role: "server",
    closeTimeout: 10_000,
    hasCloseFrame: true,
    transport,
    sender,
    intake: {
      get awaited() {
        return reader.awaited;
      },
      get idle() {
        return reader.idle;
      },
      release: () => void done.push("release"),
    },
    ways: reader,
    chain: undefined,
    left: () => void done.push("left"),
    finish(info) {
      ends.push(info);
      sender.end(info.error);
    },
    ...changes,
  });
  /** What was done since this was last called, but for the reader that is let go on with every step. */
  const noted = () => done.splice(0).filter((what) => what !== "release" && what !== "left");
  /** The peer's close frame came. */
  const receive = (closeCode: number, reason = "") => {
    under.received = { closeCode, reason };
    under.proceed();
  };
  return { under, sender, reader, gate, done, ends, noted, receive };
}

const CLEAN = { closeCode: 1000, reason: "", wasClean: true };

for (const role of ["server", "client"] as const) {
  Deno.test(`${role}: we close, the peer answers, and ${role === "server" ? "we end" : "the peer ends"} the transport`, async () => {
    using time = new FakeTime();
    const { under, ends, noted, receive } = closing({ role });
    under.proceed(); // nothing came yet
    assertEquals(under.state, "open");
    under.close(encodeClosePayload(4000, "bye"));
    assertEquals([under.state, under.awaitsPeer], ["closeSent", true]);
    assertEquals(noted(), ["write 88050fa0627965"]);
    receive(1000);
    await settle();
    assertEquals([under.state, under.awaitsPeer], ["exchanged", false]);
    assertEquals(noted(), role === "server" ? ["closeWrite"] : []);
    under.requireClose(); // it came
    under.endReading();
    await settle();
    assertEquals([under.state, ends], ["closed", [CLEAN]]);
    under.abort("too late");
    assertEquals([under.error, time.timers], [undefined, 0]);
  });
}

Deno.test("every step lets a reader go on that waits for room", () => {
  const { under, done } = closing();
  under.abort("enough");
  assertEquals(done, ["left", "release"]);
});

Deno.test("the first payload that is sent counts, and nothing is sent twice", async () => {
  const { under, ends, noted, receive } = closing();
  under.close(encodeClosePayload(4000));
  under.close(encodeClosePayload(4001));
  under.fail(new ProtocolError("wrong", "RFC 6455 §5.2"));
  receive(1000);
  under.close(encodeClosePayload(4002));
  await settle();
  assertEquals(noted(), ["write 88020fa0", "closeWrite"]);
  under.endReading();
  await settle();
  assertEquals(ends.map(({ wasClean, error }) => [wasClean, error instanceof ProtocolError]), [[false, true]]);
});

Deno.test("a failure tells the peer its code, our own mistake nothing more, and the first cause is kept", async () => {
  using time = new FakeTime();
  const theirs = closing();
  theirs.under.fail(new ProtocolError("wrong", "RFC 6455 §5.2"));
  await settle();
  assertEquals(theirs.noted(), [`write 880703ea${new TextEncoder().encode("wrong").toHex()}`, "closeWrite"]);
  theirs.under.abort("enough");

  const ours = new TypeError("mine");
  const { under, ends, noted } = closing({ role: "client" });
  under.fail(ours);
  under.blame(new ConnectionError("later"));
  await settle();
  assertEquals(noted(), ["write 880203f3", "closeWrite"]); // 1011; who fails ends the transport, a client too
  await time.advance(1_999);
  assertEquals([under.state, ends], ["failed", []]);
  await time.advance(1);
  assertEquals(ends, [{ closeCode: 1006, reason: "", wasClean: false, error: ours }]);
  assertEquals(time.timers, 0);
});

Deno.test("a closing handshake may take `closeTimeout`; 0 is for ever; after a failure at most 2 s", async () => {
  using time = new FakeTime();
  for (const role of ["server", "client"] as const) {
    const { under, ends } = closing({ role, closeTimeout: 50 });
    under.close(encodeClosePayload(1000));
    await time.advance(49);
    assertEquals(ends, []);
    await time.advance(1);
    assertInstanceOf(ends[0]?.error, ConnectionError);
    assertEquals(String(ends[0]?.error), "ConnectionError: The closing handshake took more than 50 ms");
  }
  const patient = closing({ closeTimeout: 0 });
  patient.under.close(encodeClosePayload(1000));
  assertEquals(time.timers, 0);
  for (const [closeTimeout, most] of [[0, 2_000], [10_000, 2_000], [500, 500]] as const) {
    const { under, ends } = closing({ closeTimeout });
    under.fail(new Error("mine"));
    await time.advance(most - 1);
    assertEquals(ends.length, 0);
    await time.advance(1);
    assertEquals(ends.length, 1);
  }
});

Deno.test("the peer's code is echoed at once where somebody waits for more, and where nobody reads", async () => {
  for (const reader of [{ inUse: true, awaited: true }, { inUse: false }]) {
    using time = new FakeTime();
    const { under, noted, receive, ...more } = closing();
    Object.assign(more.reader, reader);
    receive(4321, "why");
    assertEquals(under.state, "closeReceived");
    if (more.reader.awaited) await settle();
    else await time.advance(0);
    assertEquals(noted(), ["write 880210e1", "closeWrite"]);
    under.endReading();
    await settle();
    assertEquals(more.ends, [{ closeCode: 4321, reason: "why", wasClean: true }]);
    assertEquals(time.timers, 0);
  }
});

Deno.test("a frame without a code is answered with one without", async () => {
  const { under, noted, receive, reader } = closing();
  reader.awaited = true;
  receive(1005);
  await settle();
  assertEquals(noted(), ["write 8800", "closeWrite"]);
  under.abort("enough");
});

Deno.test("the answer waits for who consumes, as long as that gets on within 2 s", async () => {
  using time = new FakeTime();
  const busy = closing();
  Object.assign(busy.reader, { inUse: true, idle: false });
  busy.receive(1000);
  await time.advance(1_000);
  busy.under.checkConsumed(); // one of several
  await time.advance(999);
  assertEquals(busy.noted(), []);
  Object.assign(busy.reader, { idle: true });
  busy.under.checkConsumed(); // the last one is being dealt with
  await time.advance(0);
  assertEquals(busy.noted(), ["write 880203e8", "closeWrite"]);

  const late = closing();
  late.reader.inUse = true;
  late.sender.consuming = "later";
  late.receive(1000);
  await time.advance(1_000);
  late.under.checkConsumed(); // the last one is in hand, and not dealt with
  await time.advance(999);
  assertEquals(late.noted(), []);
  await time.advance(1);
  assertEquals(late.noted(), ["write 880203e8", "closeWrite"]);

  const stuck = closing();
  Object.assign(stuck.reader, { inUse: true, idle: false });
  stuck.receive(1000);
  await time.advance(1_999);
  assertEquals(stuck.noted(), []);
  await time.advance(1);
  assertEquals(stuck.noted(), ["write 880203e8", "closeWrite"]);
});

Deno.test("a batch that was taken in the same turn may have more messages than one: it has another 2 s", async () => {
  using time = new FakeTime();
  const { sender, reader, noted, receive, under } = closing();
  reader.inUse = true;
  receive(1000);
  sender.consuming = "later";
  await time.advance(1_999);
  assertEquals(noted(), []);
  sender.consuming = "nothing";
  under.checkConsumed();
  await time.advance(0);
  assertEquals(noted(), ["write 880203e8", "closeWrite"]);
});

Deno.test("a hook decides on the answer, once, however long it takes; what it throws is 1011", async () => {
  const asked: unknown[] = [];
  const decision = Promise.withResolvers<{ closeCode: number; reason: string }>();
  const slow = closing();
  slow.under.decideReply = (received) => {
    asked.push(received);
    return decision.promise;
  };
  slow.reader.awaited = true;
  slow.receive(4000, "x");
  slow.under.checkConsumed();
  slow.under.checkConsumed();
  await settle();
  assertEquals([asked, slow.noted()], [[{ closeCode: 4000, reason: "x" }], []]);
  decision.resolve({ closeCode: 4001, reason: "y" });
  await settle();
  assertEquals(slow.noted(), ["write 88030fa179", "closeWrite"]);
  slow.under.abort("enough");

  for (const decideReply of [() => Promise.reject(new Error("mine")), () => ({ closeCode: 1006, reason: "" })]) {
    const { under, ends, noted, receive, reader } = closing();
    under.decideReply = decideReply;
    reader.awaited = true;
    receive(1000);
    await settle();
    assertEquals(noted(), ["write 880203f3", "closeWrite"]);
    under.endReading();
    await settle();
    assertEquals(ends.map(({ closeCode }) => closeCode), [1000]);
  }
});

Deno.test("T4: where the peer has ended its side, the end comes as soon as our answer is written", async () => {
  const { under, ends, gate, noted, receive, reader } = closing();
  const written = Promise.withResolvers<void>();
  gate.open = written.promise;
  reader.awaited = true;
  receive(1000);
  under.endReading();
  await settle();
  assertEquals([noted(), ends], [["write 880203e8"], []]);
  written.resolve();
  await settle();
  assertEquals([noted(), ends], [[], [CLEAN]]);
});

Deno.test("the end of the transport without a close frame is an error, and what it ends with otherwise the first cause", async () => {
  const { under, ends } = closing();
  assertThrows(() => under.requireClose(), ConnectionError, "without a close frame");
  const cause = new Error("reset");
  under.blame(cause);
  under.blame(new ConnectionError("later"));
  under.endReading();
  await settle();
  const { error, ...rest } = ends[0]!;
  assertEquals(rest, { closeCode: 1006, reason: "", wasClean: false });
  assert(error instanceof ConnectionError);
  assertEquals([error.message, error.cause, under.error === error], ["The connection was lost", cause, true]);
});

Deno.test("how the transport ends is no error once both close frames are exchanged, unless ours is not written", async () => {
  for (const [writes, clean] of [[true, true], [false, false]]) {
    const { under, ends, gate, receive, reader } = closing();
    if (!writes) gate.open = new Promise(() => {});
    reader.awaited = true;
    receive(1000);
    await settle();
    assertEquals(under.state, "exchanged");
    under.lose(new Error("reset"));
    assertEquals(ends.map(({ wasClean }) => wasClean), [clean]);
  }
});

Deno.test("where there are no close frames, the end of the transport is the peer's, and ending it is ours", async () => {
  const peers = closing({ hasCloseFrame: false });
  peers.reader.awaited = true;
  peers.under.requireClose();
  peers.under.endReading();
  await settle();
  assertEquals(peers.ends, [{ closeCode: 1005, reason: "", wasClean: true }]);

  const ours = closing({ hasCloseFrame: false });
  ours.under.close(encodeClosePayload(4000));
  await settle();
  assertEquals([ours.noted(), ours.under.state], [["closeWrite"], "closeSent"]);
  ours.under.requireClose();
  ours.under.endReading();
  await settle();
  assertEquals(ours.ends, [{ closeCode: 1005, reason: "", wasClean: true }]);

  const failed = closing({ hasCloseFrame: false });
  failed.under.fail(new Error("mine"));
  await settle();
  assertEquals(failed.noted(), ["closeWrite"]);
  failed.under.abort("enough");
});

Deno.test("what cannot be let go of is an error, and the end comes all the same, once", () => {
  const mine = new Error("mine");
  const { under, ends } = closing({
    chain: {
      release() {
        throw mine;
      },
    },
  });
  under.received = { closeCode: 1000, reason: "" };
  under.lose(undefined);
  under.abort("again");
  under.endReading();
  assertEquals(ends.length, 1);
  const plain = closing({
    chain: {
      release() {
        throw mine;
      },
    },
  });
  plain.under.close(encodeClosePayload(1000));
  plain.under.abort(undefined);
  assertEquals(plain.ends, [{ closeCode: 1006, reason: "", wasClean: false, error: mine }]);
});
