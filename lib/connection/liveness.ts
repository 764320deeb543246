/**
 * Whether the peer is still there: a ping after silence, and an end after silence that lasts.
 *
 * @module
 */
import type { Deadline, DeadlineList, Deadlines } from "../deadlines.ts";
import type { Limits } from "../limits.ts";

/** What a liveness check does to its connection. */
export interface LivenessOwner {
  /** Whether the connection is open and reads. If a slow application has stopped it, silence is not the peer's fault. */
  readonly listening: boolean;
  /** The peer was silent for `pingInterval`: sends a ping. */
  pingPeer(): void;
  /** Whether the connection is open and does not read, while the peer has not taken a write. Then its replies stop it, not the application. */
  readonly unread: boolean;
  /** How often the transport has taken bytes: it changes while the peer reads. */
  readonly writesTaken: number;
  /** Gives up: after a ping nothing came for `pongTimeout`, or, if `unread`, the peer took nothing for as long. */
  onSilence(unread: boolean): void;
}

/** Where a check stands. */
type Phase =
  /** No ping is under way. */
  | "listening"
  /** A ping waits for any byte of the peer. */
  | "pinged"
  /** Nothing is read, and a write waits for the peer to take some of it. */
  | "unread"
  /** The deadline has passed, and what follows is being decided. */
  | "deciding"
  /** The check is off. */
  | "stopped";

/**
 * Watches one connection. Any byte of the peer counts as a sign of life.
 *
 * The clock is not read for a byte: the deadline looks whether something was heard since it was set, so a busy connection costs a flag
 * for each read and a look every `pingInterval`.
 */
export class Liveness implements Deadline {
  due = 0;
  previous: Deadline | undefined;
  next: Deadline | undefined;
  readonly #owner: LivenessOwner;
  readonly #pingInterval: DeadlineList | undefined;
  readonly #pongTimeout: DeadlineList | undefined;
  /** Whether something was heard since the deadline was set. */
  heard = false;
  /** Whether a ping waits for a sign of life: {@linkcode Liveness.onSign} wants to be called. */
  waiting = false;
  #phase: Phase = "stopped";
  /** `writesTaken` when the phase `unread` began. */
  #taken = 0;

  /**
   * @param owner The connection.
   * @param times `pingInterval` and `pongTimeout`; 0 for none.
   * @param deadlines The lists of all connections.
   */
  constructor(
    owner: LivenessOwner,
    { pingInterval, pongTimeout }: Pick<Limits, "pingInterval" | "pongTimeout">,
    deadlines: Deadlines,
  ) {
    this.#owner = owner;
    this.#pingInterval = pingInterval === 0 ? undefined : deadlines.after(pingInterval);
    this.#pongTimeout = pongTimeout === 0 ? undefined : deadlines.after(pongTimeout);
    this.#listen();
  }

  /** Something came from the peer while a ping was {@linkcode Liveness.waiting}. At other times `heard` is set, which is enough. */
  onSign(): void {
    if (this.#phase !== "deciding") this.#pongTimeout?.cancel(this);
    this.#listen();
  }

  /** Ends the check. */
  stop(): void {
    if (this.#phase === "listening") this.#pingInterval?.cancel(this);
    else if (this.#phase === "pinged" || this.#phase === "unread") this.#pongTimeout?.cancel(this);
    this.#enter("stopped");
  }

  expired(): void {
    const phase = this.#phase;
    const owner = this.#owner;
    this.#enter("deciding");
    // After a stall of the event loop timers run before reads: one more turn lets the reads speak first.
    if (phase === "pinged" || phase === "unread") return void setTimeout(() => this.#judge(phase), 0);
    const { listening } = owner;
    if (this.heard || !(listening || owner.unread)) return this.#listen();
    if (listening) owner.pingPeer();
    if (this.#phase !== "deciding") return; // the queue was full, which ended the connection
    if (this.#pongTimeout === undefined) return this.#listen();
    this.#taken = owner.writesTaken;
    this.#enter(listening ? "pinged" : "unread");
    this.#pongTimeout.set(this);
  }

  #listen(): void {
    if (this.#pingInterval === undefined) return;
    this.heard = false;
    this.#enter("listening");
    this.#pingInterval.set(this);
  }

  #judge(phase: "pinged" | "unread"): void {
    if (this.#phase !== "deciding") return;
    const owner = this.#owner;
    const gone = phase === "pinged" ? owner.listening : owner.unread && owner.writesTaken === this.#taken;
    if (!gone) return this.#listen();
    this.#enter("stopped");
    owner.onSilence(phase === "unread");
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.waiting = phase === "pinged" || phase === "unread" || phase === "deciding";
  }
}
