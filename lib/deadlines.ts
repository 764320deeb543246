/**
 * Deadlines of many connections. Those that are equally far away pass in the order in which they were set, so a list and one timer
 * serve any number of them.
 *
 * @module
 */

/** Something with a deadline. It is a link of the list that it waits in, so waiting allocates nothing. */
export interface Deadline {
  /** When it passes, by `performance.now()`. */
  due: number;
  /** The link before it, whose deadline passes sooner. */
  previous: Deadline | undefined;
  /** The link after it. */
  next: Deadline | undefined;
  /** Is called when the deadline has passed. It waits no more then, and may be set again. */
  expired(): void;
}

/** The deadlines that are `time` milliseconds away when they are set. */
export class DeadlineList {
  /** Milliseconds. */
  readonly time: number;
  #first: Deadline | undefined;
  #last: Deadline | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param time Milliseconds. */
  constructor(time: number) {
    this.time = time;
  }

  /** Sets a deadline, which waits in no list. */
  set(deadline: Deadline): void {
    deadline.due = performance.now() + this.time;
    deadline.previous = this.#last;
    deadline.next = undefined;
    if (this.#last === undefined) this.#first = deadline;
    else this.#last.next = deadline;
    this.#last = deadline;
    this.#timer ??= setTimeout(this.#expire, this.time);
  }

  /** Takes a deadline back, which waits in this list. */
  cancel(deadline: Deadline): void {
    const { previous, next } = deadline;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    deadline.previous = deadline.next = undefined;
    if (this.#first !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #expire = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    for (let first = this.#first; first !== undefined && first.due <= now; first = this.#first) {
      this.cancel(first);
      first.expired();
    }
    // One that has expired may have set the timer, and one that is due may have been set before that.
    if (this.#first === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#expire, Math.max(0, this.#first.due - performance.now()));
  };
}

/** A deadline that calls back, for what has none as a rule. It is set when it is made. */
export class Timeout implements Deadline {
  due = 0;
  previous: Deadline | undefined;
  next: Deadline | undefined;
  readonly #list: DeadlineList;
  #call: (() => void) | undefined;

  /**
   * @param list Where it waits.
   * @param call Is called when it passes.
   */
  constructor(list: DeadlineList, call: () => void) {
    this.#list = list;
    this.#call = call;
    list.set(this);
  }

  /** Takes it back, if it has not passed. */
  cancel(): void {
    if (this.#call === undefined) return;
    this.#call = undefined;
    this.#list.cancel(this);
  }

  expired(): void {
    const call = this.#call;
    this.#call = undefined;
    call?.();
  }
}

/** The lists of a server, or of a client: one for each length of time. */
export class Deadlines {
  readonly #lists = new Map<number, DeadlineList>();

  /**
   * The list of deadlines that are so far away.
   *
   * @param time Milliseconds.
   */
  after(time: number): DeadlineList {
    let list = this.#lists.get(time);
    if (list === undefined) this.#lists.set(time, list = new DeadlineList(time));
    return list;
  }
}
