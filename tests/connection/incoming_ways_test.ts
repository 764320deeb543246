/** The short way for small whole messages against the long one that a cut forces: both read the same. */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { Incoming } from "../../lib/connection/incoming.ts";
import { WebSocketError } from "../../lib/errors.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import type { Frame, Role } from "../../lib/pipeline/frames/frame.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { naiveAssembly, naiveReading } from "../fuzz/_naive_frames.ts";
import { failureOf } from "../fuzz/_target.ts";
import { counting } from "../_support/bytes.ts";
import { lines } from "../_support/frames.ts";
import { naiveBytes } from "../_support/naive_frames.ts";
import { randomBytes, seeded } from "../_support/random.ts";

const ROLES: Role[] = ["server", "client"];

/** What came of some chunks: everything that can be seen of it. */
interface Seen {
  messages: Message[];
  controls: Frame[];
  failure: unknown;
  /** What the end of the transport throws here. */
  end: unknown;
}

const EMPTY: Seen = { messages: [], controls: [], failure: undefined, end: undefined };

function read(role: Role, chunks: readonly Uint8Array<ArrayBuffer>[], maxMessageBytes = 2 ** 24): Seen {
  const incoming = new Incoming({ role, limits: { ...DEFAULT_LIMITS, maxMessageBytes } });
  const controls: Frame[] = [];
  const messages: Message[] = [];
  for (const chunk of chunks) {
    const failure = incoming.receive(chunk, chunk.length, messages);
    for (const { frame } of incoming.takeControls()) controls.push(frame);
    if (failure !== undefined) return { ...EMPTY, messages, controls, failure }; // it is not used any more
    incoming.leaveRead();
  }
  try {
    incoming.end();
  } catch (end) {
    return { ...EMPTY, messages, controls, end };
  }
  return { ...EMPTY, messages, controls };
}

/** Quick where they are the same: there are many of them. */
function assertSame(actual: Seen, expected: Seen, what: () => string): void {
  const same = actual.messages.length === expected.messages.length &&
    actual.messages.every((message, i) => sameMessage(message, expected.messages[i]!)) &&
    say(actual.failure) === say(expected.failure) && say(actual.end) === say(expected.end) &&
    actual.controls.length === expected.controls.length;
  if (!same || actual.controls.length > 0) assertEquals(readable(actual), readable(expected), what());
}

function sameMessage(a: Message, b: Message): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Class, code and text, which says the section or the limit. */
function say(error: unknown): string {
  if (error === undefined) return "";
  if (!(error instanceof WebSocketError)) throw error;
  return `${error.constructor.name} ${error.closeCode} ${error.message}`;
}

function readable({ messages, controls, failure, end }: Seen): unknown {
  return { messages, controls: lines(controls), failure: say(failure), end: say(end) };
}

/** In two: where the cut is inside the first header, nothing before it goes the short way. */
function cut(bytes: Uint8Array<ArrayBuffer>, at: number): Uint8Array<ArrayBuffer>[] {
  return [bytes.slice(0, at), bytes.slice(at)];
}

/** What follows the two bytes of a header: a longer length in its shortest form, a key, a payload and two frames more. */
function behind(second: number, role: Role): number[] {
  const code = second & 127;
  const length = code === 126 ? [0, 126] : code === 127 ? [0, 0, 0, 0, 0, 1, 0, 0] : [];
  const masked = second >= 128;
  const next = naiveBytes({ fin: true, rsv: 0, opcode: 2, payload: Uint8Array.of(7) }, keyOf(role));
  return [...length, ...masked ? [1, 2, 3, 4] : [], ...counting(Math.min(code, 126), second), ...next, ...next];
}

function keyOf(role: Role): number[] | undefined {
  return role === "server" ? [9, 8, 7, 6] : undefined;
}

for (const role of ROLES) {
  Deno.test(`a ${role} treats all 65 536 pairs of a header's first bytes the same, whole and in parts`, () => {
    const small = naiveBytes({ fin: true, rsv: 0, opcode: 1, payload: Uint8Array.of(97) }, keyOf(role));
    // An error costs more than all the rest: that of a reserved bit is the same whatever comes second.
    const reserved: Seen[] = [];
    for (let second = 0; second < 256; second++) {
      const rest = behind(second, role);
      const alone = Uint8Array.of(0, second, ...rest);
      const after = Uint8Array.of(...small, ...alone);
      for (let first = 0; first < 256; first++) {
        alone[0] = after[small.length] = first;
        const what = () => `${first.toString(16)} ${second.toString(16)}`;
        const known = (first & 0x70) > 0;
        const slow = known ? reserved[first] ??= read(role, cut(alone, 1), 200) : read(role, cut(alone, 1), 200);
        assertSame(read(role, [alone.slice()], 200), slow, what);
        if (slow.failure !== undefined && (first + second) % 16 !== 0) continue;
        const both = read(role, [after.slice()], 200);
        assertStrictEquals(both.messages[0], "a");
        assertSame({ ...both, messages: both.messages.slice(1) }, slow, what);
        const naive = naiveReading(alone, { role, maxMessageBytes: 200 });
        const { messages, failure } = naiveAssembly([...naive.frames, ...naive.partial], 200);
        assertEquals(slow.messages, messages, what());
        const expected = failure === undefined || failure === "1006" ? naive.failure ?? failure : failure;
        assertStrictEquals(failureOf(slow.failure ?? slow.end), expected, what());
      }
    }
  });

  Deno.test(`a ${role} treats all first bytes the same inside a fragmented message, whole and in parts`, () => {
    const fragment = naiveBytes({ fin: false, rsv: 0, opcode: 2, payload: Uint8Array.of(1, 2) }, keyOf(role));
    for (const code of [0, 1, 124, 125, 126, 127]) {
      for (const second of [code, code + 128]) {
        const bytes = Uint8Array.of(...fragment, 0, second, ...behind(second, role));
        for (let first = 0; first < 256; first++) {
          bytes[fragment.length] = first;
          for (const max of [125, 127]) {
            const slow = read(role, [bytes.slice(0, 1), ...cut(bytes.slice(1), fragment.length)], max);
            const what = () => `${first} ${second} max ${max}`;
            assertSame(read(role, [bytes.slice()], max), slow, what);
            assertSame(read(role, cut(bytes, fragment.length), max), slow, what);
          }
        }
      }
    }
  });

  Deno.test(`a ${role} treats messages of every length up to 130 and at the other edges the same, cut anywhere`, () => {
    const random = seeded();
    for (const length of [...Array(131).keys(), 65_535, 65_536]) {
      for (const key of role === "server" ? [[0, 0, 0, 0], [...randomBytes(random, 4)]] : [undefined]) {
        const sent = [randomBytes(random, length), Uint8Array.of(length)];
        const wire = Uint8Array.from(
          sent.flatMap((payload) => naiveBytes({ fin: true, rsv: 0, opcode: 2, payload }, key)),
        );
        const expected = { ...EMPTY, messages: sent };
        assertSame(read(role, [wire.slice()]), expected, () => `${length}`);
        for (let at = 1; at < wire.length; at++) {
          if (at === 40 && length > 130) at = wire.length - 40;
          assertSame(read(role, cut(wire, at)), expected, () => `${length} cut at ${at}`);
        }
      }
    }
  });

  Deno.test(`a maxMessageBytes below 125 is the same limit for a ${role}, whole and in parts`, () => {
    for (let length = 0; length <= 125; length++) {
      const payload = counting(length, 1).map((byte) => byte & 127);
      const wire = Uint8Array.from(naiveBytes({ fin: true, rsv: 0, opcode: 1, payload }, keyOf(role)));
      for (const max of [1, length - 1, length, length + 1, 124, 125, 126].filter((max) => max > 0)) {
        const whole = read(role, [wire.slice()], max);
        assertSame(whole, read(role, cut(wire, 1), max), () => `${length} of ${max}`);
        assertStrictEquals(whole.messages.length, length <= max ? 1 : 0);
      }
    }
  });

  Deno.test(`a ${role} treats text that is not UTF-8 the same on the fast path, behind others and in parts`, () => {
    const bad = ["ff", "c328", "61c3", "eda080", "f4908080", "6162e282"];
    for (const hex of bad) {
      const payload = Uint8Array.from(hex.match(/../g)!, (byte) => parseInt(byte, 16));
      const frames = [Uint8Array.of(97), payload, Uint8Array.of(98)];
      const wire = Uint8Array.from(
        frames.flatMap((payload) => naiveBytes({ fin: true, rsv: 0, opcode: 1, payload }, keyOf(role))),
      );
      const slow = read(role, cut(wire, 1));
      assertEquals([slow.messages, failureOf(slow.failure)], [["a"], "1007 RFC 6455 §8.1"]);
      for (let at = 0; at < wire.length; at++) {
        assertEquals(read(role, cut(wire, at)).messages, ["a"], `${hex} cut at ${at}`);
      }
      assertSame(read(role, [wire.slice()]), slow, () => hex);
    }
  });
}
