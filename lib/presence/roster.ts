/**
 * The members of all servers as one list, and what has changed in it.
 *
 * @module
 */
import type { PresenceChange, PresenceMember } from "./presence_options.ts";

/** What a server says about one of its members. */
export interface Entry<Data> {
  /** The data. */
  readonly data: Data;
  /** The data as JSON: the same text means that nothing has changed. */
  readonly text: string;
  /**
   * When the data was set, in milliseconds of `Date.now`, but later than any data of the member that was known then. Of two servers
   * that have the member, the later data counts.
   */
  readonly at: number;
}

/** Entries by topic and id. Topics without entries are not in it. */
export type Entries<Data> = Map<string, Map<string, Entry<Data>>>;

/**
 * Sets an entry, or removes it.
 *
 * @param entries Where.
 * @param topic The topic.
 * @param id The member's id.
 * @param entry The entry; `undefined` removes it.
 */
export function putEntry<Data>(
  entries: Entries<Data>,
  topic: string,
  id: string,
  entry: Entry<Data> | undefined,
): void {
  const members = entries.get(topic);
  if (entry !== undefined) {
    if (members === undefined) entries.set(topic, new Map([[id, entry]]));
    else members.set(id, entry);
  } else if (members?.delete(id) && members.size === 0) entries.delete(topic);
}

/** The members of all servers. A member that several servers have is one member. */
export class Roster<Data> {
  readonly #onChange: (topic: string, change: PresenceChange<Data>) => void;
  readonly #servers = new Map<string, Entries<Data>>();
  readonly #members: Entries<Data> = new Map();
  /** What the members that have changed were before. */
  readonly #before = new Map<string, Map<string, Entry<Data> | undefined>>();

  /** @param onChange Gets the changes of a topic, in a microtask. */
  constructor(onChange: (topic: string, change: PresenceChange<Data>) => void) {
    this.#onChange = onChange;
  }

  /** The members of a topic. */
  members(topic: string): ReadonlyMap<string, Entry<Data>> {
    return this.#members.get(topic) ?? new Map();
  }

  /** The members of one server. */
  entriesOf(server: string): Entries<Data> {
    let entries = this.#servers.get(server);
    if (entries === undefined) this.#servers.set(server, entries = new Map());
    return entries;
  }

  /** Sets or removes a member of a server. */
  set(server: string, topic: string, id: string, entry: Entry<Data> | undefined): void {
    putEntry(this.entriesOf(server), topic, id, entry);
    this.#touch(topic, id);
  }

  /** Replaces all members of a server. */
  replace(server: string, entries: Entries<Data>): void {
    const before = this.#servers.get(server) ?? new Map();
    this.#servers.set(server, entries);
    for (const list of [before, entries]) {
      for (const [topic, members] of list) for (const id of members.keys()) this.#touch(topic, id);
    }
  }

  /** Removes a server. */
  forget(server: string): void {
    this.replace(server, new Map());
    this.#servers.delete(server);
  }

  #touch(topic: string, id: string): void {
    const entry = this.#newest(topic, id);
    const known = this.#members.get(topic)?.get(id);
    if (entry === known) return;
    if (this.#before.size === 0) queueMicrotask(() => this.#flush());
    const before = this.#before.get(topic);
    if (before === undefined) this.#before.set(topic, new Map([[id, known]]));
    else if (!before.has(id)) before.set(id, known);
    putEntry(this.#members, topic, id, entry);
  }

  /** All servers choose the same one: the later, and of two at the same time the larger text. */
  #newest(topic: string, id: string): Entry<Data> | undefined {
    let newest: Entry<Data> | undefined;
    for (const entries of this.#servers.values()) {
      const entry = entries.get(topic)?.get(id);
      if (entry === undefined) continue;
      const later = newest === undefined || entry.at > newest.at ||
        (entry.at === newest.at && entry.text > newest.text);
      if (later) newest = entry;
    }
    return newest;
  }

  #flush(): void {
    const changes = Array.from(this.#before, ([topic, before]) => [topic, this.#changeOf(topic, before)] as const);
    this.#before.clear();
    for (const [topic, change] of changes) if (change !== undefined) this.#onChange(topic, change);
  }

  #changeOf(topic: string, before: Map<string, Entry<Data> | undefined>): PresenceChange<Data> | undefined {
    const joined: PresenceMember<Data>[] = [];
    const updated: PresenceMember<Data>[] = [];
    const left: string[] = [];
    const members = this.members(topic);
    for (const [id, was] of before) {
      const is = members.get(id);
      if (is === undefined) {
        if (was !== undefined) left.push(id);
      } else if (was?.text !== is.text) (was === undefined ? joined : updated).push({ id, data: is.data });
    }
    return joined.length + updated.length + left.length === 0 ? undefined : { joined, updated, left };
  }
}
