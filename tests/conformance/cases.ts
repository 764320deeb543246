/**
 * What the Autobahn test suite's categories 1 to 7, 9 and 10 ask of an endpoint that echoes messages, as data: a row for each
 * of its 301 cases without compression, under the suite's number. The suite plays either role, and so do these.
 *
 * A row that is stricter or more lenient than the suite says so beside it.
 *
 * @module
 */
import { type Frame, frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import { fromHex } from "../_support/bytes.ts";
import { utf8 } from "../_support/frames.ts";
import { close, ping, pong, text } from "../_support/raw_peer.ts";
import { SURROGATE, UTF8_CASES } from "./utf8_cases.ts";
import { type Case, echo, fragments, KiB, MiB, more, NOT_UTF8, PROTOCOL_ERROR, start, textOf } from "./_case.ts";

// 16 bytes, some of them of characters of 2, 3 and 4; the sizes of category 9 are multiples of 16. A view of it for each
// message costs nothing.
const LONG_TEXT = new Uint8Array(16 * MiB);
LONG_TEXT.set(utf8("ä€𐍈 sluice"));
for (let size = 16; size < LONG_TEXT.length; size *= 2) LONG_TEXT.copyWithin(size, 0, size);
// No two blocks of 256 or 65 536 are alike.
const LONG_BINARY = new Uint8Array(16 * MiB);
for (let i = 0; i < LONG_BINARY.length; i++) LONG_BINARY[i] = i ^ (i >> 8) ^ (i >> 16);

const KINDS = [
  { kind: "text", opcode: Opcode.TEXT, long: LONG_TEXT },
  { kind: "binary", opcode: Opcode.BINARY, long: LONG_BINARY },
] as const;

/** 1: both sides of every length encoding, RFC 6455 §5.2. */
const framing: Case[] = KINDS.flatMap(({ kind, opcode }, k) => {
  const message = (size: number) => frame(opcode, new Uint8Array(size).fill(k === 0 ? 0x2a : 0xfe));
  const id = (i: number) => `1.${k + 1}.${i + 1}`;
  return [
    ...[0, 125, 126, 127, 128, 65_535, 65_536].map((size, i): Case => ({
      id: id(i),
      title: `echoes a ${kind} message of ${size} bytes`,
      steps: echo(message(size)),
    })),
    { id: id(7), title: `echoes a ${kind} message of 65536 bytes in chops`, steps: echo(message(65_536)), chop: 997 },
  ];
});

const TEN = Array.from({ length: 10 }, (_, i) => `payload-${i}`);
const LARGEST_PING = frame(Opcode.PING, new Uint8Array(125).fill(0xfe));

/** 2: pings and pongs, §5.5.2 and §5.5.3. */
const pings: Case[] = [
  { id: "2.1", title: "answers an empty ping", steps: [{ send: [ping()] }, { expect: [pong()] }] },
  {
    id: "2.2",
    title: "answers a ping with its text",
    steps: [{ send: [ping("Hello, world!")] }, { expect: [pong("Hello, world!")] }],
  },
  {
    id: "2.3",
    title: "answers a ping with its bytes, which need not be UTF-8",
    steps: [
      { send: [frame(Opcode.PING, fromHex("00fffefdfcfb00ff"))] },
      { expect: [frame(Opcode.PONG, fromHex("00fffefdfcfb00ff"))] },
    ],
  },
  {
    id: "2.4",
    title: "answers a ping of 125 bytes",
    steps: [{ send: [LARGEST_PING] }, { expect: [{ ...LARGEST_PING, opcode: Opcode.PONG }] }],
  },
  {
    id: "2.5",
    title: "fails at a ping of 126 bytes",
    steps: [{ send: [frame(Opcode.PING, new Uint8Array(126).fill(0xfe))] }],
    end: PROTOCOL_ERROR,
  },
  {
    id: "2.6",
    title: "answers a ping of 125 bytes that comes octet-wise",
    steps: [{ send: [LARGEST_PING] }, { expect: [{ ...LARGEST_PING, opcode: Opcode.PONG }] }],
    chop: 1,
  },
  { id: "2.7", title: "ignores an empty pong that it did not ask for", steps: [{ send: [pong()] }] },
  { id: "2.8", title: "ignores a pong that it did not ask for", steps: [{ send: [pong("unsolicited")] }] },
  {
    id: "2.9",
    title: "answers a ping behind a pong that it did not ask for",
    steps: [{ send: [pong("unsolicited"), ping("ping")] }, { expect: [pong("ping")] }],
  },
  {
    id: "2.10",
    title: "answers ten pings",
    steps: [{ send: TEN.map((payload) => ping(payload)) }, {
      expect: TEN.map((payload) => pong(payload)),
      leave: "pongs",
    }],
  },
  {
    id: "2.11",
    title: "answers ten pings that come octet-wise",
    steps: [{ send: TEN.map((payload) => ping(payload)) }, {
      expect: TEN.map((payload) => pong(payload)),
      leave: "pongs",
    }],
    chop: 1,
  },
];

const HELLO = text("Hello, world!");
/** A message, a frame that breaks a rule, and a ping that must not be answered any more. */
const spoilt = (bad: Frame): Pick<Case, "steps" | "end"> => ({
  steps: [{ send: [HELLO, bad, ping()] }, { expect: [HELLO] }],
  end: PROTOCOL_ERROR,
});

/** 3: reserved bits with no extension, §5.2. */
const reservedBits: Case[] = [
  { id: "3.1", title: "fails at RSV3 on a text", steps: [{ send: [{ ...HELLO, rsv: 1 }] }], end: PROTOCOL_ERROR },
  { id: "3.2", title: "fails at RSV2 behind a message", ...spoilt({ ...HELLO, rsv: 2 }) },
  {
    id: "3.3",
    title: "fails at RSV2 and RSV3 behind a message, frame by frame",
    ...spoilt({ ...HELLO, rsv: 3 }),
    chop: "frames",
  },
  { id: "3.4", title: "fails at RSV1 behind a message, octet-wise", ...spoilt({ ...HELLO, rsv: 4 }), chop: 1 },
  {
    id: "3.5",
    title: "fails at RSV1 and RSV3 on a binary frame",
    steps: [{ send: [frame(Opcode.BINARY, fromHex("00fffefdfcfb00ff"), { rsv: 5 })] }],
    end: PROTOCOL_ERROR,
  },
  {
    id: "3.6",
    title: "fails at RSV1 and RSV2 on a ping",
    steps: [{ send: [{ ...ping("Hello, world!"), rsv: 6 }] }],
    end: PROTOCOL_ERROR,
  },
  {
    id: "3.7",
    title: "fails at all three on a close frame, and does not answer it",
    steps: [{ send: [{ ...close(1000), rsv: 7 }] }],
    end: PROTOCOL_ERROR,
  },
];

/** 4: reserved opcodes with no extension, §5.2. */
const reservedOpcodes: Case[] = [{ id: "4.1", first: 3 }, { id: "4.2", first: 11 }].flatMap(({ id, first }): Case[] => {
  const payload = utf8("reserved opcode payload");
  const alone = (bad: Frame) => ({ steps: [{ send: [bad] }], end: PROTOCOL_ERROR });
  return [
    { id: `${id}.1`, title: `fails at opcode ${first}`, ...alone(frame(first)) },
    { id: `${id}.2`, title: `fails at opcode ${first + 1} with a payload`, ...alone(frame(first + 1, payload)) },
    { id: `${id}.3`, title: `fails at opcode ${first + 2} behind a message`, ...spoilt(frame(first + 2)) },
    {
      id: `${id}.4`,
      title: `fails at opcode ${first + 3} with a payload behind a message`,
      ...spoilt(frame(first + 3, payload)),
    },
    {
      id: `${id}.5`,
      title: `fails at opcode ${first + 4} with a payload behind a message, octet-wise`,
      ...spoilt(frame(first + 4, payload)),
      chop: 1,
    },
  ];
});

const [ONE, TWO, THREE, FOUR, FIVE] = [
  utf8("fragment1"),
  utf8("fragment2"),
  utf8("fragment3"),
  utf8("fragment4"),
  utf8("fragment5"),
] as const;
/** The three ways in which the suite sends most of category 5. */
const WAYS = [{}, { chop: "frames", how: ", frame by frame" }, { chop: 1, how: ", octet-wise" }] as const;
function threeWays(first: number, title: string, row: Pick<Case, "steps" | "end">): Case[] {
  return WAYS.map(({ how = "", ...chop }: { how?: string; chop?: 1 | "frames" }, i) => ({
    id: `5.${first + i}`,
    title: title + how,
    ...row,
    ...chop,
  }));
}
/** Frames that leave nothing of the connection. */
const broken = (...send: Frame[]): Pick<Case, "steps" | "end"> => ({ steps: [{ send }], end: PROTOCOL_ERROR });

/** 5: fragments, §5.4. */
const fragmentation: Case[] = [
  {
    id: "5.1",
    title: "fails at a fragmented ping",
    ...broken({ ...ping("fragment1"), fin: false }, more(TWO, true)),
  },
  {
    id: "5.2",
    title: "fails at a fragmented pong",
    ...broken({ ...pong("fragment1"), fin: false }, more(TWO, true)),
  },
  ...threeWays(3, "echoes a text in two fragments", {
    steps: echo(text("fragment1fragment2"), [start(ONE), more(TWO, true)]),
  }),
  ...threeWays(6, "answers a ping between two fragments", {
    steps: [
      { send: [start(ONE), ping("ping payload"), more(TWO, true)] },
      { expect: [pong("ping payload"), text("fragment1fragment2")], leave: "pongs" },
    ],
  }),
  ...threeWays(9, "fails at a last continuation of nothing before a text", broken(more(ONE, true), HELLO)),
  ...threeWays(12, "fails at a continuation of nothing before a text", broken(more(ONE), HELLO)),
  {
    id: "5.15",
    title: "fails at a continuation of nothing behind a fragmented text",
    steps: [
      { send: [start(ONE), more(TWO, true), more(THREE), textOf(FOUR)] },
      { expect: [text("fragment1fragment2")] },
    ],
    end: PROTOCOL_ERROR,
  },
  {
    id: "5.16",
    title: "fails at a continuation of nothing before fragmented texts",
    ...broken(...[1, 2].flatMap(() => [more(ONE), start(TWO), more(THREE, true)])),
  },
  {
    id: "5.17",
    title: "fails at a last continuation of nothing before fragmented texts",
    ...broken(...[1, 2].flatMap(() => [more(ONE, true), start(TWO), more(THREE, true)])),
  },
  { id: "5.18", title: "fails at a second text inside a fragmented one", ...broken(start(ONE), textOf(TWO)) },
  // The suite waits a second; the pong says as well that the first ping was answered before the rest came.
  ...[{ id: "5.19" }, { id: "5.20", chop: "frames" as const }].map((row): Case => ({
    ...row,
    title: `answers pings between fragments at once${row.chop === undefined ? "" : ", frame by frame"}`,
    steps: [
      { send: [start(ONE), more(TWO), ping("pongme 1!")] },
      { expect: [pong("pongme 1!")] },
      { send: [more(THREE), more(FOUR), ping("pongme 2!"), more(FIVE, true)] },
      { expect: [pong("pongme 2!"), text("fragment1fragment2fragment3fragment4fragment5")], leave: "pongs" },
    ],
  })),
];

/** Frames, the last or a middle one a close frame with 1000, which is answered; nothing else is. */
const answered = (...send: Frame[]): Pick<Case, "steps" | "end"> => ({ steps: [{ send }], end: { closes: 1000 } });

/** 7: the closing handshake, §5.5.1, §7.1 and §7.4. */
const closing: Case[] = [
  { id: "7.1.1", title: "echoes a message before the close", steps: echo(text("Hello World!")) },
  { id: "7.1.2", title: "answers one of two close frames", ...answered(close(1000), close(1000)) },
  { id: "7.1.3", title: "answers no ping behind a close frame", ...answered(close(1000), ping()) },
  { id: "7.1.4", title: "echoes no message behind a close frame", ...answered(close(1000), HELLO) },
  {
    id: "7.1.5",
    title: "answers a close frame inside a message and forgets the message",
    ...answered(start(ONE), close(1000), more(TWO, true)),
  },
  // Informational in the suite: whether messages that came in the same read as the close are still answered is ours to say. They are.
  {
    id: "7.1.6",
    title: "closes cleanly behind a large message, with or without its echo",
    steps: [
      { send: [textOf(LONG_TEXT.subarray(0, 256 * KiB)), HELLO, close(1000), ping()] },
      { expect: [textOf(LONG_TEXT.subarray(0, 256 * KiB)), HELLO], leave: "closed" },
    ],
    end: { closes: 1000 },
  },
  { id: "7.3.1", title: "answers an empty close frame with one", steps: [{ send: [close()] }], end: { closes: 1005 } },
  // The suite takes a dropped connection as well, here and in 7.3.6, 7.5.1 and 7.9: we say why.
  { id: "7.3.2", title: "fails at a close frame of one byte", ...broken(frame(Opcode.CLOSE, fromHex("61"))) },
  { id: "7.3.3", title: "answers a close frame with a code", ...answered(close(1000)) },
  { id: "7.3.4", title: "answers a close frame with a reason", ...answered(close(1000, "Hello World!")) },
  { id: "7.3.5", title: "answers a close frame with a reason of 123 bytes", ...answered(close(1000, "*".repeat(123))) },
  { id: "7.3.6", title: "fails at a close frame with a reason of 124 bytes", ...broken(close(1000, "*".repeat(124))) },
  {
    id: "7.5.1",
    title: "fails at a close reason that is not UTF-8",
    steps: [{ send: [frame(Opcode.CLOSE, Uint8Array.of(0x03, 0xe8, ...SURROGATE))] }],
    end: NOT_UTF8,
  },
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].map((code, i): Case => ({
    id: `7.7.${i + 1}`,
    title: `answers close code ${code} with the same`,
    steps: [{ send: [close(code)] }],
    end: { closes: code },
  })),
  ...[0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999].map((code, i): Case => ({
    id: `7.9.${i + 1}`,
    title: `fails at close code ${code}`,
    ...broken(close(code)),
  })),
  // Informational in the suite. §7.4.2 gives no meaning to 5000 and above: we take no code that we could not send.
  ...[5000, 65_535].map((code, i): Case => ({
    id: `7.13.${i + 1}`,
    title: `fails at close code ${code}`,
    ...broken(close(code)),
  })),
];

/** 9: sizes up to our default limit, the smallest fragments and the smallest chops. */
const sizes: Case[] = KINDS.flatMap(({ kind, opcode, long }, k) => {
  const message = (size: number) => frame(opcode, long.subarray(0, size));
  const shown = (size: number) => size < KiB ? `${size} B` : size < MiB ? `${size / KiB} KiB` : `${size / MiB} MiB`;
  return [
    ...[64 * KiB, 256 * KiB, MiB, 4 * MiB, 8 * MiB, 16 * MiB].map((size, i): Case => ({
      id: `9.${k + 1}.${i + 1}`,
      title: `echoes a ${kind} message of ${shown(size)}`,
      steps: echo(message(size)),
      ...(size > MiB && { once: true }),
    })),
    ...[64, 256, KiB, 4 * KiB, 16 * KiB, 64 * KiB, 256 * KiB, MiB, 4 * MiB].map((size, i): Case => ({
      id: `9.${k + 3}.${i + 1}`,
      title: `echoes a ${kind} message of 4 MiB in fragments of ${shown(size)}`,
      steps: echo(message(4 * MiB), fragments(opcode, long.subarray(0, 4 * MiB), size)),
      once: true,
    })),
    ...[64, 128, 256, 512, 1024, 2048].map((size, i): Case => ({
      id: `9.${k + 5}.${i + 1}`,
      title: `echoes a ${kind} message of 1 MiB in chops of ${size} bytes`,
      steps: echo(message(MiB)),
      chop: size,
      once: true,
    })),
    ...[0, 16, 64, 256, 1024, 4096].map((size, i): Case => ({
      id: `9.${k + 7}.${i + 1}`,
      title: `echoes 1000 ${kind} messages of ${size} bytes, each when the one before is back`,
      steps: Array.from({ length: 1000 }, () => echo(message(size))).flat(),
      chop: "frames",
      once: true,
    })),
  ];
});

/** 10. */
const autoFragment: Case[] = [{
  id: "10.1.1",
  title: "echoes a text of 65536 bytes in fragments of 1300",
  steps: echo(
    textOf(LONG_TEXT.subarray(0, 65_536)),
    fragments(Opcode.TEXT, LONG_TEXT.subarray(0, 65_536), 1300),
  ),
}];

/** The table, by the suite's categories. */
export const CATEGORIES: readonly { name: string; cases: readonly Case[] }[] = [
  { name: "1 framing", cases: framing },
  { name: "2 pings and pongs", cases: pings },
  { name: "3 reserved bits", cases: reservedBits },
  { name: "4 reserved opcodes", cases: reservedOpcodes },
  { name: "5 fragmentation", cases: fragmentation },
  { name: "6 UTF-8", cases: UTF8_CASES },
  { name: "7 closing", cases: closing },
  { name: "9 limits", cases: sizes },
  { name: "10 fragments of a fixed size", cases: autoFragment },
];
