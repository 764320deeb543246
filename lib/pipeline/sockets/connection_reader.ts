/**
 * The one reader of a connection. It never writes: what it owes goes to the queue.
 *
 * @module
 */
import { isHeld, leave } from "../bytes/lent_memory.ts";
import type { ReadBuffer } from "../bytes/read_buffer.ts";
import type { Closing } from "./closing.ts";
import type { Intake } from "./intake.ts";
import type { Keepalive } from "./keepalive.ts";
import { inSteps, type Transport } from "./transport.ts";

/**
 * Bytes of the wire that are taken in at a time where messages are read as streams. Deflate makes them 1032 times as many at most,
 * about the largest message that is held in memory by default. And chunks that are dropped are collected sooner: with 2 GiB a process
 * grew by 27 to 40 MiB, with steps of 64 KiB by 37 to 67, and took as long.
 */
const STREAMED_STEP = 16 * 1024;

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
      if (rest.length > 0) this.#receive(rest, rest.length, rest.buffer);
      while (this.#closing.state !== "closed") {
        const { direct } = this.#transport; // each time: reading in steps has none
        if (direct === undefined) {
          const bytes = await this.#transport.read();
          if (bytes === null) break;
          this.#receive(bytes, bytes.length);
          receiver.leaveRead();
        } else {
          const place = receiver.space;
          const space = place ?? direct.buffer.space;
          const count = await direct.read(space);
          if (count === null) break;
          if (count > 0) this.#receiveDirectly(space, count, place === undefined ? direct.buffer : undefined);
        }
        while (this.#intake.full && this.#closing.state === "open") {
          this.#reading = false;
          await this.#intake.room();
          this.#reading = true;
        }
      }
      if (this.#closing.state === "closed") return;
      if (this.#closing.awaitsPeer) receiver.end();
      this.#closing.requireClose();
    } catch (error) {
      this.#closing.blame(error);
    }
    this.#closing.endReading();
  }

  /** Takes what was read to `buffer`, or to a better place. What nobody keeps of it is read over. */
  #receiveDirectly(bytes: Uint8Array<ArrayBuffer>, count: number, buffer: ReadBuffer | undefined): void {
    const kept = this.#receive(bytes, count, buffer?.memory);
    const { receiver } = this.#intake;
    if (buffer === undefined || !buffer.settle(count, { kept, missing: receiver.missing })) return;
    receiver.leaveRead();
    if (!this.#lends || !isHeld(buffer.memory)) return;
    const { memory } = buffer;
    buffer.replace();
    leave(memory);
  }

  /** Takes `count` bytes and says whether somebody may have kept a view of them, where they were read to `memory`. */
  #receive(bytes: Uint8Array<ArrayBuffer>, count: number, memory?: ArrayBuffer): boolean {
    this.#keepalive.heard();
    const { state } = this.#closing;
    if (state === "failed" || state === "closed") return false;
    // After our close frame only the peer's matters (F16, F17).
    const failure = this.#intake.receive(bytes, count, { wanted: state === "open", memory });
    if (failure !== undefined) this.#closing.fail(failure);
    // Now, and not when the frame is read: the messages before it have been delivered.
    else this.#closing.proceed();
    return this.#intake.kept;
  }
}
