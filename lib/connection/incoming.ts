/**
 * The receiving side as one stage: it turns bytes into messages, or parts of messages, and control frames.
 *
 * @module
 */
import type { ExtensionChain } from "../extensions/negotiation.ts";
import type { Limits } from "../limits.ts";
import { copyWithHeadroom, MIN_BYTES_FOR_HEADROOM } from "../pipeline/bytes/headroom.ts";
import { type Frame, isControl, Opcode, type Role } from "../pipeline/frames/frame.ts";
import { FrameParser, type FrameParserOptions } from "../pipeline/frames/frame_parser.ts";
import type { Framing, FramingParser } from "../pipeline/frames/framing.ts";
import type { Message } from "../pipeline/messages/message.ts";
import { MessageAssembler } from "../pipeline/messages/message_assembler.ts";
import { type MessagePart, MessageSplitter } from "../pipeline/messages/message_splitter.ts";
import { readWholeMessages } from "../pipeline/messages/whole_messages.ts";
import type { Stage } from "../pipeline/stage.ts";

/** A control frame and its position. */
export interface ReceivedControl {
  /** The frame. */
  readonly frame: Frame;
  /** The number of messages, or parts of messages, before it in the same step. */
  readonly position: number;
}

/** The options of the receiving side. */
export interface IncomingOptions {
  /** Whether this is the server's or the client's end. */
  readonly role: Role;
  /** The limits on messages, and `highWaterMark`, which bounds what a step decodes. */
  readonly limits: Limits;
  /** The extensions in use. */
  readonly chain?: ExtensionChain | undefined;
  /** How frames are read, if not as in RFC 6455 §5.2. */
  readonly framing?: Framing | undefined;
  /** Whether binary messages are lent: see `lendPayloads`. @default {false} */
  readonly lends?: boolean | undefined;
  /**
   * Whether it is known how messages are read. Until then, a message that exceeds a limit that {@linkcode Incoming.stream} lifts
   * has to wait.
   * @default {true}
   */
  readonly claimed?: boolean | undefined;
}

const EMPTY = new Uint8Array(0);
/** Shared constants, which are never written to. */
const NO_FRAMES: Frame[] = [];
const NO_CONTROLS: readonly ReceivedControl[] = [];

/**
 * The maximum number of messages or frames of one step. Empty ones take 3 MB of objects; a read of 32-byte messages has fewer.
 */
const STEP_COUNT = 16 * 1024;

/**
 * The bytes of a frame with a reserved bit that are decoded at a time. Deflate turns them into at most 1032 times as many, 2 MiB.
 * More would bring nothing (inflating takes ten times as long as another frame), and less would cost time.
 */
const STEP_BYTES = 2 * 1024;

/** The same while it is not known how messages are read: up to 33 KiB, and at most `maxMessageBytes` in total. */
const FIRST_STEP_BYTES = 32;

/** The maximum number of bytes that deflate makes of one byte. */
const MOST_PER_BYTE = 1032;

/** If at least this many bytes are missing, a read goes directly into the message and not through the read buffer. */
const MIN_DIRECT_READ = 8 * 1024;

/**
 * If a fully processed read has more messages than this, they keep the memory of the read, which costs less than a buffer for
 * each.
 */
const FEW = 8;

/**
 * Reads messages from bytes, in steps whose output is bounded. Small complete messages are read directly; everything else goes
 * through {@linkcode FrameParser}, the extensions and {@linkcode MessageAssembler}.
 *
 * As a stage it processes a whole chunk. A connection processes a chunk step by step: {@linkcode Incoming.receive}, then
 * {@linkcode Incoming.proceed} while there is more.
 */
export class Incoming implements Stage<Uint8Array<ArrayBuffer>, Message> {
  /** Whether this is the server's or the client's end. */
  readonly role: Role;
  /** The maximum number of bytes of one message. */
  readonly maxMessageBytes: number;
  /** The maximum number of messages of one step. */
  readonly most = STEP_COUNT;

  // Results of a step are fields, because they are read with every network read. Only this class writes them.
  /** Whether a part of the last read is not processed yet. Until it is, it stays in the buffer of the read. */
  pending = false;
  /** Whether a message is under way. */
  insideMessage = false;
  /** The bytes that are missing of the current payload. */
  missing = 0;
  /** Whether views of the last read were passed on for good. If not, its memory may be reused. */
  kept = false;
  /** The control frames of the last steps in wire order, until {@linkcode Incoming.takeControls}. */
  controls: readonly ReceivedControl[] | undefined = undefined;
  /** Whether it is known how messages are read. */
  claimed: boolean;

  readonly #limits: Limits;
  readonly #chain: ExtensionChain | undefined;
  readonly #lends: boolean;
  readonly #framing: Framing | undefined;
  // Created with the first frame that needs them.
  #parser: FramingParser | undefined;
  /** `#parser`, if messages are read as `#plain` says. */
  #plainParser: FrameParser | undefined;
  #assembler: MessageAssembler | undefined;
  #splitter: MessageSplitter | undefined;
  /** The same, writable. */
  #controls: ReceivedControl[] | undefined;
  /** Whether whole messages are read as RFC 6455 frames them, without extensions. */
  #plain: boolean;
  /** Whether the next byte begins a frame, so that small messages may be read directly. Only if `#plain`. */
  #between: boolean;
  #output: readonly unknown[] = NO_CONTROLS;

  /** The part of the last read that is not parsed yet. */
  #rest: Uint8Array<ArrayBuffer> | undefined;
  /** Frames that are parsed but not decoded, from `#next` on, and the error after them. */
  #frames = NO_FRAMES;
  #next = 0;
  #failure: unknown;
  /** Whether the message that is being decoded carried a reserved bit. */
  #marked = false;

  /** @param options Its options. */
  constructor({ role, limits, chain, framing, lends = false, claimed = true }: IncomingOptions) {
    this.role = role;
    this.maxMessageBytes = limits.maxMessageBytes;
    this.#limits = limits;
    this.#chain = chain;
    this.#lends = lends;
    this.#framing = framing;
    this.#plain = this.#between = chain === undefined && framing === undefined;
    this.claimed = claimed;
  }

  /** Processes a whole chunk. If it contains a violation, the call throws after the messages before it were delivered. */
  push(bytes: Uint8Array<ArrayBuffer>, messages: Message[]): void {
    let failure = this.receive(bytes, bytes.length, messages);
    while (failure === undefined && this.pending) failure = this.proceed(messages);
    if (failure !== undefined) throw failure;
  }

  /**
   * Takes bytes and processes a first step of them. The output of the step is bounded, however many messages the bytes contain.
   *
   * @param bytes The buffer, which then belongs to the stage.
   * @param end The end of the bytes in it.
   * @param messages Completed messages are appended to this list.
   * @param parts Parts of messages are appended to this list, after {@linkcode Incoming.stream}.
   * @returns The violation after them, if there was one. Earlier messages remain valid.
   */
  receive(bytes: Uint8Array<ArrayBuffer>, end: number, messages: Message[], parts?: MessagePart[]): unknown {
    this.kept = false;
    const short = this.#between ? readWholeMessages(bytes, end, this, messages) : 0;
    if (short === end && short > 0) return undefined; // still between two frames
    this.#rest = bytes.subarray(short, end);
    return this.proceed(messages, parts);
  }

  /** Processes the next step of the bytes that were received last. */
  proceed(messages: Message[], parts?: MessagePart[]): unknown {
    try {
      if (this.#chain === undefined) this.#stepPlain(messages, parts);
      else this.#stepDecoded(this.#chain, messages, parts);
      return undefined;
    } catch (error) {
      this.#rest = this.#failure = undefined;
      this.#frames = NO_FRAMES;
      this.#next = 0;
      return error;
    } finally {
      this.#note();
    }
  }

  /** Updates the fields after a step. */
  #note(): void {
    this.pending = this.#rest !== undefined || this.#next < this.#frames.length || this.#failure !== undefined;
    if (this.#parser === undefined) return;
    this.insideMessage = this.#parser.insideMessage;
    this.missing = this.#plainParser?.missing ?? 0;
    this.#between = this.#plainParser?.idle ?? false;
  }

  /** Takes the control frames. */
  takeControls(): readonly ReceivedControl[] {
    const { controls = NO_CONTROLS } = this;
    this.controls = undefined;
    return controls;
  }

  /**
   * Copies messages of a step to their own memory, unless they are lent. Large ones are copied so that the read buffer, which is
   * hot in the processor's cache, can be reused, which costs less than a new buffer. Small ones are copied if they are few,
   * because an application may transfer its messages.
   *
   * @param messages The messages of the last step.
   * @param memory The buffer of the step's bytes, if it is to be reused.
   */
  own(messages: Message[], memory: ArrayBuffer | undefined): void {
    if (this.#lends) return;
    if (!this.#plain) this.kept = true; // an extension, a framing or a splitter may have kept a view
    if (memory === undefined) return;
    const few = messages.length <= FEW || this.pending;
    let stay = false;
    for (let at = 0; at < messages.length; at++) {
      const message = messages[at]!;
      if (
        typeof message === "string" || (stay && message.length < MIN_BYTES_FOR_HEADROOM) || message.buffer !== memory
      ) continue;
      if (message.length >= MIN_BYTES_FOR_HEADROOM) messages[at] = copyWithHeadroom(message);
      else if (few) messages[at] = new Uint8Array(message);
      else stay = true;
    }
    if (stay) this.kept = true;
  }

  /** Called when it is known how messages are read. A message that exceeds a limit then fails instead of waiting. */
  claim(): void {
    this.claimed = true;
    this.#parser?.holdTooBig?.(false);
  }

  /** The buffer for the next read, if that saves a copy: the missing part of the current large payload. */
  get writableView(): Uint8Array<ArrayBuffer> | undefined {
    return this.missing < MIN_DIRECT_READ ? undefined : this.#assembler?.writableView(this.missing);
  }

  /** Called when the next read does not directly follow the last one in memory. */
  leaveRead(): void {
    this.#assembler?.leaveRead(this.missing);
  }

  /** Whether no frame and no message is incomplete. */
  get idle(): boolean {
    if (this.#parser?.insideMessage) return false;
    try {
      this.end();
      return true;
    } catch {
      return false;
    }
  }

  /** The parser. Until it is known how messages are read, a message that exceeds a limit waits, if `stream` may lift that limit. */
  get #frameParser(): FramingParser {
    if (this.#parser !== undefined) return this.#parser;
    this.#parser = this.#framing?.createParser(this.#limits) ??
      new FrameParser(parserOptions(this.role, this.#limits, this.#chain));
    if (this.#plain && this.#parser instanceof FrameParser) this.#plainParser = this.#parser;
    if (!this.claimed && this.#liftsLimits) this.#parser.holdTooBig?.(true);
    return this.#parser;
  }

  /** Whether {@linkcode Incoming.stream} lifts the limits on memory. */
  get #liftsLimits(): boolean {
    return this.#frameParser.stream !== undefined && this.#chain?.splittable !== false;
  }

  /**
   * Delivers messages in parts from now on, and lifts the limits on memory. They stay if messages are still held in memory: by an
   * extension that needs whole frames, or by a draft whose messages are single frames.
   *
   * @param parts The received part of an unfinished message is appended to this list.
   * @returns Whether the limits are lifted. It throws the violation in that message, if there is one.
   */
  stream(parts: MessagePart[]): boolean {
    const { maxStreamedMessageBytes } = this.#limits;
    this.#splitter = new MessageSplitter({ maxStreamedMessageBytes, control: this.#controlSink() });
    this.#plain = this.#between = false;
    this.#plainParser = undefined; // messages are not assembled, so there is no message to read into
    this.missing = 0;
    this.claimed = true;
    this.#output = parts;
    const lifts = this.#liftsLimits;
    if (lifts) {
      this.#frameParser.stream?.(allowance(maxStreamedMessageBytes, this.#chain));
      this.#chain?.stream();
    }
    const begun = this.#assembler?.detachUnfinished();
    if (begun !== undefined) this.#splitter.push([begun], parts);
    return lifts;
  }

  /** Called when the transport has ended. Throws a `ConnectionError` if it ended inside a frame or a message. */
  end(): void {
    this.#parser?.end();
    (this.#splitter ?? this.#assembler)?.end();
  }

  /** A step without extensions. It is bounded by the number of messages, because nothing is decompressed. */
  #stepPlain(messages: Message[], parts: MessagePart[] | undefined): void {
    const bytes = this.#rest ?? EMPTY;
    // Another step may begin in the middle of small messages.
    const short = this.#between ? readWholeMessages(bytes, bytes.length, this, messages) : 0;
    this.#rest = short < bytes.length ? bytes.subarray(short) : undefined;
    if (this.#rest === undefined || messages.length >= STEP_COUNT) return;
    const frames: Frame[] = [];
    try {
      this.#parse(frames);
    } finally {
      this.#handOn(frames, messages, parts);
    }
  }

  /** A step with extensions. It ends as soon as it has produced `highWaterMark` bytes. */
  #stepDecoded(chain: ExtensionChain, messages: Message[], parts: MessagePart[] | undefined): void {
    if (this.#next === this.#frames.length) {
      this.#frames = [];
      this.#next = 0;
      try {
        this.#parse(this.#frames);
      } catch (error) {
        this.#failure = error; // earlier messages come first
      }
    }
    const decoded: Frame[] = [];
    for (let produced = 0; this.#next < this.#frames.length && produced < this.#limits.highWaterMark;) {
      const frame = this.#takeFrame(chain);
      if (frame === undefined) return;
      decoded.length = 0;
      try {
        chain.decode.push([frame], decoded);
      } finally {
        this.#handOn(decoded, messages, parts);
      }
      for (const { payload } of decoded) produced += payload.length;
    }
    if (this.#next < this.#frames.length || this.#failure === undefined) return;
    throw this.#failure;
  }

  #parse(frames: Frame[]): void {
    const bytes = this.#rest;
    if (bytes === undefined) return;
    this.#rest = undefined;
    const at = this.#frameParser.push(bytes, frames, STEP_COUNT);
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }

  /** Returns the next frame to decode, or its beginning if the rest may expand too much, or `undefined` if it has to wait. */
  #takeFrame({ splittable }: ExtensionChain): Frame | undefined {
    const frame = this.#frames[this.#next]!;
    const { fin, rsv, opcode, payload } = frame;
    if (!isControl(opcode) && opcode !== Opcode.CONTINUATION) this.#marked = rsv !== 0;
    if (isControl(opcode) || !splittable || !this.#marked) {
      this.#next++;
      return frame;
    }
    const waits = !this.claimed && this.#liftsLimits;
    const most = waits ? FIRST_STEP_BYTES : STEP_BYTES;
    const held = this.#assembler?.heldBytes ?? 0;
    if (waits && held + MOST_PER_BYTE * Math.min(payload.length, most) > this.maxMessageBytes) return undefined;
    if (payload.length <= most) {
      this.#next++;
      return frame;
    }
    this.#frames[this.#next] = { fin, rsv: 0, opcode: Opcode.CONTINUATION, payload: payload.subarray(most) };
    return { fin: false, rsv, opcode, payload: payload.subarray(0, most) };
  }

  #handOn(frames: Frame[], messages: Message[], parts: MessagePart[] | undefined): void {
    if (frames.length === 0) return;
    this.#output = parts ?? messages;
    if (parts !== undefined) return this.#splitter?.push(frames, parts);
    this.#assembler ??= new MessageAssembler({
      maxMessageBytes: this.maxMessageBytes,
      lends: this.#lends,
      control: this.#controlSink(),
    });
    this.#assembler.push(frames, messages, this.#plainParser?.missing);
  }

  #controlSink(): (frame: Frame) => void {
    return (frame) => {
      if (this.controls === undefined) this.controls = this.#controls = [];
      this.#controls?.push({ frame, position: this.#output.length });
    };
  }
}

/** The options of the parser, including the bits and opcodes that extensions use. */
export function parserOptions(role: Role, limits: Limits, chain: ExtensionChain | undefined): FrameParserOptions {
  const { maxFragments, maxEmptyFragments } = limits;
  const maxMessageBytes = allowance(limits.maxMessageBytes, chain);
  if (chain === undefined) return { role, maxMessageBytes, maxFragments, maxEmptyFragments, split: true };
  const { reservedBits, reservedOpcodes, splittable } = chain;
  return { role, maxMessageBytes, maxFragments, maxEmptyFragments, reservedBits, reservedOpcodes, split: splittable };
}

/**
 * The bytes of a message on the wire. Compression may make it larger: a deflater with little memory adds 5 bytes for every 128
 * that it cannot compress (RFC 1951 §3.2.4).
 */
function allowance(maxMessageBytes: number, chain: ExtensionChain | undefined): number {
  return chain === undefined ? maxMessageBytes : maxMessageBytes + Math.ceil(maxMessageBytes / 16) + 64;
}
