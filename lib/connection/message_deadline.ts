/**
 * The deadline of a message that is under way: one that never ends would hold its memory.
 *
 * @module
 */
import { LimitError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Deadline, DeadlineList, Deadlines } from "../deadlines.ts";

/** What is timed. */
export interface MessageDeadlineOwner {
  /** `messageTimeout`, which is not 0. */
  readonly limits: Pick<Limits, "messageTimeout">;
  /** The lists of all connections. */
  readonly deadlines: Deadlines;
  /** The peer went over the limit. */
  fault(error: LimitError): void;
}

/** Times one message after the other. */
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

  /** A message is under way; the time runs from the first call on. */
  start(): void {
    if (this.#runs) return;
    this.#runs = true;
    this.#list.set(this);
  }

  /** No message is under way, or the time is not the peer's. */
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
