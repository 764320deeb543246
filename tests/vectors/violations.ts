/**
 * Bytes that break a rule of RFC 6455 §5 or a limit, by the rows of the fault tables (tests/README.md), with the byte at which each
 * is refused.
 *
 * @module
 */
import type { FrameParserOptions } from "../../lib/pipeline/frames/frame_parser.ts";

/** Bytes that a parser must refuse. */
export interface Violation {
  /** The row and what is wrong. */
  title: string;
  /** The parser's options: who reads, and the limits. */
  options: FrameParserOptions;
  /** The bytes; what stands behind `at` is never looked at. */
  hex: string;
  /** The number of whole frames that are delivered first. */
  frames: number;
  /** The number of bytes after which it is refused. */
  at: number;
  /** The close code. */
  closeCode: number;
  /** The section that forbids it, for a rule. */
  section?: string;
  /** The limit that it passes, for a limit. */
  limit?: "maxMessageBytes" | "maxFragments" | "maxEmptyFragments";
}

const SERVER: FrameParserOptions = { role: "server" };
const CLIENT: FrameParserOptions = { role: "client" };

function rule(
  title: string,
  section: string,
  hex: string,
  at: number,
  { options = SERVER, frames = 0, closeCode = 1002 }: Partial<Pick<Violation, "options" | "frames" | "closeCode">> = {},
): Violation {
  return { title, options, hex: hex.replaceAll(" ", ""), frames, at, closeCode, section };
}

function limit(
  title: string,
  limit: NonNullable<Violation["limit"]>,
  hex: string,
  at: number,
  { options, frames = 0 }: { options: FrameParserOptions; frames?: number },
): Violation {
  const closeCode = limit === "maxMessageBytes" ? 1009 : 1008;
  return { title, options, hex: hex.replaceAll(" ", ""), frames, at, closeCode, limit };
}

const hexByte = (byte: number): string => byte.toString(16).padStart(2, "0");
const hexCode = (code: number): string => code.toString(16).padStart(4, "0");

/** The table. Masked frames have a key of zeros, so that their payload can be read. */
export const VIOLATIONS: readonly Violation[] = [
  rule("F1: an unmasked frame of a client, on its second byte", "RFC 6455 §5.1", "81 05 48656c6c6f", 2),
  rule("F1: an unmasked ping of a client", "RFC 6455 §5.1", "89 00", 2),
  rule("F1: a masked frame of a server, on its second byte", "RFC 6455 §5.1", "81 85 00000000", 2, { options: CLIENT }),

  ...["c1", "a1", "91"].map((first, i) =>
    rule(`F2: RSV${i + 1} on a data frame, on its first byte`, "RFC 6455 §5.2", `${first} 80 00000000`, 1)
  ),
  ...["c9", "a9", "99"].map((first, i) =>
    rule(`F2: RSV${i + 1} on a control frame`, "RFC 6455 §5.2", `${first} 80 00000000`, 1)
  ),
  ...["c0", "a0", "90"].map((first, i) =>
    rule(`F2: RSV${i + 1} on a continuation`, "RFC 6455 §5.2", `01 80 00000000 ${first} 80 00000000`, 7, { frames: 1 })
  ),
  ...["a1", "91", "f1"].map((first) =>
    rule(`F2: ${first} where an extension owns RSV1 alone`, "RFC 6455 §5.2", `${first} 80 00000000`, 1, {
      options: { ...SERVER, reservedBits: 0b100 },
    })
  ),

  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) =>
    rule(`F3: opcode ${opcode}, on the first byte`, "RFC 6455 §5.2", `${hexByte(0x80 + opcode)} 80 00000000`, 1)
  ),
  rule("F3: opcode 4 where an extension owns 3", "RFC 6455 §5.2", "84 80 00000000", 1, {
    options: { ...SERVER, reservedOpcodes: [3] },
  }),

  ...[8, 9, 10].flatMap((opcode) => [
    rule(
      `F4: opcode ${opcode} with FIN=0, on the first byte`,
      "RFC 6455 §5.5",
      `0${opcode.toString(16)} 80 00000000`,
      1,
    ),
    rule(
      `F4: opcode ${opcode} with 126 bytes, on the second byte`,
      "RFC 6455 §5.5",
      `8${opcode.toString(16)} fe 007e`,
      2,
    ),
    rule(`F4: opcode ${opcode} with a length of 64 bits`, "RFC 6455 §5.5", `8${opcode.toString(16)} ff 00`, 2),
  ]),
  rule("F4: an extension's control frame with 126 bytes", "RFC 6455 §5.5", "8b fe 007e", 2, {
    options: { ...SERVER, reservedOpcodes: [11] },
  }),

  rule("F5: a length of 64 bits with its highest bit set", "RFC 6455 §5.2", "82 ff 8000000000000001 00000000", 10),
  rule("F5: a length of 64 bits with all bits set", "RFC 6455 §5.2", "82 7f ffffffffffffffff", 10, { options: CLIENT }),
  rule("F5: 0 in 16 bits", "RFC 6455 §5.2", "82 fe 0000 00000000", 4),
  rule("F5: 125 in 16 bits, before the key", "RFC 6455 §5.2", "82 fe 007d 00000000", 4),
  rule("F5: 0 in 64 bits", "RFC 6455 §5.2", "82 ff 0000000000000000 00000000", 10),
  rule("F5: 126 in 64 bits", "RFC 6455 §5.2", "82 ff 000000000000007e 00000000", 10),
  rule("F5: 65535 in 64 bits, before the key", "RFC 6455 §5.2", "82 ff 000000000000ffff 00000000", 10),

  limit("F6: a claim of 2^63-1 bytes, before the key", "maxMessageBytes", "82 ff 7fffffffffffffff 00000000", 10, {
    options: SERVER,
  }),
  limit("F6: CVE-2026-1528, a claim of 2^55+1 bytes", "maxMessageBytes", "82 7f 00 80 00 00 00 00 00 01", 10, {
    options: CLIENT,
  }),
  limit(
    "F6: CVE-2020-27813, a claim that overflows on addition",
    "maxMessageBytes",
    "02 01 61 80 7f 7fffffffffffffff",
    13,
    {
      options: CLIENT,
      frames: 1,
    },
  ),
  limit("F6: one byte over 16 MiB, the default", "maxMessageBytes", "82 ff 0000000001000001 00000000", 10, {
    options: SERVER,
  }),
  limit("F6: one byte over a limit of 4", "maxMessageBytes", "81 85 00000000 48656c6c6f", 2, {
    options: { ...SERVER, maxMessageBytes: 4 },
  }),
  limit("F6: an extension's data frame over the limit", "maxMessageBytes", "83 85 00000000", 2, {
    options: { ...SERVER, maxMessageBytes: 4, reservedOpcodes: [3] },
  }),

  rule("F7: a continuation with nothing to continue, on its first byte", "RFC 6455 §5.4", "80 80 00000000", 1),
  rule("F7: a continuation after a message that is whole", "RFC 6455 §5.4", "81 80 00000000 80 80", 7, { frames: 1 }),
  ...["81", "82", "01", "02"].map((first) =>
    rule(`F7: a new data frame ${first} inside a message`, "RFC 6455 §5.4", `01 80 00000000 ${first} 80`, 7, {
      frames: 1,
    })
  ),
  rule("F7: an extension's data frame inside a message", "RFC 6455 §5.4", "01 00 83 00", 3, {
    options: { ...CLIENT, reservedOpcodes: [3] },
    frames: 1,
  }),

  limit("F8: a fourth fragment where three are allowed", "maxFragments", "02 01 61 00 01 62 00 01 63 80 01 64", 11, {
    options: { ...CLIENT, maxFragments: 3 },
    frames: 3,
  }),
  limit("F8: a third empty fragment in a row where two are allowed", "maxEmptyFragments", "01 00 00 00 00 00", 6, {
    options: { ...CLIENT, maxEmptyFragments: 2 },
    frames: 2,
  }),

  limit(
    "F9: fragments over the limit together, on the header that passes it",
    "maxMessageBytes",
    "02 03 616263 00 02 6465",
    7,
    {
      options: { ...CLIENT, maxMessageBytes: 4 },
      frames: 1,
    },
  ),

  rule("F14: a close payload of one byte", "RFC 6455 §5.5.1", "88 01 03", 3, { options: CLIENT }),
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) =>
    rule(`F14: close code ${code}`, "RFC 6455 §7.4", `88 02 ${hexCode(code)}`, 4, { options: CLIENT })
  ),
  rule("F14: a close reason that is not UTF-8", "RFC 6455 §5.5.1", "88 05 03e8 eda080", 7, {
    options: CLIENT,
    closeCode: 1007,
  }),
  rule("F14: a close reason that ends inside a character", "RFC 6455 §5.5.1", "88 04 03e8 e282", 6, {
    options: CLIENT,
    closeCode: 1007,
  }),
];
