/**
 * The way in: bytes through the stages to messages, with the limits that need a clock.
 *
 * @module
 */
import { LimitError } from "../errors.ts";
import type { ExtensionChain } from "../extensions/negotiation.ts";
import type { Limits } from "../limits.ts";
import { type Frame, isControl, Opcode, type Role } from "../pipeline/frames/frame.ts";
import { FrameParser, type FrameParserOptions } from "../pipeline/frames/frame_parser.ts";
import type { Framing, FramingParser } from "../pipeline/frames/framing.ts";
import type { Message } from "../pipeline/messages/message.ts";
import { MessageAssembler } from "../pipeline/messages/message_assembler.ts";
import { type MessagePart, MessageSplitter } from "../pipeline/messages/message_splitter.ts";
import { readWholeMessages } from "../pipeline/messages/whole_messages.ts";

/** What a receiver is made of. */
export interface ReceiverOptions {
  /** Which end we are. */
  readonly role: Role;
  /** All limits. */
  readonly limits: Limits;
  /** The extensions at work. */
  readonly chain: ExtensionChain | undefined;
  /** How frames are written, where that is not RFC 6455 §5.2. */
  readonly framing: Framing | undefined;
  /** Whether binary messages are lent: see `lendPayloads`. */
  readonly lends: boolean;
  /** Gets every control frame. */
  readonly control: (frame: Frame) => void;
  /** Is told of a message that is not finished in time (T7). */
  readonly late: (error: LimitError) => void;
}

const EMPTY = new Uint8Array(0);

/** Messages, or frames, that one step takes at most: 3 MB of objects where they are empty, and more than a read of 32-byte messages has. */
const STEP_COUNT = 16 * 1024;

/**
 * Bytes of a frame with a reserved bit that are decoded at a time: deflate makes them 1032 times as many at most, 2 MiB. More costs
 * nothing (inflating them takes ten times as long as another frame), and less does.
 */
const STEP_BYTES = 2 * 1024;

/** The same as long as it is not known how messages are read: up to 33 KiB, and no more than `maxMessageBytes` altogether. */
const FIRST_STEP_BYTES = 32;

/** The most that deflate makes of a byte. */
const MOST_PER_BYTE = 1032;

/** From this many bytes on, a read of their own is cheaper than their way through the buffer of reads. */
const SPACE_PAYS = 8 * 1024;

/** Runs bytes through the stages. */
export class Receiver {
  #limits: Limits;
  readonly #chain: ExtensionChain | undefined;
  readonly #parser: FramingParser;
  /** The same, where nothing comes between it and the assembler. */
  #plain: FrameParser | undefined;
  readonly #short: { role: Role; maxMessageBytes: number; most: number };
  readonly #assembler: MessageAssembler;
  #splitter: MessageSplitter | undefined;
  readonly #control: (frame: Frame) => void;
  readonly #late: (error: LimitError) => void;
  /** What of the last read is not parsed yet. */
  #rest: Uint8Array<ArrayBuffer> | undefined;
  /** What is parsed and not decoded yet, from `#next` on, and what was wrong behind it. */
  #frames: Frame[] = [];
  #next = 0;
  #failure: unknown;
  /** Whether it is not known yet how messages are read: then none is judged by a limit that `stream` lifts. */
  #unclaimed: boolean;
  /** Whether the message that is being decoded carried a reserved bit. */
  #marked = false;
  #pingSecond = 0;
  #pingsInSecond = 0;
  #messageSince = 0;
  #messageTimer: ReturnType<typeof setTimeout> | undefined;
  #pausedSince = 0;

  /** @param options What it is made of. */
  constructor({ role, limits, chain, framing, lends, control, late }: ReceiverOptions) {
    this.#limits = limits;
    this.#chain = chain;
    this.#late = late;
    const parser = framing?.createParser(limits) ?? new FrameParser({
      role,
      ...parserLimits(limits, chain),
      split: chain?.splittable ?? true,
    });
    this.#parser = parser;
    this.#plain = parser instanceof FrameParser && chain === undefined ? parser : undefined;
    this.#short = { role, maxMessageBytes: limits.maxMessageBytes, most: STEP_COUNT };
    this.#control = (frame) => {
      if (frame.opcode === Opcode.PING) this.#countPing();
      control(frame);
    };
    this.#assembler = new MessageAssembler({
      maxMessageBytes: limits.maxMessageBytes,
      lends,
      control: this.#control,
    });
    this.#unclaimed = this.#liftsLimits;
    if (this.#unclaimed) parser.holdTooBig?.(true);
  }

  /**
   * Takes bytes, and a first step through them: what it produces is bounded, however much they bring. While
   * {@linkcode Receiver.pending}, {@linkcode Receiver.proceed} takes the next one.
   *
   * @param bytes Where they are; they are the receiver's from here on.
   * @param end Where they end.
   * @param messages Where the messages are appended that they complete.
   * @param parts Where the parts of messages are appended that they bring, after {@linkcode Receiver.stream}.
   * @returns What was wrong behind those, if anything: it does not take away what came before.
   */
  receive(bytes: Uint8Array<ArrayBuffer>, end: number, messages: Message[], parts?: MessagePart[]): unknown {
    const short = this.#plain?.idle ? readWholeMessages(bytes, end, this.#short, messages) : 0;
    if (short === end && short > 0) {
      this.#messageSince = 0;
      return undefined;
    }
    this.#rest = bytes.subarray(short, end);
    return this.proceed(messages, parts);
  }

  /** Whether there is more of the last read to take. It stays where it was read until then. */
  get pending(): boolean {
    return this.#rest !== undefined || this.#next < this.#frames.length || this.#failure !== undefined;
  }

  /** Takes the next step through the last read: see {@linkcode Receiver.receive}. */
  proceed(messages: Message[], parts?: MessagePart[]): unknown {
    let failure: unknown;
    try {
      if (this.#chain === undefined) this.#stepPlain(messages, parts);
      else this.#stepDecoded(this.#chain, messages, parts);
    } catch (error) {
      failure = error;
      this.drop();
    }
    if (messages.length > 0 || parts?.some(({ last }) => last) || !this.#parser.insideMessage) this.#messageSince = 0;
    if (this.#messageSince === 0 && this.#parser.insideMessage) this.#watchMessage();
    return failure;
  }

  /** Drops what is left of the last read. */
  drop(): void {
    this.#rest = this.#failure = undefined;
    this.#frames = [];
    this.#next = 0;
  }

  /** Says that it is known how messages are read: one that goes over a limit no longer waits for that, but fails. */
  judge(): void {
    this.#unclaimed = false;
    this.#parser.holdTooBig?.(false);
  }

  /** Where the next read may go, where that saves a copy: into the large payload that is under way. */
  get space(): Uint8Array<ArrayBuffer> | undefined {
    const missing = this.missing;
    return missing < SPACE_PAYS ? undefined : this.#assembler.writableView(missing);
  }

  /** How many bytes are yet to come of the payload that is under way. */
  get missing(): number {
    return this.#plain?.missing ?? 0;
  }

  /** The next read goes elsewhere than right behind the last one. */
  leaveRead(): void {
    this.#assembler.leaveRead(this.missing);
  }

  /** Whether an extension, a framing of its own or a reader of parts saw the bytes, and may have kept a view of them. */
  get keepsBytes(): boolean {
    return this.#plain === undefined;
  }

  /**
   * From here on messages are handed on in parts, and the limits on what is held in memory are lifted, unless it still is: by an
   * extension that wants whole frames, or by a draft whose messages are one frame.
   *
   * @param parts Where that is appended that has come of a message that is not finished.
   * @returns What was wrong with it, if anything.
   */
  stream(parts: MessagePart[]): unknown {
    const { maxStreamedMessageBytes } = this.#limits;
    this.#splitter = new MessageSplitter({ maxStreamedMessageBytes, control: this.#control });
    this.#plain = undefined; // neither the short way nor a place in a message: what comes is not put together
    this.#unclaimed = false;
    if (this.#liftsLimits) {
      this.#parser.stream?.(allowance(maxStreamedMessageBytes, this.#chain));
      this.#chain?.stream();
      this.#limits = { ...this.#limits, messageTimeout: 0 };
      this.#messageSince = 0;
      this.stop();
    }
    const begun = this.#assembler.detachUnfinished();
    if (begun === undefined) return undefined;
    try {
      this.#splitter.push([begun], parts);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Says that the transport ended. Throws `ConnectionError` if it ended inside a frame or a message. */
  end(): void {
    this.#parser.end();
    (this.#splitter ?? this.#assembler).end();
  }

  /** Nothing is read for a while: the delay is not the peer's. */
  pause(): void {
    this.#pausedSince = performance.now();
  }

  /** Reading goes on. */
  resume(): void {
    if (this.#messageSince !== 0) this.#messageSince += performance.now() - this.#pausedSince;
    this.#pausedSince = 0;
  }

  /** Whether neither a frame nor a message is under way. */
  get idle(): boolean {
    if (this.#parser.insideMessage) return false;
    try {
      this.end();
      return true;
    } catch {
      return false;
    }
  }

  /** Lets go of the timer. */
  stop(): void {
    clearTimeout(this.#messageTimer);
  }

  /** Whether `stream` lifts the limits on what is held in memory. */
  get #liftsLimits(): boolean {
    return this.#parser.stream !== undefined && this.#chain?.splittable !== false;
  }

  /** A step with nothing between the frames and the messages: it is bounded by its count, as nothing grows. */
  #stepPlain(messages: Message[], parts: MessagePart[] | undefined): void {
    const bytes = this.#rest ?? EMPTY;
    // Another step may begin in the middle of what goes the short way.
    const short = this.#plain?.idle ? readWholeMessages(bytes, bytes.length, this.#short, messages) : 0;
    this.#rest = short < bytes.length ? bytes.subarray(short) : undefined;
    if (this.#rest === undefined || messages.length >= STEP_COUNT) return;
    const frames: Frame[] = [];
    try {
      this.#parse(frames);
    } finally {
      this.#handOn(frames, messages, parts);
    }
  }

  /** A step with extensions: it ends as soon as it has produced as many bytes as may wait. */
  #stepDecoded(chain: ExtensionChain, messages: Message[], parts: MessagePart[] | undefined): void {
    if (this.#next === this.#frames.length) {
      this.#frames = [];
      this.#next = 0;
      try {
        this.#parse(this.#frames);
      } catch (error) {
        this.#failure = error; // what came before it comes first
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
    const at = this.#parser.push(bytes, frames, STEP_COUNT);
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }

  /** The next frame to decode, or the beginning of it, where the rest may swell too much; nothing where it has to wait. */
  #takeFrame({ splittable }: ExtensionChain): Frame | undefined {
    const frame = this.#frames[this.#next]!;
    const { fin, rsv, opcode, payload } = frame;
    if (!isControl(opcode) && opcode !== Opcode.CONTINUATION) this.#marked = rsv !== 0;
    if (isControl(opcode) || !splittable || !this.#marked) {
      this.#next++;
      return frame;
    }
    const most = this.#unclaimed ? FIRST_STEP_BYTES : STEP_BYTES;
    const swollen = this.#assembler.heldBytes + MOST_PER_BYTE * Math.min(payload.length, most);
    if (this.#unclaimed && swollen > this.#limits.maxMessageBytes) return undefined;
    if (payload.length <= most) {
      this.#next++;
      return frame;
    }
    this.#frames[this.#next] = { fin, rsv: 0, opcode: Opcode.CONTINUATION, payload: payload.subarray(most) };
    return { fin: false, rsv, opcode, payload: payload.subarray(0, most) };
  }

  #handOn(frames: Frame[], messages: Message[], parts: MessagePart[] | undefined): void {
    if (parts === undefined) this.#assembler.push(frames, messages, this.#plain?.missing);
    else this.#splitter?.push(frames, parts);
  }

  /** A pong costs us more than its ping costs the peer (F12). */
  #countPing(): void {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#pingSecond) {
      this.#pingSecond = second;
      this.#pingsInSecond = 0;
    }
    const { maxPingsPerSecond: max } = this.#limits;
    if (++this.#pingsInSecond <= max) return;
    throw new LimitError(`Peer sent more than maxPingsPerSecond ${max} pings`, {
      limit: "maxPingsPerSecond",
      max,
      actual: this.#pingsInSecond,
      closeCode: 1008,
    });
  }

  /** A message may take `messageTimeout` (T7). One timer serves many messages: it looks when the present one began. */
  #watchMessage(): void {
    const { messageTimeout } = this.#limits;
    if (messageTimeout === 0) return;
    this.#messageSince = performance.now();
    this.#messageTimer ??= setTimeout(() => this.#judgeMessage(), messageTimeout);
  }

  #judgeMessage(): void {
    this.#messageTimer = undefined;
    if (this.#messageSince === 0) return;
    const { messageTimeout } = this.#limits;
    const taken = this.#pausedSince === 0 ? performance.now() - this.#messageSince : 0;
    if (taken < messageTimeout) {
      this.#messageTimer = setTimeout(() => this.#judgeMessage(), messageTimeout - taken);
      return;
    }
    this.#late(
      new LimitError(`Message is incomplete after messageTimeout ${messageTimeout} ms`, {
        limit: "messageTimeout",
        max: messageTimeout,
        actual: Math.round(taken),
        closeCode: 1008,
      }),
    );
  }
}

/** What the parser allows, and what extensions own. */
export function parserLimits(limits: Limits, chain: ExtensionChain | undefined): Partial<FrameParserOptions> {
  if (chain === undefined) return limits;
  const { reservedBits, reservedOpcodes } = chain;
  return { ...limits, maxMessageBytes: allowance(limits.maxMessageBytes, chain), reservedBits, reservedOpcodes };
}

/**
 * The bytes of a message on the wire, which its compression may have made larger: a deflater with little memory writes 5 bytes for
 * every 128 that it cannot compress (RFC 1951 §3.2.4).
 */
function allowance(maxMessageBytes: number, chain: ExtensionChain | undefined): number {
  return chain === undefined ? maxMessageBytes : maxMessageBytes + Math.ceil(maxMessageBytes / 16) + 64;
}
