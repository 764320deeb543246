/**
 * Random traffic: messages of every kind and size on the wire, and what a connection wrote, read again by the naive decoder.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { type Frame, frame, Opcode, type Role } from "../../lib/pipeline/frames/frame.ts";
import { FrameSerializer } from "../../lib/pipeline/frames/frame_serializer.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { concat } from "../_support/bytes.ts";
import { utf8 } from "../_support/frames.ts";
import { naiveFrames, naiveText } from "../_support/naive_frames.ts";
import { below, type Random, randomBytes, seeded } from "../_support/random.ts";
import { close } from "../_support/raw_peer.ts";
import { runStage } from "../_support/stages.ts";

const NOISE = randomBytes(seeded(6455), 3 * 2 ** 20);

/** Sizes around every threshold of the fast paths. */
const SIZES = [125, 126, 4095, 4096, 8191, 8192, 16_383, 16_384, 65_535, 65_536];

/** A size: mostly small, sometimes at an edge, rarely large; or mostly such that several are in one read. */
function randomSize(random: Random, mostly: "small" | "medium"): number {
  const kind = below(random, 40);
  if (mostly === "medium" && kind < 24) return 16_000 + below(random, kind < 12 ? 800 : 50_000);
  if (kind < 20) return below(random, 140);
  if (kind < 28) return below(random, 6000);
  if (kind < 36) return SIZES[below(random, SIZES.length)]! + below(random, 3) - 1;
  return below(random, kind < 39 ? 150_000 : 500_000);
}

/** A payload that no other message has. */
function payload(random: Random, size: number): Uint8Array<ArrayBuffer> {
  const from = below(random, NOISE.length - size);
  return NOISE.slice(from, from + size);
}

/** What a peer sends. */
export interface Traffic {
  /** The messages. */
  readonly messages: Message[];
  /** The payloads of the pings between them. */
  readonly pings: Uint8Array[];
  /** All of it on the wire. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What {@linkcode randomTraffic} makes. */
export interface TrafficOptions {
  /** Who sends it. */
  sender: Role;
  /** The number of messages. */
  count: number;
  /** The size of one message that is surely there. */
  large?: number;
  /** What the others are. @default {"small"} */
  mostly?: "small" | "medium";
  /** Whether a close frame comes last. @default {true} */
  closes?: boolean;
}

/** Makes messages whole and in fragments, with pings before, between and behind these. */
export function randomTraffic(
  random: Random,
  { sender, count, large, mostly = "small", closes = true }: TrafficOptions,
): Traffic {
  const messages: Message[] = [];
  const pings: Uint8Array[] = [];
  const frames: Frame[] = [];
  const turnOfLarge = below(random, count);
  for (let i = 0; i < count; i++) {
    const size = i === turnOfLarge && large !== undefined ? large : randomSize(random, mostly);
    const text = below(random, 3) === 0;
    const bytes = text ? utf8("xé€𐍈".repeat(1 + size / 10).slice(0, size >> 1) + i) : payload(random, size);
    messages.push(text ? naiveText(bytes)! : bytes.slice());
    const cuts = Array.from({ length: Math.max(0, below(random, 8) - 4) }, () => below(random, bytes.length + 1));
    const ends = [...cuts.toSorted((a, b) => a - b), bytes.length];
    ends.forEach((end, part) => {
      if (below(random, 6) === 0) {
        pings.push(randomBytes(random, below(random, 126)));
        frames.push(frame(Opcode.PING, pings.at(-1)!.slice()));
      }
      const opcode = part > 0 ? Opcode.CONTINUATION : text ? Opcode.TEXT : Opcode.BINARY;
      frames.push(frame(opcode, bytes.slice(ends[part - 1] ?? 0, end), { fin: part === ends.length - 1 }));
    });
  }
  if (closes) frames.push(close(1000));
  return { messages, pings, bytes: concat(runStage(new FrameSerializer({ role: sender }), [frames]).output) };
}

/** The same message in memory of its own. */
export function copyOf(message: Message): Message {
  return typeof message === "string" ? message : message.slice();
}

/** Asserts that messages are the same, byte for byte. */
export function assertMessages(actual: readonly Message[], expected: readonly Message[], what: string): void {
  const name = (message: Message | undefined) => `${typeof message} of ${message?.length}`;
  assertEquals(actual.map(name), expected.map(name), what);
  actual.forEach((message, i) => {
    const other = expected[i]!;
    if (typeof message === "string" || typeof other === "string") assertStrictEquals(message, other, `${what}, ${i}`);
    else assertStrictEquals(firstDifference(message, other), -1, `${what}, message ${i} of ${other.length} bytes`);
  });
}

/** Where the first byte stands that is not the same. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  return a.findIndex((byte, i) => byte !== b[i]);
}

/** What one end wrote. */
export interface Written {
  /** The messages, which came in one frame each. */
  readonly messages: Message[];
  /** The payloads of the pongs. */
  readonly pongs: Uint8Array[];
  /** What the others are. @default {"small"} */
  mostly?: "small" | "medium";
  /** Whether a close frame ends it. */
  readonly closed: boolean;
}

/** Reads what one end wrote with the naive decoder. Only a connection that was cut off may end inside a frame. */
export function readWritten(bytes: Uint8Array, sender: Role, { cutOff = false } = {}): Written {
  const { frames, closeCode } = naiveFrames(bytes, sender === "server" ? "client" : "server");
  assert(closeCode === undefined || (cutOff && closeCode === 1006), `what was written is refused with ${closeCode}`);
  const data = frames.filter(({ opcode }) => opcode <= Opcode.BINARY);
  assert(data.every(({ fin, opcode }) => fin && opcode !== Opcode.CONTINUATION), "a message in fragments");
  return {
    messages: data.map(({ opcode, payload }) => opcode === Opcode.TEXT ? naiveText(payload)! : payload),
    pongs: frames.filter(({ opcode }) => opcode === Opcode.PONG).map(({ payload }) => payload),
    closed: frames.at(-1)?.opcode === Opcode.CLOSE,
  };
}

/** Asserts that pongs answer pings in order; while one is under way, only the latest ping is owed an answer (§5.5.3). */
export function assertPongs(pongs: readonly Uint8Array[], pings: readonly Uint8Array[], what: string): void {
  let at = 0;
  for (const pong of pongs) {
    while (at < pings.length && (pong.length !== pings[at]!.length || firstDifference(pong, pings[at]!) >= 0)) at++;
    assert(at++ < pings.length, `${what}: a pong that answers no ping, or one out of order`);
  }
  assert(pings.length === 0 || at === pings.length, `${what}: the last ping has no answer`);
}
