/**
 * Frames and their bytes, to be proved in both directions.
 *
 * @module
 */
import { type Frame, frame, Opcode, type Role, Rsv } from "../../lib/pipeline/frames/frame.ts";
import { counting } from "../_support/bytes.ts";
import { utf8 } from "../_support/frames.ts";

/** Some frames and how they look on the wire. */
export interface FrameVector {
  /** What it is an example of. */
  name: string;
  /** Who sends it. */
  sender: Role;
  /** The key that a client masks it with, its first byte on the wire highest. */
  maskKey?: number;
  /** The bytes on the wire. */
  hex: string;
  /** What they mean. */
  frames: Frame[];
  /** The reserved bits that an extension must own for it to be read. */
  reservedBits?: number;
  /** The opcodes that an extension must own for it to be read. */
  reservedOpcodes?: number[];
}

/** RFC 6455 §5.7's key. */
const KEY = { hex: "37fa213d", maskKey: 0x37fa213d };

/** A payload's length as the header says it: the seven bits, and what follows them. */
const LENGTHS = [
  { length: 0, code: 0x00, extended: "" },
  { length: 1, code: 0x01, extended: "" },
  { length: 125, code: 0x7d, extended: "" },
  { length: 126, code: 0x7e, extended: "007e" },
  { length: 127, code: 0x7e, extended: "007f" },
  { length: 65_535, code: 0x7e, extended: "ffff" },
  { length: 65_536, code: 0x7f, extended: "0000000000010000" },
];

const HEX_BYTES = Array.from(counting(256), hexByte).join("");

/** The table. */
export const FRAME_VECTORS: readonly FrameVector[] = [
  {
    name: "RFC 6455 §5.7: a single-frame unmasked text message",
    sender: "server",
    hex: "810548656c6c6f",
    frames: [frame(Opcode.TEXT, utf8("Hello"))],
  },
  {
    name: "RFC 6455 §5.7: a single-frame masked text message",
    sender: "client",
    maskKey: KEY.maskKey,
    hex: "818537fa213d7f9f4d5158",
    frames: [frame(Opcode.TEXT, utf8("Hello"))],
  },
  {
    name: "RFC 6455 §5.7: a fragmented unmasked text message",
    sender: "server",
    hex: "010348656c" + "80026c6f",
    frames: [frame(Opcode.TEXT, utf8("Hel"), { fin: false }), frame(Opcode.CONTINUATION, utf8("lo"))],
  },
  {
    name: "RFC 6455 §5.7: an unmasked ping",
    sender: "server",
    hex: "890548656c6c6f",
    frames: [frame(Opcode.PING, utf8("Hello"))],
  },
  {
    name: "RFC 6455 §5.7: a masked pong",
    sender: "client",
    maskKey: KEY.maskKey,
    hex: "8a8537fa213d7f9f4d5158",
    frames: [frame(Opcode.PONG, utf8("Hello"))],
  },
  {
    name: "RFC 6455 §5.7: 256 bytes of binary data in a single unmasked frame",
    sender: "server",
    hex: "827e0100" + HEX_BYTES,
    frames: [frame(Opcode.BINARY, counting(256))],
  },
  {
    name: "RFC 6455 §5.7: 64 KiB of binary data in a single unmasked frame",
    sender: "server",
    hex: "827f0000000000010000" + HEX_BYTES.repeat(256),
    frames: [frame(Opcode.BINARY, counting(65_536))],
  },
  ...LENGTHS.map(({ length, code, extended }): FrameVector => ({
    name: `a payload of ${length} bytes, unmasked`,
    sender: "server",
    hex: "82" + hexByte(code) + extended + "a5".repeat(length),
    frames: [frame(Opcode.BINARY, new Uint8Array(length).fill(0xa5))],
  })),
  // Zeros under a key show the key.
  ...LENGTHS.map(({ length, code, extended }): FrameVector => ({
    name: `a payload of ${length} bytes, masked`,
    sender: "client",
    maskKey: KEY.maskKey,
    hex: "82" + hexByte(0x80 | code) + extended + KEY.hex +
      KEY.hex.repeat(Math.ceil(length / 4)).slice(0, 2 * length),
    frames: [frame(Opcode.BINARY, new Uint8Array(length))],
  })),
  {
    name: "a payload under a key of zeros",
    sender: "client",
    maskKey: 0,
    hex: "81850000000048656c6c6f",
    frames: [frame(Opcode.TEXT, utf8("Hello"))],
  },
  {
    name: "a payload under a key of ones",
    sender: "client",
    maskKey: 0xffff_ffff,
    hex: "8185ffffffffb79a939390",
    frames: [frame(Opcode.TEXT, utf8("Hello"))],
  },
  {
    name: "a ping between two fragments",
    sender: "server",
    hex: "02010a" + "8900" + "80010b",
    frames: [
      frame(Opcode.BINARY, Uint8Array.of(10), { fin: false }),
      frame(Opcode.PING),
      frame(Opcode.CONTINUATION, Uint8Array.of(11)),
    ],
  },
  {
    name: "a close frame with neither code nor reason",
    sender: "server",
    hex: "8800",
    frames: [frame(Opcode.CLOSE)],
  },
  {
    name: "a close frame with code 1001 and a reason",
    sender: "server",
    hex: "880603e9" + "62796521",
    frames: [frame(Opcode.CLOSE, Uint8Array.of(0x03, 0xe9, ...utf8("bye!")))],
  },
  {
    name: "a masked close frame with code 1000",
    sender: "client",
    maskKey: KEY.maskKey,
    hex: "888237fa213d3412",
    frames: [frame(Opcode.CLOSE, Uint8Array.of(0x03, 0xe8))],
  },
  ...[Rsv.RSV1, Rsv.RSV2, Rsv.RSV3, 0b111].map((rsv): FrameVector => ({
    name: `reserved bits ${rsv.toString(2).padStart(3, "0")} that an extension owns`,
    sender: "server",
    hex: hexByte(0x81 + (rsv << 4)) + "0161",
    frames: [frame(Opcode.TEXT, utf8("a"), { rsv })],
    reservedBits: rsv,
  })),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): FrameVector => ({
    name: `opcode ${opcode} that an extension owns`,
    sender: "server",
    hex: hexByte(0x80 + opcode) + "0161",
    frames: [frame(opcode, utf8("a"))],
    reservedOpcodes: [opcode],
  })),
];

function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
