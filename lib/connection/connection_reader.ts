/**
 * The one reader of a connection. It never writes: what it owes goes to the queue.
 *
 * @module
 */
import { nextTask } from "../async.ts";
import { giveBack, isPinned } from "../pipeline/bytes/lent_memory.ts";
import type { ReadBuffer } from "../pipeline/bytes/read_buffer.ts";
import type { Closing } from "./closing.ts";
import type { Intake } from "./intake.ts";
import type { Keepalive } from "./keepalive.ts";
import { inSteps, type Transport } from "../transport/transport.ts";

/**
 * Bytes of the wire that are taken in at a time where messages are read as streams. Chunks that are dropped are collected sooner: with
 * 2 GiB a process grew by 27 to 40 MiB, with steps of 64 KiB by 37 to 67, and took as long.
 */
const STREAMED_STEP = 16 * 1024;

/**
 * A message that is too large for memory waits so long for the application to read messages as streams, or in another way. An
 * application that never reads has it judged then.
 */
const CLAIM_PATIENCE = 2_000;

/** What a reader connects. */
export interface ConnectionReaderOptions {
  /** Where bytes come from, after the handshake. */
  readonly transport: Transport;
  /** Where they go. */
  readonly intake: Intake;
  /** Says what still matters, and is told of the end. */
  readonly closing: Closing;
  /** Is told of every sign of life. */
  readonly keepalive: Keepalive;
  /** Whether memory that was read to is lent to callbacks. */
  readonly lends: boolean;
}

/** Reads while there is room, and hands on what it reads. */
export class ConnectionReader {
  #transport: Transport;
  readonly #intake: Intake;
  readonly #closing: Closing;
  readonly #keepalive: Keepalive;
  readonly #lends: boolean;
  #reading = true;

  /** @param options What it connects. */
  constructor({ transport, intake, closing, keepalive, lends }: ConnectionReaderOptions) {
    this.#transport = transport;
    this.#intake = intake;
    this.#closing = closing;
    this.#keepalive = keepalive;
    this.#lends = lends;
  }

  /** Whether the transport is being read: not while the application is behind. */
  get reading(): boolean {
    return this.#reading;
  }

  /** From here on, small steps are read: a message is handed on in parts. */
  takeSteps(): void {
    this.#transport = inSteps(this.#transport, STREAMED_STEP);
  }

  /** Reads to the end. It never rejects. */
  async run(rest: Uint8Array<ArrayBuffer>): Promise<void> {
    const { receiver } = this.#intake;
    try {
      if (rest.length > 0) {
        this.#receive(rest, rest.length, rest.buffer);
        if (this.#intake.pending) await this.#takeRest(rest.buffer);
        if (this.#blocked) await this.#room();
      }
      while (this.#closing.state !== "closed") {
        const { direct } = this.#transport; // each time: reading in steps has none
        if (direct === undefined) {
          const bytes = await this.#transport.read();
          if (bytes === null) break;
          this.#receive(bytes, bytes.length);
          if (this.#intake.pending) await this.#takeRest();
          receiver.leaveRead();
        } else {
          const place = receiver.space;
          const space = place ?? direct.buffer.writableView;
          const count = await direct.read(space);
          if (count === null) break;
          if (count > 0) {
            const buffer = place === undefined ? direct.buffer : undefined;
            const taken = this.#receive(space, count, buffer?.memory);
            if (this.#intake.pending) await this.#takeRest(buffer?.memory);
            if (buffer !== undefined) this.#settle(buffer, count, taken && this.#intake.kept);
          }
        }
        if (this.#blocked) await this.#room();
      }
      if (this.#closing.state === "closed") return;
      if (this.#closing.awaitsPeer) receiver.end();
      this.#closing.requireClose();
    } catch (error) {
      this.#closing.blame(error);
    }
    this.#closing.endReading();
  }

  /** Takes `count` bytes, which were read to `memory`, and a first step through them. Says whether they matter. */
  #receive(bytes: Uint8Array<ArrayBuffer>, count: number, memory?: ArrayBuffer): boolean {
    this.#keepalive.heard();
    if (!this.#closing.listening) return false;
    this.#conclude(this.#intake.receive(bytes, count, { wanted: this.#wanted, memory }));
    return true;
  }

  /** Takes the rest of what was read, step by step. In between others have their turn, and the application makes room. */
  async #takeRest(memory?: ArrayBuffer): Promise<void> {
    while (this.#closing.listening && this.#intake.pending) {
      if (this.#blocked) {
        await this.#room();
      } else {
        this.#reading = false; // the pong that is waited for may be in the next read
        await nextTask();
        this.#reading = true;
        if (!this.#closing.listening) return;
        this.#conclude(this.#intake.proceed({ wanted: this.#wanted, memory }));
      }
    }
  }

  #conclude(failure: unknown): void {
    if (failure !== undefined) this.#closing.fault(failure);
    // Now, and not when the frame is read: the messages before it have been delivered.
    else this.#closing.proceed();
  }

  /** After our close frame only the peer's matters (F16, F17). */
  get #wanted(): boolean {
    return this.#closing.state === "open";
  }

  /** Whether the application is behind, or what came before a fault is still to be answered. */
  get #blocked(): boolean {
    const { state } = this.#closing;
    return state === "open" ? this.#intake.full : state === "failing";
  }

  async #room(): Promise<void> {
    this.#reading = false;
    const unclaimed = this.#intake.pending && !this.#intake.claimed;
    const timer = unclaimed ? setTimeout(() => this.#intake.claim(), CLAIM_PATIENCE) : undefined;
    while (this.#blocked) await this.#intake.room();
    clearTimeout(timer);
    this.#reading = true;
  }

  /** Says whether a read was kept: what nobody keeps is read over. */
  #settle(buffer: ReadBuffer, count: number, kept: boolean): void {
    const { receiver } = this.#intake;
    if (!buffer.advance(count, { kept, missing: receiver.missing })) return;
    receiver.leaveRead();
    if (!this.#lends || !isPinned(buffer.memory)) return;
    const { memory } = buffer;
    buffer.replace();
    giveBack(memory);
  }
}
