import { assert, assertEquals } from "@std/assert";
import type { Frame, Role } from "../../../lib/pipeline/frames/frame.ts";
import { FrameParser } from "../../../lib/pipeline/frames/frame_parser.ts";
import type { Message } from "../../../lib/pipeline/messages/message.ts";
import { MessageAssembler } from "../../../lib/pipeline/messages/message_assembler.ts";
import { readWholeMessages } from "../../../lib/pipeline/messages/whole_messages.ts";
import { below, SEED, seeded } from "../../_support/random.ts";

const MAX = 16 * 1024 * 1024;

/** What the long way makes of the same bytes; whatever is wrong ends it. */
function longWay(bytes: Uint8Array<ArrayBuffer>, role: Role, maxMessageBytes: number): Message[] {
  const frames: Frame[] = [];
  const messages: Message[] = [];
  try {
    try {
      new FrameParser({ role, maxMessageBytes }).push(bytes, frames);
    } finally {
      new MessageAssembler({ maxMessageBytes }).push(frames, messages);
    }
  } catch {
    // Only what comes before it is compared.
  }
  return messages;
}

/** Checks that both ways agree as far as the short one goes, and that it leaves the rest as it came. Gives how far it went. */
function compare(given: Uint8Array<ArrayBuffer>, role: Role, maxMessageBytes = MAX): number {
  const messages: Message[] = [];
  const bytes = given.slice();
  const end = readWholeMessages(bytes, bytes.length, { role, maxMessageBytes, most: Infinity }, messages);
  assertEquals(messages, longWay(given.slice(0, end), role, maxMessageBytes));
  assertEquals(bytes.subarray(end), given.subarray(end), "the rest");
  return end;
}

Deno.test("of all first two bytes the fast path takes only whole text and binary frames of up to 125 bytes with the right mask", () => {
  for (const role of ["server", "client"] as const) {
    for (let first = 0; first < 256; first++) {
      for (let second = 0; second < 256; second++) {
        const bytes = new Uint8Array(202).fill(0x61);
        bytes.set([first, second]);
        if (role === "server") bytes.fill(0, 2, 6); // a key that leaves the text as it is
        const taken = compare(bytes, role) > 0;
        const whole = first === 0x81 || first === 0x82;
        const mask = role === "server" ? 0x80 : 0;
        assertEquals(taken, whole && second >= mask && second <= mask + 125, `${role}: ${first} ${second}`);
      }
    }
  }
});

Deno.test("the fast path and the general path agree on messages of every length at every alignment", () => {
  for (const role of ["server", "client"] as const) {
    for (let length = 0; length <= 130; length++) {
      for (const first of [0x81, 0x82]) {
        const mask = role === "server" ? 0x80 : 0;
        const header = length < 126 ? [first, mask | length] : [first, mask | 126, 0, length];
        const key = role === "server" ? [1, 2, 3, 4] : [];
        const payload = Uint8Array.from({ length }, (_, i) => (97 + i % 26) ^ (key[i & 3] ?? 0));
        const frame = Uint8Array.of(...header, ...key, ...payload);
        for (let before = 0; before < 4; before++) {
          const bytes = new Uint8Array([...frame, ...frame, ...frame]);
          const shifted = new Uint8Array(new ArrayBuffer(before + bytes.length), before);
          shifted.set(bytes);
          assertEquals(compare(shifted, role), length < 126 ? bytes.length : 0);
        }
        for (let cut = 0; cut < frame.length; cut++) assertEquals(compare(frame.slice(0, cut), role), 0);
      }
    }
  }
});

Deno.test("the fast path stops at a message beyond the limit, at invalid text and at a control frame, and takes the messages before", () => {
  const good = [0x81, 2, 0x61, 0x62];
  for (const bad of [[0x82, 6, 1, 2, 3, 4, 5, 6], [0x81, 1, 0xff], [0x81, 2, 0xc3, 0x28], [0x89, 0], [0x01, 1, 0x61]]) {
    assertEquals(compare(Uint8Array.of(...good, ...bad, ...good), "client", 5), 4);
    const key = [9, 8, 7, 6];
    const masked = [good, bad, good].map(([first, length, ...payload]) => [
      first!,
      0x80 | length!,
      ...key,
      ...payload.map((byte, i) => byte ^ key[i & 3]!),
    ]);
    assertEquals(compare(Uint8Array.from(masked.flat()), "server", 5), 8);
  }
});

Deno.test("the fast path and the general path agree on random bytes that resemble frames", () => {
  const random = seeded();
  for (let round = 0; round < 20_000; round++) {
    const role = below(random, 2) === 0 ? "server" : "client";
    const bytes = Uint8Array.from({ length: below(random, 40) }, () => below(random, 256));
    for (let at = 0; at + 1 < bytes.length; at += 2 + below(random, 12)) {
      bytes[at] = 0x80 + below(random, 4);
      bytes[at + 1] = (role === "server" ? 0x80 : 0) + below(random, 9);
    }
    try {
      compare(bytes, role, 1 + below(random, 200));
    } catch (cause) {
      throw new Error(`${role}: ${bytes}, SEED=${SEED}`, { cause });
    }
  }
});

Deno.test("the fast path stops at the maximum number of messages", () => {
  const messages: Message[] = ["before"];
  const bytes = Uint8Array.of(0x81, 0, 0x81, 0, 0x81, 0);
  assertEquals(readWholeMessages(bytes, 6, { role: "client", maxMessageBytes: MAX, most: 3 }, messages), 4);
  assertEquals(messages, ["before", "", ""]);
});

Deno.test("binary messages of the fast path are views of the read", () => {
  const bytes = Uint8Array.of(0x82, 1, 7);
  const messages: Message[] = [];
  readWholeMessages(bytes, 3, { role: "client", maxMessageBytes: MAX, most: Infinity }, messages);
  const [message] = messages;
  assert(message instanceof Uint8Array && message.buffer === bytes.buffer);
});
