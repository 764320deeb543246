/**
 * Bytes to frames: RFC 6455 §5.2 from top to bottom.
 *
 * @module
 */
import { FLAG, listOf, type OptionKinds, orObject, required, whole } from "../../option_kinds.ts";
import { bag, checkValues } from "../../options.ts";
import { ConnectionError } from "../../errors.ts";
import { DEFAULT_LIMITS, LIMIT_KINDS, type Limits } from "../../limits.ts";
import { GrowingBuffer } from "../bytes/growing_buffer.ts";
import { markHeadroom } from "../bytes/headroom.ts";
import { maskRange } from "../bytes/mask.ts";
import type { Stage } from "../stage.ts";
import { checkClosePayload } from "./close_code.ts";
import { type Frame, isControl, Opcode, ROLE, type Role } from "./frame.ts";
import {
  isFinal,
  isMasked,
  lengthCodeOf,
  MAX_HEADER_BYTES,
  opcodeOf,
  readLength,
  readUint32,
  reservedBitsOf,
  sizeWithoutKey,
} from "./frame_layout.ts";
import {
  type BytesLimit,
  checkControlFin,
  checkControlLength,
  checkEmptyFragments,
  checkFragments,
  checkLengthForm,
  checkLengthSign,
  checkMask,
  checkMessageBytes,
  checkOpcode,
  checkReservedBits,
  checkSequence,
  DEFINED_OPCODES,
} from "./frame_rules.ts";

/** The reserved bits (sums of values of `Rsv`) that each kind of frame may have. */
export interface ReservedBits {
  /** Reserved bits of a message's first frame. */
  readonly first?: number;
  /** Reserved bits of continuation frames. */
  readonly continuation?: number;
  /** Reserved bits of control frames. */
  readonly control?: number;
}

/** Options for reading frames. */
export interface FrameParserOptions
  extends Partial<Pick<Limits, "maxMessageBytes" | "maxFragments" | "maxEmptyFragments">> {
  /** The role of this end: a server requires masked frames, a client unmasked ones. */
  role: Role;
  /** The reserved bits that extensions use on this connection. A number applies to every kind of frame. None by default. */
  reservedBits?: number | ReservedBits;
  /** The opcodes that extensions use on this connection, from 3 to 7 and 11 to 15. None by default. */
  reservedOpcodes?: readonly number[];
  /**
   * Whether an incomplete data frame is delivered in parts, as fragments that RFC 6455 §5.4 allows an intermediary to make.
   * Invalid text is then found before its frame is complete, and nothing is held here. `false` by default: frames are delivered
   * as the peer sent them.
   */
  split?: boolean;
}

const BITS = whole({ most: 7, infinite: false });

/** The types of these options. */
export const FRAME_PARSER_OPTION_KINDS: OptionKinds<FrameParserOptions> = {
  maxMessageBytes: LIMIT_KINDS.maxMessageBytes,
  maxFragments: LIMIT_KINDS.maxFragments,
  maxEmptyFragments: LIMIT_KINDS.maxEmptyFragments,
  role: required(ROLE),
  reservedBits: orObject(BITS, bag<ReservedBits>({ first: BITS, continuation: BITS, control: BITS })),
  reservedOpcodes: listOf("opcodes", whole({ least: 3, most: 15, infinite: false })),
  split: FLAG,
};

/**
 * Reads frames from bytes.
 *
 * The parser checks every rule of the header as soon as the header has arrived, and checks sizes before any buffer grows. After a
 * close frame all input is ignored (RFC 6455 §5.5.1).
 *
 * Do not use the bytes that you have pushed: they are unmasked in place, and payloads that arrived whole are views of them.
 * Nothing incomplete is kept as a view.
 *
 * @example Read one frame
 * ```ts
 * import { type Frame, FrameParser } from "@sluice/websocket/frames";
 * import { assertEquals } from "@std/assert";
 *
 * const frames: Frame[] = [];
 * // RFC 6455 §5.7, a single-frame masked text message
 * const bytes = Uint8Array.of(0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58);
 * new FrameParser({ role: "server" }).push(bytes, frames);
 * assertEquals(new TextDecoder().decode(frames[0]?.payload), "Hello");
 * ```
 */
export class FrameParser implements Stage<Uint8Array<ArrayBuffer>, Frame> {
  readonly #role: Role;
  readonly #reservedBits: ReservedBits;
  readonly #opcodes: number;
  readonly #split: boolean;
  #maxMessageBytes: number;
  #bytesLimit: BytesLimit = "maxMessageBytes";
  #maxFragments: number;
  readonly #maxEmptyFragments: number;

  // An incomplete header.
  #partial: Uint8Array<ArrayBuffer> | undefined;
  #partialLength = 0;

  // The fields of the current header, from `#readHeader` on.
  #inPayload = false;
  #fin = false;
  #rsv = 0;
  #opcode = 0;
  #key = 0;
  #maskOffset = 0;
  #remaining = 0;
  /** Whether the header lies directly in front of its payload, so that its place may be written over. */
  #hasHeaderRoom = false;
  #payload: GrowingBuffer | undefined;

  // The state of the current message.
  #insideMessage = false;
  #messageBytes = 0;
  #fragments = 0;
  #emptyFragments = 0;
  /** Whether a message over a limit should wait, and whether one is waiting. */
  #waits = false;
  #waiting = false;

  #closed = false;

  /**
   * Makes a parser.
   *
   * @param options The role, the limits, and the reserved bits and opcodes of extensions.
   * @throws {TypeError} If the role is missing, or an option has the wrong type.
   * @throws {RangeError} If a number is out of range.
   */
  constructor(options: FrameParserOptions) {
    checkValues(options, FRAME_PARSER_OPTION_KINDS);
    this.#role = options.role;
    const { reservedBits = 0 } = options;
    this.#reservedBits = typeof reservedBits === "number"
      ? { first: reservedBits, continuation: reservedBits, control: reservedBits }
      : reservedBits;
    this.#opcodes = (options.reservedOpcodes ?? []).reduce((set, opcode) => set | (1 << opcode), DEFINED_OPCODES);
    this.#split = options.split ?? false;
    this.#maxMessageBytes = options.maxMessageBytes ?? DEFAULT_LIMITS.maxMessageBytes;
    this.#maxFragments = options.maxFragments ?? DEFAULT_LIMITS.maxFragments;
    this.#maxEmptyFragments = options.maxEmptyFragments ?? DEFAULT_LIMITS.maxEmptyFragments;
  }

  /** Whether a message has started and not ended. */
  get insideMessage(): boolean {
    return this.#insideMessage || (this.#inPayload && !isControl(this.#opcode));
  }

  /** Whether the next byte is the first of a frame, outside any message. */
  get idle(): boolean {
    return !this.#inPayload && this.#partialLength === 0 && !this.#insideMessage && !this.#closed;
  }

  /**
   * How many bytes are still missing of a message whose last frame was delivered in part. It is 0 for other frames: what follows
   * them is unknown, and memory of exactly their size would soon be too small.
   */
  get missing(): number {
    return this.#split && this.#fin && this.#inPayload && !isControl(this.#opcode) ? this.#remaining : 0;
  }

  /** Whether reading has stopped before a header that exceeds a limit. See {@linkcode FrameParser.holdTooBig}. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /**
   * Sets whether a message that exceeds a limit waits at its header instead of failing the connection, if {@linkcode
   * FrameParser.stream} would lift that limit. Use it until it is known whether messages are read as streams.
   *
   * @param hold If `false`, the next `push` checks the message.
   */
  holdTooBig(hold: boolean): void {
    this.#waits = hold;
    this.#waiting = false;
  }

  /**
   * Delivers parts of messages instead of whole messages from now on. A message may then have any number of fragments, and
   * `maxStreamedMessageBytes` applies instead of `maxMessageBytes`. This works only with `split`.
   *
   * @param max The maximum number of bytes of a message, including those of the current message that have arrived.
   */
  stream(max: number): void {
    this.#maxMessageBytes = max;
    this.#bytesLimit = "maxStreamedMessageBytes";
    this.#maxFragments = Infinity;
    this.holdTooBig(false);
  }

  /**
   * Reads the frames that `bytes` completes.
   *
   * @param bytes The bytes that arrived. The parser owns them from now on.
   * @param frames The array that the frames are appended to, including those before an error.
   * @param most Reading stops as soon as `frames` has this many. No limit by default.
   * @returns The position at which reading stopped: `bytes.length`, unless there are that many frames or a message waits.
   * @throws {ProtocolError} If the peer broke a rule of RFC 6455.
   * @throws {LimitError} If the peer exceeded a limit.
   */
  push(bytes: Uint8Array<ArrayBuffer>, frames: Frame[], most: number = Infinity): number {
    const end = bytes.length;
    let at = 0;
    while (at < end && frames.length < most) {
      if (this.#closed) return end;
      if (!this.#inPayload) {
        at = this.#readHeader(bytes, at, end);
        if (!this.#inPayload) return at;
      }
      at = this.#readPayload(bytes, at, end, frames);
    }
    return at;
  }

  /**
   * Says that the transport ended.
   *
   * @throws {ConnectionError} If it ended inside a frame.
   */
  end(): void {
    if ((this.#inPayload || this.#partialLength > 0) && !this.#closed) {
      throw new ConnectionError("The connection ended in the middle of a frame");
    }
  }

  /** Reads a header, which may be spread over several chunks, and returns the position of its end. */
  #readHeader(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (this.#partialLength === 0) {
      const size = this.#decodeHeader(bytes, at, end);
      // A masked header is four bytes longer than the header that would be sent.
      this.#hasHeaderRoom = size > 0 && this.#role === "server";
      if (size > 0) return at + size;
      if (this.#waiting) return at;
      this.#partial ??= new Uint8Array(MAX_HEADER_BYTES);
      for (; at < end; at++) this.#partial[this.#partialLength++] = bytes[at]!;
      return at;
    }
    const partial = this.#partial!;
    while (at < end) {
      partial[this.#partialLength++] = bytes[at++]!;
      if (this.#decodeHeader(partial, 0, this.#partialLength) > 0) {
        this.#partialLength = 0;
        return at;
      }
      if (!this.#waiting) continue;
      this.#partialLength--; // read the byte that exceeds the limit again later
      return at - 1;
    }
    return at;
  }

  /** Checks as much of a header as has arrived and returns its size, or 0 if it is incomplete or has to wait. */
  #decodeHeader(bytes: Uint8Array, at: number, end: number): number {
    const first = bytes[at]!;
    const rsv = reservedBitsOf(first);
    const fin = isFinal(first);
    const opcode = opcodeOf(first);
    if (rsv !== 0) checkReservedBits(rsv, this.#ownedBits(opcode));
    checkOpcode(opcode, this.#opcodes);
    checkControlFin(fin, opcode);
    checkSequence(opcode, this.#insideMessage);

    if (end - at < 2) return 0;
    const second = bytes[at + 1]!;
    const masked = isMasked(second);
    const code = lengthCodeOf(second);
    checkMask(masked, this.#role);
    checkControlLength(opcode, code);

    const keyAt = sizeWithoutKey(second);
    if (end - at < keyAt) return 0;
    // Above 2^53 this is not exact, which does not matter, because no limit is that high (CVE-2026-1528, CVE-2020-27813).
    const length = readLength(bytes, at);
    if (code === 127) checkLengthSign(readUint32(bytes, at + 2));
    if (code >= 126) checkLengthForm(code, length);
    const data = !isControl(opcode);
    if (data && !this.#fits(fin, opcode, length)) return 0;

    const size = keyAt + (masked ? 4 : 0);
    if (end - at < size) return 0;
    if (data) this.#countFragment(fin, length);
    this.#inPayload = true;
    this.#fin = fin;
    this.#rsv = rsv;
    this.#opcode = opcode;
    this.#key = masked ? readUint32(bytes, at + keyAt) : 0;
    this.#maskOffset = 0;
    this.#remaining = length;
    return size;
  }

  #ownedBits(opcode: number): number {
    const { first = 0, continuation = 0, control = 0 } = this.#reservedBits;
    if (isControl(opcode)) return control;
    return opcode === Opcode.CONTINUATION ? continuation : first;
  }

  /** Checks the limits. Returns false if the message exceeds a limit that may still be lifted and therefore waits. */
  #fits(fin: boolean, opcode: number, length: number): boolean {
    const first = opcode !== Opcode.CONTINUATION;
    try {
      checkMessageBytes(first ? 0 : this.#messageBytes, length, this.#maxMessageBytes, this.#bytesLimit);
      checkFragments(first ? 1 : this.#fragments + 1, this.#maxFragments);
    } catch (error) {
      if (!this.#waits) throw error;
      this.#waiting = true;
      return false;
    }
    // A message in one frame is not a fragment (RFC 6455 §5.4) and may be empty.
    if (length === 0 && !(first && fin)) {
      checkEmptyFragments(first ? 1 : this.#emptyFragments + 1, this.#maxEmptyFragments);
    }
    return true;
  }

  #countFragment(fin: boolean, length: number): void {
    if (fin) {
      this.#insideMessage = false;
      this.#messageBytes = this.#fragments = this.#emptyFragments = 0;
    } else {
      this.#insideMessage = true;
      this.#messageBytes += length;
      this.#fragments++;
      this.#emptyFragments = length === 0 ? this.#emptyFragments + 1 : 0;
    }
  }

  /** Reads what has arrived of a payload and returns the position of its end. */
  #readPayload(bytes: Uint8Array<ArrayBuffer>, at: number, end: number, frames: Frame[]): number {
    const stop = end - at < this.#remaining ? end : at + this.#remaining;
    if (this.#key !== 0) this.#maskOffset = maskRange(bytes, at, stop, this.#key, this.#maskOffset);
    const part = new Uint8Array(bytes.buffer, bytes.byteOffset + at, stop - at);
    this.#remaining -= part.length;
    if (this.#remaining > 0) this.#hasHeaderRoom = false; // the rest of the payload has something else in front of it
    if (this.#remaining === 0) {
      this.#inPayload = false;
      if (this.#payload !== undefined && this.#payload.length > 0) {
        this.#payload.append(part, 0);
        this.#emit(this.#payload.take(), frames);
      } else {
        if (this.#hasHeaderRoom) markHeadroom(part);
        this.#emit(part, frames);
      }
    } else if (this.#split && !isControl(this.#opcode)) {
      if (part.length > 0) {
        frames.push({ fin: false, rsv: this.#rsv, opcode: this.#opcode, payload: part });
        this.#opcode = Opcode.CONTINUATION;
        this.#rsv = 0;
      }
    } else {
      this.#payload ??= new GrowingBuffer();
      this.#payload.append(part, this.#remaining);
    }
    return stop;
  }

  #emit(payload: Uint8Array<ArrayBuffer>, frames: Frame[]): void {
    if (this.#opcode === Opcode.CLOSE) {
      checkClosePayload(payload);
      this.#closed = true;
    }
    frames.push({ fin: this.#fin, rsv: this.#rsv, opcode: this.#opcode, payload });
  }
}
