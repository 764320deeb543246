/**
 * The topics that a hub wants, and those that it has subscribed to at the broker.
 *
 * @module
 */

/** Stands for all topics, by one subscription. It is not a string, because every string is a topic. */
export const ALL_TOPICS: unique symbol = Symbol("all topics");

/** A subscription at a broker: its name for a topic, or all topics. */
export type Interest = string | typeof ALL_TOPICS;

/** Changes to send to the broker: first subscribe, then unsubscribe, so that no message is missed in between. */
export interface InterestChange {
  /** Names to subscribe to. */
  readonly add: readonly Interest[];
  /** Names to unsubscribe from. */
  readonly remove: readonly Interest[];
}

/**
 * The topics that are wanted, and those that are subscribed to at the broker. Changes are collected until {@linkcode
 * WantedTopics.take}. A topic that is added and removed in between is never sent to the broker.
 */
export class WantedTopics {
  readonly #nameOf: (topic: string) => string;
  readonly #topics = new Map<string, string>();
  readonly #names = new Set<string>();
  #all = false;
  /** The current subscriptions at the broker. */
  readonly #held = new Set<Interest>();
  /** Names whose subscription may have to change. */
  readonly #changed = new Set<Interest>();

  /** @param nameOf Returns the broker's name for a topic. */
  constructor(nameOf: (topic: string) => string) {
    this.#nameOf = nameOf;
  }

  /** Whether messages of this topic are wanted. */
  wants(topic: string): boolean {
    return this.#all || this.#topics.has(topic);
  }

  /** Returns the broker's name for a topic. */
  nameOf(topic: string): string {
    return this.#topics.get(topic) ?? this.#nameOf(topic);
  }

  /** Adds a topic. */
  add(topic: string): void {
    if (this.#topics.has(topic)) return;
    const name = this.#nameOf(topic);
    this.#topics.set(topic, name);
    this.#names.add(name);
    this.#changed.add(name);
  }

  /** Removes a topic. */
  delete(topic: string): void {
    const name = this.#topics.get(topic);
    if (name === undefined) return;
    this.#topics.delete(topic);
    this.#names.delete(name);
    this.#changed.add(name);
  }

  /** Sets whether all topics are wanted, or only those that were added. */
  set all(wanted: boolean) {
    if (this.#all === wanted) return;
    this.#all = wanted;
    this.#changed.add(ALL_TOPICS);
    for (const name of this.#names) this.#changed.add(name);
  }

  /** Called when the broker has lost its subscriptions. All of them are sent again. */
  forget(): void {
    this.#held.clear();
    this.#changed.clear();
    if (this.#all) this.#changed.add(ALL_TOPICS);
    else for (const name of this.#names) this.#changed.add(name);
  }

  /** The number of names whose subscription may have to change. */
  get pending(): number {
    return this.#changed.size;
  }

  /** Takes the changes to send to the broker, which then count as sent; `undefined` if there are none. */
  take(): InterestChange | undefined {
    const wanted = (interest: Interest) =>
      interest === ALL_TOPICS ? this.#all : !this.#all && this.#names.has(interest);
    const add: Interest[] = [];
    const remove: Interest[] = [];
    for (const interest of this.#changed) {
      if (wanted(interest) === this.#held.has(interest)) continue;
      if (wanted(interest)) {
        add.push(interest);
        this.#held.add(interest);
      } else {
        remove.push(interest);
        this.#held.delete(interest);
      }
    }
    this.#changed.clear();
    return add.length + remove.length === 0 ? undefined : { add, remove };
  }
}
