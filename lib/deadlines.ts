/**
 * Deadlines of many connections. Those that are equally far away pass in the order in which they were set, so a list for each length of
 * time and one timer serve any number of them.
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

/**
 * What part of its time a deadline may pass late, so that those that pass soon after one another share a timer: thousands of idle
 * connections would set one for each ping otherwise, of more than a kilobyte.
 */
const SLACK = 1 / 128;

/** The deadlines that are `time` milliseconds away when they are set: a list of {@linkcode Deadlines}. */
export class DeadlineList {
  /** Milliseconds. */
  readonly time: number;
  readonly #deadlines: Deadlines;
  #first: Deadline | undefined;
  #last: Deadline | undefined;

  /**
   * @param deadlines Has the timer.
   * @param time Milliseconds.
   */
  constructor(deadlines: Deadlines, time: number) {
    this.#deadlines = deadlines;
    this.time = time;
  }

  /** The deadline that passes next. */
  get first(): Deadline | undefined {
    return this.#first;
  }

  /** Sets a deadline, which waits in no list. */
  set(deadline: Deadline): void {
    deadline.due = performance.now() + this.time;
    deadline.previous = this.#last;
    deadline.next = undefined;
    if (this.#last === undefined) this.#first = deadline;
    else this.#last.next = deadline;
    this.#last = deadline;
    this.#deadlines.onSet(deadline.due, this.time);
  }

  /** Takes a deadline back, which waits in this list. */
  cancel(deadline: Deadline): void {
    const { previous, next } = deadline;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    deadline.previous = deadline.next = undefined;
    if (this.#first === undefined) this.#deadlines.onEmpty();
  }
}

/**
 * The deadlines of a server, or of a client: one list for each length of time, and one timer for all of them. It is set for the first
 * that may pass, and where that is taken back it stays: a connection goes from list to list, and a timer costs more than all of them.
 */
export class Deadlines {
  readonly #lists: DeadlineList[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer goes off. */
  #due = Infinity;
  #turnEnds: TurnEnds | undefined;

  /** What waits for the end of the turn. */
  get turnEnds(): TurnEnds {
    return this.#turnEnds ??= new TurnEnds();
  }

  /**
   * The list of deadlines that are so far away.
   *
   * @param time Milliseconds.
   */
  after(time: number): DeadlineList {
    for (const list of this.#lists) if (list.time === time) return list;
    const list = new DeadlineList(this, time);
    this.#lists.push(list);
    return list;
  }

  /** A list calls this for a deadline that is set, which passes in `time` milliseconds. */
  onSet(due: number, time: number): void {
    if (due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(this.#expire, time);
  }

  /** A list calls this when it is empty. */
  onEmpty(): void {
    if (this.#timer === undefined || this.#next() !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#due = Infinity;
  }

  /** The list whose first deadline passes before those of all others. */
  #next(): DeadlineList | undefined {
    let next: DeadlineList | undefined;
    let due = Infinity;
    for (let at = 0; at < this.#lists.length; at++) { // for each deadline that passes: without an iterator
      const list = this.#lists[at]!;
      if (list.first === undefined || list.first.due >= due) continue;
      next = list;
      due = list.first.due;
    }
    return next;
  }

  readonly #expire = (): void => {
    this.#timer = undefined;
    this.#due = -Infinity; // what is set meanwhile waits for the timer that is set at the end
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

/** What waits for the end of the event loop's turn. */
export interface TurnEnd {
  /** Is called when the turn has ended. It waits no more then, and may wait again. */
  turnEnded(): void;
}

/** What waits for the end of the turn: one timer serves all of it, and no clock is read. */
export class TurnEnds {
  readonly #waiting = new Set<TurnEnd>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Waits for the end of the turn. */
  add(waiting: TurnEnd): void {
    this.#waiting.add(waiting);
    this.#timer ??= setTimeout(this.#end, 0);
  }

  /** Takes it back. */
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
