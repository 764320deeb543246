/** The parser's loop over small whole frames against the way that every other frame goes: nobody can tell them apart. */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { WebSocketError } from "../../../lib/errors.ts";
import type { Frame, Role } from "../../../lib/pipeline/frames/frame.ts";
import { FrameParser, type FrameParserOptions } from "../../../lib/pipeline/frames/frame_parser.ts";
import { concat, counting } from "../../_support/bytes.ts";
import { lines } from "../../_support/frames.ts";
import { naiveBytes, naiveFrames } from "../../_support/naive_frames.ts";
import { randomBytes, seeded } from "../../_support/random.ts";

const ROLES: Role[] = ["server", "client"];

/** What came of some chunks: everything that can be seen of a parser. */
interface Seen {
  frames: Frame[];
  error: unknown;
  insideMessage: boolean;
  missing: number;
  /** What the end of the transport throws here. */
  end: unknown;
}

const EMPTY: Seen = { frames: [], error: undefined, insideMessage: false, missing: 0, end: undefined };

function read(options: FrameParserOptions, chunks: readonly Uint8Array<ArrayBuffer>[]): Seen {
  const parser = new FrameParser(options);
  const frames: Frame[] = [];
  const error = thrown(() => chunks.forEach((chunk) => parser.push(chunk, frames)));
  if (error !== undefined) return { ...EMPTY, frames, error }; // nobody looks at it any more
  const { insideMessage, missing } = parser;
  return { frames, error, insideMessage, missing, end: thrown(() => parser.end()) };
}

function thrown(run: () => void): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** Quick where they are the same: there are many of them. */
function assertSame(actual: Seen, expected: Seen, what: () => string): void {
  const same = actual.frames.length === expected.frames.length && say(actual.error) === say(expected.error) &&
    say(actual.end) === say(expected.end) && actual.insideMessage === expected.insideMessage &&
    actual.missing === expected.missing && actual.frames.every((frame, i) => sameFrame(frame, expected.frames[i]!));
  if (!same) assertEquals(readable(actual), readable(expected), what());
}

function sameFrame(a: Frame, b: Frame): boolean {
  return a.fin === b.fin && a.rsv === b.rsv && a.opcode === b.opcode && a.payload.length === b.payload.length &&
    a.payload.every((byte, i) => byte === b.payload[i]);
}

/** Class, code and text, which says the section or the limit. */
function say(error: unknown): string {
  if (error === undefined) return "";
  if (!(error instanceof Error)) throw error;
  const code = error instanceof WebSocketError ? error.closeCode : undefined;
  return `${error.constructor.name} ${code} ${error.message}`;
}

function readable({ frames, error, end, ...rest }: Seen): unknown {
  return { ...rest, frames: lines(frames), error: say(error), end: say(end) };
}

/** In two: where the cut is inside the first header, no frame before it is whole. */
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
  Deno.test(`all 65 536 pairs of a header's first bytes are the same to a ${role}, whole and in parts`, () => {
    const options = { role, maxMessageBytes: 200 };
    const small = naiveBytes({ fin: true, rsv: 0, opcode: 1, payload: Uint8Array.of(97) }, keyOf(role));
    for (let second = 0; second < 256; second++) {
      const rest = behind(second, role);
      const alone = Uint8Array.of(0, second, ...rest);
      const after = Uint8Array.of(...small, ...alone);
      for (let first = 0; first < 256; first++) {
        alone[0] = after[small.length] = first;
        const what = () => `${first.toString(16)} ${second.toString(16)}`;
        const slow = read(options, cut(alone, 1));
        assertSame(read(options, [alone.slice()]), slow, what);
        // An error costs more than all the rest.
        if (slow.error !== undefined && (first + second) % 16 !== 0) continue;
        const both = read(options, [after.slice()]);
        assertStrictEquals(both.frames[0]?.payload[0], 97);
        assertSame({ ...both, frames: both.frames.slice(1) }, slow, what);
        const naive = naiveFrames(alone, role, options.maxMessageBytes);
        assertEquals(lines(slow.frames), lines(naive.frames), what());
        const code = slow.error ?? slow.end;
        assertStrictEquals(code === undefined ? "" : say(code).split(" ")[1], `${naive.closeCode ?? ""}`, what());
      }
    }
  });

  Deno.test(`all first bytes are the same to a ${role} inside a message of fragments, whole and in parts`, () => {
    const fragment = naiveBytes({ fin: false, rsv: 0, opcode: 2, payload: Uint8Array.of(1, 2) }, keyOf(role));
    for (const code of [0, 1, 124, 125, 126, 127]) {
      for (const second of [code, code + 128]) {
        const bytes = Uint8Array.of(...fragment, 0, second, ...behind(second, role));
        for (let first = 0; first < 256; first++) {
          bytes[fragment.length] = first;
          for (const maxMessageBytes of [125, 127, 1000]) {
            const options = { role, maxMessageBytes };
            const slow = read(options, [bytes.slice(0, 1), ...cut(bytes.slice(1), fragment.length)]);
            assertSame(read(options, [bytes.slice()]), slow, () => `${first} ${second} max ${maxMessageBytes}`);
          }
        }
      }
    }
  });

  Deno.test(`frames of every length up to 130 and at the other edges are the same to a ${role}, cut anywhere`, () => {
    const random = seeded();
    for (const length of [...Array(131).keys(), 65_535, 65_536]) {
      for (const key of role === "server" ? [[0, 0, 0, 0], [...randomBytes(random, 4)]] : [undefined]) {
        const payload = randomBytes(random, length);
        const frame = { fin: true, rsv: 0, opcode: 2, payload };
        const next = { ...frame, payload: Uint8Array.of(length) };
        const wire = Uint8Array.from([frame, next].flatMap((frame) => naiveBytes(frame, key)));
        const expected = { ...EMPTY, frames: [frame, next] };
        assertSame(read({ role }, [wire.slice()]), expected, () => `${length}`);
        for (let at = 1; at < wire.length; at++) {
          if (at === 40 && length > 130) at = wire.length - 40;
          const [a, b] = cut(wire, at);
          assertSame(read({ role }, [a!, b!]), expected, () => `${length} cut at ${at}`);
          // Split, the parts of a frame make the same whole.
          const parts = read({ role, split: true }, cut(wire, at)).frames;
          const joined = concat(parts.map(({ payload }) => payload));
          const same = { ...parts[0]!, fin: true, payload: joined };
          const both = { ...frame, payload: concat([payload, next.payload]) };
          assertSame(
            { ...expected, frames: [same] },
            { ...expected, frames: [both] },
            () => `${length} split at ${at}`,
          );
        }
      }
    }
  });

  Deno.test(`a maxMessageBytes below 125 is the same limit to a ${role}, whole and in parts`, () => {
    for (let length = 0; length <= 125; length++) {
      const payload = counting(length);
      const wire = Uint8Array.from(naiveBytes({ fin: true, rsv: 0, opcode: 1, payload }, keyOf(role)));
      for (const maxMessageBytes of [0, 1, length - 1, length, length + 1, 124, 125, 126]) {
        const options = { role, maxMessageBytes };
        const whole = read(options, [wire.slice()]);
        assertSame(whole, read(options, cut(wire, 1)), () => `${length} of ${maxMessageBytes}`);
        assertStrictEquals(whole.frames.length, length <= maxMessageBytes ? 1 : 0);
      }
    }
  });
}

Deno.test("small frames are unmasked wherever they stand in their buffer, and nothing beside them changes", () => {
  const random = seeded();
  const key = [0xde, 0xad, 0xbe, 0xef];
  for (let length = 0; length <= 125; length++) {
    const payload = randomBytes(random, length);
    const wire = naiveBytes({ fin: true, rsv: 0, opcode: 2, payload }, key);
    for (let offset = 0; offset < 8; offset++) {
      const memory = new Uint8Array(offset + wire.length + 8).fill(0xaa);
      memory.set(wire, offset);
      const { frames } = read({ role: "server" }, [memory.subarray(offset, offset + wire.length)]);
      assertSame(
        { ...EMPTY, frames },
        { ...EMPTY, frames: [{ fin: true, rsv: 0, opcode: 2, payload }] },
        () => `${length}`,
      );
      const beside = [...memory.subarray(0, offset), ...memory.subarray(offset + wire.length)];
      assertEquals(beside.every((byte) => byte === 0xaa), true, `beside ${length} bytes at ${offset}`);
    }
  }
});
