import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { Deadlines } from "../../lib/deadlines.ts";
import { ConnectionError, LimitError, ProtocolError } from "../../lib/errors.ts";
import { encodeClosePayload } from "../../lib/pipeline/frames/close_code.ts";
import { Closing, type ClosingOwner, type DecideReply, type Progress } from "../../lib/connection/closing.ts";
import type { CloseInfo } from "../../lib/connection/websocket_connection.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { settle } from "../_support/wait.ts";

/** What a closing handshake belongs to: it notes what is done to it, and says what the test wants. */
class Owner implements ClosingOwner {
  readonly deadlines = new Deadlines();
  closeTimeout = 10_000;
  hasCloseFrame = true;
  allWritten = true;
  progress: Progress = "unread";
  busy = false;
  decideReply: DecideReply | undefined = undefined;
  /** What was done, in order. */
  readonly done: string[] = [];
  /** The causes that were given with the close frames. */
  readonly reasons: unknown[] = [];
  /** How it ended. */
  readonly ends: CloseInfo[] = [];
  /** When all that is queued is written. */
  written: Promise<void> = Promise.resolve();
  /** What the extensions throw when they are let go of. */
  mistake: Error | undefined = undefined;

  onLeaveOpen(): void {
    this.done.push("leaveOpen");
  }

  onStateChange(): void {
    this.done.push("stateChange");
  }

  sendClose(payload: Uint8Array<ArrayBuffer>, reason: unknown): void {
    this.done.push(`sendClose ${payload.toHex()}`);
    this.reasons.push(reason);
  }

  flushed(): Promise<void> {
    return this.written;
  }

  endWriting(failed: boolean): Promise<void> {
    this.done.push(failed ? "endWriting failed" : "endWriting");
    return Promise.resolve();
  }

  releaseExtensions(): void {
    this.done.push("release");
    if (this.mistake !== undefined) throw this.mistake;
  }

  finish(info: CloseInfo): void {
    this.done.push("finish");
    this.ends.push(info);
  }
}

const STEPS = ["leaveOpen", "stateChange", "release", "finish"];

/** A closing handshake with nothing around it. */
function closing(changes: Partial<Owner> = {}) {
  const owner = Object.assign(new Owner(), changes);
  const under = new Closing(owner);
  const { done, ends } = owner;
  /** What was written and ended since this was last called. */
  const noted = () => done.splice(0).filter((what) => !STEPS.includes(what));
  /** The peer's close frame came. */
  const receive = (closeCode: number, reason = "") => {
    under.received = { closeCode, reason };
    under.handlePeerClose();
  };
  return { under, owner, done, ends, noted, receive };
}

const CLEAN = { closeCode: 1000, reason: "", wasClean: true };

Deno.test("if our side closes, the peer answers and the transport is ended", async () => {
  using time = new FakeTime();
  const { under, ends, noted, receive } = closing();
  under.handlePeerClose(); // nothing came yet
  assertEquals(under.state, "open");
  under.close(encodeClosePayload(4000, "bye"));
  assertEquals([under.state, under.awaitsPeer], ["closeSent", true]);
  assertEquals(noted(), ["sendClose 0fa0627965"]);
  receive(1000);
  await settle();
  assertEquals([under.state, under.awaitsPeer], ["exchanged", false]);
  assertEquals(noted(), ["endWriting"]);
  under.requireClose(); // it came
  under.endReading();
  await settle();
  assertEquals([under.state, ends], ["closed", [CLEAN]]);
  under.abort("too late");
  assertEquals([under.error, time.timers], [undefined, 0]);
});

Deno.test("every step wakes the read loop that waits for room, and onLeaveOpen is called once", () => {
  const aborted = closing();
  aborted.under.abort("enough");
  assertEquals(aborted.done, ["leaveOpen", "stateChange", "release", "finish"]);

  const closed = closing();
  closed.under.close(encodeClosePayload());
  closed.under.abort("enough");
  closed.under.abort("enough");
  assertEquals(closed.done, ["leaveOpen", "stateChange", "sendClose ", "stateChange", "release", "finish"]);
});

Deno.test("the first close payload counts, and none is sent twice", async () => {
  const { under, ends, noted, receive } = closing();
  under.close(encodeClosePayload(4000));
  under.close(encodeClosePayload(4001));
  under.fail(new ProtocolError("wrong", "RFC 6455 §5.2"));
  receive(1000);
  under.close(encodeClosePayload(4002));
  await settle();
  assertEquals(noted(), ["sendClose 0fa0", "endWriting failed"]);
  under.endReading();
  await settle();
  assertEquals(ends.map(({ wasClean, error }) => [wasClean, error instanceof ProtocolError]), [[false, true]]);
});

Deno.test("the close frame of a fault that waits for answers keeps the first fault, whatever happens before it is sent", async () => {
  using time = new FakeTime();
  const first = new ProtocolError("wrong", "RFC 6455 §5.2");
  for (const later of ["close", "fail", "fault"] as const) {
    const { under, owner, ends, noted } = closing({ progress: "reading" });
    under.fault(first);
    assertEquals([under.state, under.isOpen, under.answering], ["failing", true, true]);
    assert(!owner.done.includes("leaveOpen"));
    if (later === "close") under.close(encodeClosePayload(4001));
    else under[later](new LimitError("later", { limit: "maxFrames", max: 1, actual: 2, closeCode: 1008 }));
    await time.advance(2_000);
    assertEquals(noted(), [`sendClose 03ea${new TextEncoder().encode("wrong").toHex()}`, "endWriting failed"]);
    assertStrictEquals(owner.reasons[0], first);
    under.endReading();
    await settle();
    assertStrictEquals(ends[0]?.error, first);
    assertEquals([ends.length, time.timers], [1, 0]);
  }
});

Deno.test("abort, failure and fault do not replace an earlier cause", () => {
  const earlier = new ProtocolError("wrong", "RFC 6455 §5.2");
  for (const first of ["fail", "fault", "recordCause"] as const) {
    for (const second of ["abort", "fail", "fault"] as const) {
      const { under, ends } = closing({ progress: "reading" });
      under[first](earlier);
      under[second](new Error("enough"));
      assertStrictEquals(under.error, earlier, `${first}, then ${second}`);
      under.abort("too late");
      assertEquals(ends, [{ closeCode: 1006, reason: "", wasClean: false, error: earlier }]);
    }
  }
});

Deno.test("a failure sends the peer its code; an error of our side sends no details; the first cause is kept", async () => {
  using time = new FakeTime();
  const theirs = closing();
  theirs.under.fail(new ProtocolError("wrong", "RFC 6455 §5.2"));
  await settle();
  assertEquals(theirs.noted(), [`sendClose 03ea${new TextEncoder().encode("wrong").toHex()}`, "endWriting failed"]);
  theirs.under.abort("enough");

  const ours = new TypeError("mine");
  const { under, ends, noted } = closing();
  under.fail(ours);
  under.recordCause(new ConnectionError("later"));
  await settle();
  assertEquals(noted(), ["sendClose 03f3", "endWriting failed"]); // 1011; the end that fails the connection ends the transport, a client too
  await time.advance(1_999);
  assertEquals([under.state, ends], ["failed", []]);
  await time.advance(1);
  assertEquals(ends, [{ closeCode: 1006, reason: "", wasClean: false, error: ours }]);
  assertEquals(time.timers, 0);
});

Deno.test("a closing handshake may take `closeTimeout`; 0 means no limit; after a failure it may take 2 s", async () => {
  using time = new FakeTime();
  const { under, ends } = closing({ closeTimeout: 50 });
  under.close(encodeClosePayload(1000));
  await time.advance(49);
  assertEquals(ends, []);
  await time.advance(1);
  assertInstanceOf(ends[0]?.error, ConnectionError);
  assertEquals(String(ends[0]?.error), "ConnectionError: The closing handshake took more than 50 ms");
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

Deno.test("the peer's code is echoed at once if the application waits for more or does not read", async () => {
  for (const state of [{ progress: "all" }, { progress: "all", busy: true }, { progress: "unread" }] as const) {
    using time = new FakeTime();
    const { under, ends, noted, receive } = closing(state);
    receive(4321, "why");
    assertEquals(under.state, "closeReceived");
    await settle();
    assertEquals(noted(), ["sendClose 10e1", "endWriting"]);
    under.endReading();
    await settle();
    assertEquals(ends, [{ closeCode: 4321, reason: "why", wasClean: true }]);
    assertEquals(time.timers, 0);
  }
});

Deno.test("a frame without a code is answered with one without", async () => {
  const { under, noted, receive } = closing({ progress: "all" });
  receive(1005);
  await settle();
  assertEquals(noted(), ["sendClose ", "endWriting"]);
  under.abort("enough");
});

Deno.test("the answer waits for the application as long as it makes progress every 2 s", async () => {
  using time = new FakeTime();
  const busy = closing({ progress: "reading" });
  busy.receive(1000);
  await time.advance(1_000);
  busy.under.onProgress(); // one of several
  await time.advance(999);
  assertEquals(busy.noted(), []);
  busy.owner.progress = "last";
  busy.under.onProgress(); // the last one is being dealt with
  await time.advance(0);
  assertEquals(busy.noted(), ["sendClose 03e8", "endWriting"]);

  const late = closing({ progress: "reading", busy: true });
  late.receive(1000);
  await time.advance(1_000);
  late.under.onProgress(); // the last one is in hand, and not dealt with
  await time.advance(999);
  assertEquals(late.noted(), []);
  await time.advance(1);
  assertEquals(late.noted(), ["sendClose 03e8", "endWriting"]);

  const stuck = closing({ progress: "reading" });
  stuck.receive(1000);
  await time.advance(1_999);
  assertEquals(stuck.noted(), []);
  await time.advance(1);
  assertEquals(stuck.noted(), ["sendClose 03e8", "endWriting"]);
});

Deno.test("each message of a batch taken in the same turn has another 2 s", async () => {
  using time = new FakeTime();
  const { owner, noted, receive, under } = closing({ progress: "last" });
  receive(1000);
  Object.assign(owner, { progress: "reading", busy: true });
  await time.advance(1_999);
  assertEquals(noted(), []);
  Object.assign(owner, { progress: "last", busy: false });
  under.onProgress();
  await time.advance(0);
  assertEquals(noted(), ["sendClose 03e8", "endWriting"]);
});

Deno.test("a fault waits until the application asks for more, so the last message can still be answered", async () => {
  using time = new FakeTime();
  const { owner, noted, under } = closing({ progress: "last" });
  under.fault(new ProtocolError("", "RFC 6455 §5.2"));
  under.onProgress();
  await time.advance(1_000);
  assertEquals([under.state, noted()], ["failing", []]);
  owner.progress = "all";
  under.onProgress();
  await time.advance(0);
  assertEquals([under.state, noted()], ["failed", ["sendClose 03ea", "endWriting failed"]]);
  under.abort("enough");
});

Deno.test("a hook decides about the answer once, however long it takes; if it throws, the code is 1011", async () => {
  const asked: unknown[] = [];
  const decision = Promise.withResolvers<{ closeCode: number; reason: string }>();
  const slow = closing({
    progress: "all",
    decideReply(received) {
      asked.push(received);
      return decision.promise;
    },
  });
  slow.receive(4000, "x");
  for (let turn = 0; turn < 2; turn++) {
    slow.under.onProgress();
    await settle();
  }
  assertEquals([asked, slow.noted()], [[{ closeCode: 4000, reason: "x" }], []]);
  decision.resolve({ closeCode: 4001, reason: "y" });
  await settle();
  assertEquals(slow.noted(), ["sendClose 0fa179", "endWriting"]);
  slow.under.abort("enough");

  for (const decideReply of [() => Promise.reject(new Error("mine")), () => ({ closeCode: 1006, reason: "" })]) {
    const { under, ends, noted, receive } = closing({ progress: "all", decideReply });
    receive(1000);
    await settle();
    assertEquals(noted(), ["sendClose 03f3", "endWriting"]);
    under.endReading();
    await settle();
    assertEquals(ends.map(({ closeCode }) => closeCode), [1000]);
  }
});

Deno.test("T4: if the peer has ended its side, the end comes as soon as our answer is written", async () => {
  const written = Promise.withResolvers<void>();
  const { under, ends, noted, receive } = closing({ progress: "all", written: written.promise });
  receive(1000);
  under.endReading();
  await settle();
  assertEquals([noted(), ends], [["sendClose 03e8"], []]);
  written.resolve();
  await settle();
  assertEquals([noted(), ends], [[], [CLEAN]]);
});

Deno.test("the transport's end without a close frame is an error; other errors keep the first cause", async () => {
  const { under, ends } = closing();
  assertThrows(() => under.requireClose(), ConnectionError, "without a close frame");
  const cause = new Error("reset");
  under.recordCause(cause);
  under.recordCause(new ConnectionError("later"));
  under.endReading();
  await settle();
  const { error, ...rest } = ends[0]!;
  assertEquals(rest, { closeCode: 1006, reason: "", wasClean: false });
  assert(error instanceof ConnectionError);
  assertEquals([error.message, error.cause, under.error === error], ["The connection was lost", cause, true]);
});

Deno.test("how the transport ends does not matter once both close frames are exchanged, unless ours is unwritten", async () => {
  for (const allWritten of [true, false]) {
    const written = allWritten ? Promise.resolve() : new Promise<void>(() => {});
    const { under, ends, receive } = closing({ progress: "all", allWritten, written });
    receive(1000);
    await settle();
    assertEquals(under.state, "exchanged");
    under.lose(new Error("reset"));
    assertEquals(ends.map(({ wasClean }) => wasClean), [allWritten]);
  }
});

Deno.test("in a protocol without close frames, the peer closes by ending the transport, and so do we", async () => {
  const peers = closing({ hasCloseFrame: false, progress: "all" });
  peers.under.requireClose();
  peers.under.endReading();
  await settle();
  assertEquals(peers.ends, [{ closeCode: 1005, reason: "", wasClean: true }]);

  const ours = closing({ hasCloseFrame: false });
  ours.under.close(encodeClosePayload(4000));
  await settle();
  assertEquals([ours.noted(), ours.under.state], [["sendClose 0fa0", "endWriting"], "closeSent"]);
  ours.under.requireClose();
  ours.under.endReading();
  await settle();
  assertEquals(ours.ends, [{ closeCode: 1005, reason: "", wasClean: true }]);

  const failed = closing({ hasCloseFrame: false });
  failed.under.fail(new Error("mine"));
  await settle();
  assertEquals(failed.noted(), ["sendClose 03f3", "endWriting failed"]);
  failed.under.abort("enough");
});

Deno.test("an error while releasing is reported, and the end still comes once", () => {
  const mine = new Error("mine");
  const { under, ends } = closing({ mistake: mine });
  under.received = { closeCode: 1000, reason: "" };
  under.lose(undefined);
  under.abort("again");
  under.endReading();
  assertEquals(ends.length, 1);
  const plain = closing({ mistake: mine });
  plain.under.close(encodeClosePayload(1000));
  plain.under.abort(undefined);
  assertEquals(plain.ends, [{ closeCode: 1006, reason: "", wasClean: false, error: mine }]);
});

Deno.test("an error while releasing does not replace the cause of the end", () => {
  const cause = new ProtocolError("wrong", "RFC 6455 §5.2");
  const { under, ends } = closing({ mistake: new Error("mine") });
  under.lose(cause);
  assertStrictEquals(under.error, cause);
  assertEquals(ends, [{ closeCode: 1006, reason: "", wasClean: false, error: cause }]);
});
