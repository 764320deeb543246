/**
 * Which topics a hub wants to hear of, and which of them the broker has been told.
 *
 * @module
 */

/** All topics, by one subscription. It is no string, for any string is a topic. */
export const ALL_TOPICS: unique symbol = Symbol("all topics");

/** What a broker is asked for: its name for a topic, or all of them. */
export type Interest = string | typeof ALL_TOPICS;

/** Changes to send to the broker: first subscribe, then unsubscribe, so that no message is missed in between. */
export interface InterestChange {
  /** To subscribe to. */
  readonly add: readonly Interest[];
  /** To unsubscribe from. */
  readonly remove: readonly Interest[];
}

/**
 * The topics that are wanted and those that the broker sends. Changes collect until {@linkcode WantedTopics.take}: a topic that comes
 * and goes in between is never told.
 */
export class WantedTopics {
  readonly #nameOf: (topic: string) => string;
  readonly #topics = new Map<string, string>();
  readonly #names = new Set<string>();
  #all = false;
  /** What the broker sends. */
  readonly #held = new Set<Interest>();
  /** What may differ between what is wanted and what is held. */
  readonly #changed = new Set<Interest>();

  /** @param nameOf The broker's name for a topic. */
  constructor(nameOf: (topic: string) => string) {
    this.#nameOf = nameOf;
  }

  /** Whether messages of this topic are wanted. */
  wants(topic: string): boolean {
    return this.#all || this.#topics.has(topic);
  }

  /** The broker's name for a topic. */
  nameOf(topic: string): string {
    return this.#topics.get(topic) ?? this.#nameOf(topic);
  }

  /** A topic is wanted from now on. */
  add(topic: string): void {
    if (this.#topics.has(topic)) return;
    const name = this.#nameOf(topic);
    this.#topics.set(topic, name);
    this.#names.add(name);
    this.#changed.add(name);
  }

  /** A topic is not wanted any more. */
  delete(topic: string): void {
    const name = this.#topics.get(topic);
    if (name === undefined) return;
    this.#topics.delete(topic);
    this.#names.delete(name);
    this.#changed.add(name);
  }

  /** All topics are wanted from now on, or only those that were added. */
  set all(wanted: boolean) {
    if (this.#all === wanted) return;
    this.#all = wanted;
    this.#changed.add(ALL_TOPICS);
    for (const name of this.#names) this.#changed.add(name);
  }

  /** The broker has forgotten its subscriptions: all of them are sent again. */
  forget(): void {
    this.#held.clear();
    this.#changed.clear();
    if (this.#all) this.#changed.add(ALL_TOPICS);
    else for (const name of this.#names) this.#changed.add(name);
  }

  /** How many names may differ between what is wanted and what is held. */
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
