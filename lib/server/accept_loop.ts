/**
 * The accept loop of a server, which outlives the errors of `accept`.
 *
 * @module
 */
import { sleep } from "../async.ts";
import { withDeadline } from "../transport/opening.ts";
import type { ByteConnection } from "../transport/transport.ts";
import type { Listener } from "./listen.ts";

/** After an error of `accept` (out of file descriptors, as a rule) the loop waits, longer each time. */
const ACCEPT_PAUSE = { first: 50, most: 1_000 };

/** Milliseconds until a listener that was closed has ended its `accept`. Deno's need one turn, and only then is the address free. */
const RELEASE_TIME = 1_000;

/** What the loop gives connections to. */
export interface AcceptLoopOwner {
  /** A connection came. */
  take(conn: ByteConnection): void;
  /** Gets the first error of a row that is not the client's. */
  report(error: unknown): void;
  /** Other code closed the listener. */
  onLost(): void;
  /** Ends a pause. */
  readonly stopping: AbortSignal;
}

/** Accepts until the listener is closed. Nothing else that `accept` throws ends the loop. */
export class AcceptLoop {
  readonly #listener: Listener;
  readonly #owner: AcceptLoopOwner;
  readonly #accepting: Promise<void>;
  #closed = false;

  /**
   * @param listener Where connections come from.
   * @param owner Where they go to.
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
          if (pause === 0) this.#owner.report(error);
          pause = Math.min(Math.max(2 * pause, ACCEPT_PAUSE.first), ACCEPT_PAUSE.most);
          await sleep(pause, this.#owner.stopping);
        }
      }
    }
  }

  /** What is wrong with one connection says nothing about the listener, or about the next one. */
  #take(conn: ByteConnection): void {
    try {
      this.#owner.take(conn);
    } catch (error) {
      this.#owner.report(error);
    }
  }
}

/** The client gave up before it was its turn. */
function isClientsFault(error: unknown): boolean {
  return ["ConnectionAborted", "ConnectionReset"].includes(nameOf(error));
}

/** Errors of Deno's are known by their names: a listener of one's own may run elsewhere. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}
