/**
 * Keepalive: a ping after silence, and an end after silence that lasts.
 *
 * @module
 */
import type { Limits } from "../limits.ts";

/** What keepalive does to its connection. */
export interface KeepaliveOptions extends Pick<Limits, "pingInterval" | "pongTimeout"> {
  /** Sends a ping. */
  ping: () => void;
  /** Gives up: nothing came for `pongTimeout` after a ping. */
  lost: () => void;
  /** Whether the connection is reading. Where a slow application has stopped it, silence is not the peer's. */
  reading: () => boolean;
}

/**
 * Watches a connection. Any byte of the peer counts as a sign of life.
 *
 * Time is not read: a timer looks whether something was heard since it last ran, so a busy connection costs a flag for each
 * read and a timer every `pingInterval`.
 */
export class Keepalive {
  readonly #options: KeepaliveOptions;
  #heard = false;
  #awaiting = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param options The times, and what to do. */
  constructor(options: KeepaliveOptions) {
    this.#options = options;
    this.#listen();
  }

  /** Says that something came from the peer. */
  heard(): void {
    this.#heard = true;
    if (!this.#awaiting) return;
    clearTimeout(this.#timer);
    this.#listen();
  }

  /** Ends the watch. */
  stop(): void {
    this.#awaiting = false;
    clearTimeout(this.#timer);
  }

  #listen(): void {
    const { pingInterval } = this.#options;
    if (pingInterval === 0) return;
    this.#heard = false;
    this.#awaiting = false;
    this.#timer = setTimeout(() => {
      if (this.#heard || !this.#options.reading()) return this.#listen();
      this.#options.ping();
      this.#await();
    }, pingInterval);
  }

  #await(): void {
    const { pongTimeout } = this.#options;
    if (pongTimeout === 0) return this.#listen();
    this.#awaiting = true;
    this.#timer = setTimeout(() => {
      // After a stall of the event loop timers run before reads: one more turn lets the reads speak first (T10).
      this.#timer = setTimeout(() => this.#judge(), 0);
    }, pongTimeout);
  }

  #judge(): void {
    if (this.#options.reading()) this.#options.lost();
    else this.#listen();
  }
}
