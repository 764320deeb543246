/**
 * The accept loop of a server, which outlives the errors of `accept`.
 *
 * @module
 */
import { sleep } from "../async.ts";
import { noteNotOpened } from "../descriptors.ts";
import { withDeadline } from "../transport/opening.ts";
import type { ByteConnection } from "../transport/transport.ts";
import type { Listener } from "./listen.ts";

/** After an error of `accept` (usually: out of file descriptors) the loop pauses, longer each time. */
const ACCEPT_PAUSE = { first: 50, most: 1_000 };

/**
 * Milliseconds to wait until a closed listener has ended its `accept`. Deno needs one turn of the event loop, and the address is
 * free only then.
 */
const RELEASE_TIME = 1_000;

/** The receiver of the accepted connections. */
export interface AcceptLoopOwner {
  /** Takes a new connection. */
  take(conn: ByteConnection): void;
  /** Gets the first error of a series, unless the client caused it. */
  report(error: unknown): void;
  /** Other code closed the listener. */
  onLost(): void;
  /** Ends a pause. */
  readonly stopping: AbortSignal;
}

/** Accepts until the listener is closed. Errors that `accept` throws do not end the loop. */
export class AcceptLoop {
  readonly #listener: Listener;
  readonly #owner: AcceptLoopOwner;
  readonly #accepting: Promise<void>;
  #closed = false;

  /**
   * @param listener The listener to accept from.
   * @param owner Takes the connections.
   */
  constructor(listener: Listener, owner: AcceptLoopOwner) {
    this.#listener = listener;
    this.#owner = owner;
    this.#accepting = this.#accept();
  }

  /** Closes the listener. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
  }

  /** Waits until the address is free again, for a listener that was closed. */
  async released(): Promise<void> {
    await withDeadline(this.#accepting, { time: RELEASE_TIME, late: () => undefined }).catch(() => {});
  }

  async #accept(): Promise<void> {
    let pause = 0;
    while (!this.#closed) {
      try {
        const conn = await this.#listener.accept();
        pause = 0;
        this.#take(conn);
      } catch (error) {
        if (this.#closed) return;
        if (nameOf(error) === "BadResource") {
          // Other code closed the listener.
          this.#closed = true;
          this.#owner.onLost();
        } else if (!isClientsFault(error)) {
          noteNotOpened(error);
          if (pause === 0) this.#owner.report(error);
          pause = Math.min(Math.max(2 * pause, ACCEPT_PAUSE.first), ACCEPT_PAUSE.most);
          await sleep(pause, this.#owner.stopping);
        }
      }
    }
  }

  /** An error of one connection does not affect the listener or the next connection. */
  #take(conn: ByteConnection): void {
    try {
      this.#owner.take(conn);
    } catch (error) {
      this.#owner.report(error);
    }
  }
}

/** Whether the client disconnected before it was accepted. */
function isClientsFault(error: unknown): boolean {
  return ["ConnectionAborted", "ConnectionReset"].includes(nameOf(error));
}

/** Deno's errors are recognized by name, because a custom listener may run on another runtime. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}
