/**
 * Deadlines of many connections. Deadlines with the same length pass in the order in which they were set, so one list for each
 * length and one timer serve any number of them.
 *
 * @module
 */

/** Something with a deadline. It is a link of the list that it waits in, so waiting allocates nothing. */
export interface Deadline {
  /** The time at which it passes, by `performance.now()`. */
  due: number;
  /** The link before it, whose deadline passes sooner. */
  previous: Deadline | undefined;
  /** The link after it. */
  next: Deadline | undefined;
  /** Called when the deadline has passed. The deadline has left its list by then, and may be set again. */
  expired(): void;
}

/**
 * The part of its time by which a deadline may pass late, so that those that pass soon after one another share a timer. Otherwise
 * thousands of idle connections would each set a timer of more than a kilobyte for every ping.
 */
const SLACK = 1 / 128;

/** The deadlines that are `time` milliseconds long: a list of {@linkcode Deadlines}. */
export class DeadlineList {
  /** Milliseconds. */
  readonly time: number;
  /** The deadline that passes next. Only this class writes it. */
  first: Deadline | undefined;
  readonly #deadlines: Deadlines;
  #last: Deadline | undefined;

  /**
   * @param deadlines The object with the timer.
   * @param time Milliseconds.
   */
  constructor(deadlines: Deadlines, time: number) {
    this.#deadlines = deadlines;
    this.time = time;
  }

  /** Sets a deadline that is not in any list. */
  set(deadline: Deadline): void {
    deadline.due = performance.now() + this.time;
    deadline.previous = this.#last;
    deadline.next = undefined;
    if (this.#last === undefined) this.first = deadline;
    else this.#last.next = deadline;
    this.#last = deadline;
    this.#deadlines.onSet(deadline.due, this.time);
  }

  /** Cancels a deadline in this list. */
  cancel(deadline: Deadline): void {
    const { previous, next } = deadline;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    deadline.previous = deadline.next = undefined;
    if (this.first === undefined) this.#deadlines.onEmpty();
  }
}

/**
 * The deadlines of a server or a client: one list for each length of time, and one timer for all of them. The timer is set for
 * the deadline that may pass first. It stays set when that deadline is canceled, because connections move from list to list, and
 * setting a timer costs more than all of that.
 */
export class Deadlines {
  readonly #lists: DeadlineList[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer fires. */
  #due = Infinity;
  #turnEnds: TurnEnds | undefined;

  /** The objects that wait for the end of the turn. */
  get turnEnds(): TurnEnds {
    return this.#turnEnds ??= new TurnEnds();
  }

  /**
   * Returns the list of deadlines with this length.
   *
   * @param time Milliseconds.
   */
  after(time: number): DeadlineList {
    for (const list of this.#lists) if (list.time === time) return list;
    const list = new DeadlineList(this, time);
    this.#lists.push(list);
    return list;
  }

  /** Called by a list when a deadline is set that passes in `time` milliseconds. */
  onSet(due: number, time: number): void {
    if (due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(this.#expire, time);
  }

  /** Called by a list when it is empty. */
  onEmpty(): void {
    if (this.#timer === undefined || this.#next() !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = Infinity;
  }

  /** Returns the list whose first deadline passes before all others. */
  #next(): DeadlineList | undefined {
    let next: DeadlineList | undefined;
    let due = Infinity;
    for (let at = 0; at < this.#lists.length; at++) { // called for each deadline that passes, so it uses no iterator
      const list = this.#lists[at]!;
      if (list.first === undefined || list.first.due >= due) continue;
      next = list;
      due = list.first.due;
    }
    return next;
  }

  readonly #expire = (): void => {
    this.#timer = undefined;
    this.#due = -Infinity; // deadlines that are set meanwhile wait for the timer that is set at the end
    const now = performance.now();
    try {
      for (let list = this.#next(); list !== undefined && list.first!.due <= now; list = this.#next()) {
        const deadline = list.first!;
        list.cancel(deadline);
        deadline.expired();
      }
    } finally {
      this.#due = Infinity;
      const next = this.#next();
      if (next !== undefined) {
        const after = performance.now();
        const due = Math.max(next.first!.due, after + next.time * SLACK);
        this.onSet(due, due - after);
      }
    }
  };
}

/** An object that waits for the end of the event loop's turn. */
export interface TurnEnd {
  /** Called when the turn has ended. The object has stopped waiting by then, and may wait again. */
  turnEnded(): void;
}

/** The objects that wait for the end of the turn. One timer serves all of them, and no clock is read. */
export class TurnEnds {
  readonly #waiting = new Set<TurnEnd>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Adds an object. */
  add(waiting: TurnEnd): void {
    this.#waiting.add(waiting);
    this.#timer ??= setTimeout(this.#end, 0);
  }

  /** Removes an object. */
  delete(waiting: TurnEnd): void {
    if (!this.#waiting.delete(waiting) || this.#waiting.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #end = (): void => {
    this.#timer = undefined;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const each of waiting) each.turnEnded();
  };
}

/** A deadline that calls a function. It is set when it is made. */
export class Timeout implements Deadline {
  due = 0;
  previous: Deadline | undefined;
  next: Deadline | undefined;
  readonly #list: DeadlineList;
  #call: (() => void) | undefined;

  /**
   * @param list The list to wait in.
   * @param call Called when the deadline passes.
   */
  constructor(list: DeadlineList, call: () => void) {
    this.#list = list;
    this.#call = call;
    list.set(this);
  }

  /** Cancels the deadline, if it has not passed. */
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
