/**
 * The deadline of an incomplete message, which would otherwise keep its memory forever.
 *
 * @module
 */
import { LimitError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Deadline, DeadlineList, Deadlines } from "../deadlines.ts";

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
