/**
 * The deadlines of the peer. It is alive: a ping is sent after silence, and the connection ends if the silence lasts. And it
 * ends what it began: an incomplete message would otherwise keep its memory forever.
 *
 * @module
 */
import type { Deadline, DeadlineList, Deadlines } from "../deadlines.ts";
import type { Limits } from "../limits.ts";
import { LimitError } from "../errors.ts";

/** The part of the connection that the check uses. */
export interface LivenessOwner {
  /** Whether the connection is open and reading. If a slow application stopped the reading, silence is not the peer's fault. */
  readonly listening: boolean;
  /** Called when the peer was silent for `pingInterval`. Sends a ping. */
  pingPeer(): void;
  /**
   * Whether the connection is open but does not read because the peer has not taken a write. Then the unread replies stop the
   * reading, not the application.
   */
  readonly unread: boolean;
  /** How often the transport has taken bytes. It changes while the peer reads. */
  readonly writesTaken: number;
  /**
   * Called when nothing arrived for `pongTimeout` after the ping or, if `unread`, when the peer took nothing for as long. Drops
   * the connection.
   */
  onSilence(unread: boolean): void;
}

/** The phases of a check. */
type Phase =
  /** No ping is under way. */
  | "listening"
  /** A ping waits for any byte of the peer. */
  | "pinged"
  /** Nothing is read, and a write waits for the peer. */
  | "unread"
  /** The deadline has passed, and the next phase is being decided. */
  | "deciding"
  /** The check is off. */
  | "stopped";

/**
 * Watches one connection. Any byte of the peer counts as a sign of life.
 *
 * The clock is not read for each byte. The deadline checks whether any data has arrived since it was set, so a busy connection
 * costs a flag for each read and a check every `pingInterval`.
 */
export class Liveness implements Deadline {
  due = 0;
  previous: Deadline | undefined;
  next: Deadline | undefined;
  readonly #owner: LivenessOwner;
  readonly #pingInterval: DeadlineList | undefined;
  readonly #pongTimeout: DeadlineList | undefined;
  /** Whether data has arrived since the deadline was set. */
  heard = false;
  /** Whether a ping waits for a sign of life, so that {@linkcode Liveness.onSign} has to be called. */
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

  /** Called when data arrives while a ping is {@linkcode Liveness.waiting}. At other times it is enough to set `heard`. */
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
    // After a stall of the event loop, timers run before reads, so the reads get one more turn first.
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

/** The part of the connection that is used. */
export interface MessageDeadlineOwner {
  /** `messageTimeout`, which is not 0. */
  readonly limits: Pick<Limits, "messageTimeout">;
  /** The lists of all connections. */
  readonly deadlines: Deadlines;
  /** Called when the peer exceeded the limit. */
  fault(error: LimitError): void;
}

/** Measures the time of one message after another. */
export class MessageDeadline implements Deadline {
  due = 0;
  previous: Deadline | undefined;
  next: Deadline | undefined;
  readonly #owner: MessageDeadlineOwner;
  readonly #list: DeadlineList;
  #runs = false;

  /** @param owner The connection. */
  constructor(owner: MessageDeadlineOwner) {
    this.#owner = owner;
    this.#list = owner.deadlines.after(owner.limits.messageTimeout);
  }

  /** Called while a message is incomplete. The time starts with the first call. */
  start(): void {
    if (this.#runs) return;
    this.#runs = true;
    this.#list.set(this);
  }

  /** Called when no message is incomplete, or the peer is not responsible for the time. */
  stop(): void {
    if (!this.#runs) return;
    this.#runs = false;
    this.#list.cancel(this);
  }

  expired(): void {
    this.#runs = false;
    const { time } = this.#list;
    this.#owner.fault(
      new LimitError(`Message is incomplete after messageTimeout ${time} ms`, {
        limit: "messageTimeout",
        max: time,
        actual: time,
        closeCode: 1008,
      }),
    );
  }
}
