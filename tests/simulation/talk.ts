/**
 * The messages of two ends. Each carries its sender and its number, so that its reader can check that it is the right one.
 *
 * @module
 */
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { World } from "./world.ts";

/** Text of one, two, three and four bytes a character. */
const FILL = "aé€𐍈z\0\u{ffff}".repeat(40_000);
const BYTES = Uint8Array.from({ length: 300_000 }, (_, i) => i * 31 + (i >> 8));
const UTF8 = new TextEncoder();

/** A message by its description. */
export interface Said {
  readonly kind: "text" | "binary";
  readonly size: number;
  /** Whether it certainly went out: one that was said while the connection was closing may not have. */
  readonly sure: boolean;
}

/** The content of a message. One of a size below 0 has no name in it: it is empty, or one character less than that short. */
export function contentOf(name: string, number: number, { kind, size }: Pick<Said, "kind" | "size">): Message {
  const head = size < 0 ? "" : `${name}#${number}|`;
  const length = size < 0 ? -1 - size : size;
  if (kind === "text") return head + wellFormed(FILL.slice(0, length));
  const bytes = new Uint8Array(head.length + length);
  UTF8.encodeInto(head, bytes);
  bytes.set(BYTES.subarray(0, length), head.length);
  return bytes;
}

/** A cut may be in the middle of a character of two units: that one goes. */
function wellFormed(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last < 0xdc00 ? text.slice(0, -1) : text;
}

/** Everything that one end says. */
export class Talk {
  readonly name: string;
  readonly said: Said[] = [];
  /** At least the bytes of the largest message, and of all of them. */
  largest = 0;
  bytes = 0;
  readonly #named: boolean;

  /**
   * @param name The speaker's name.
   * @param named Whether every message has it in it: where several are heard, or some may be missing.
   */
  constructor(name: string, named = false) {
    this.name = name;
    this.#named = named;
  }

  /** Makes the next message. */
  say(kind: "text" | "binary", size: number, sure = true): Message {
    const bytes = 40 + (kind === "text" ? 3 : 1) * Math.max(size, 0);
    this.largest = Math.max(this.largest, bytes);
    this.bytes += bytes;
    this.said.push({ kind, size: this.#named ? Math.max(size, 0) : size, sure });
    return this.content(this.said.length - 1);
  }

  /** A message again. */
  content(number: number): Message {
    return contentOf(this.name, number, this.said[number]!);
  }
}

/** How a sender's messages are received. */
interface Hearing {
  /** The number of the message that comes next. */
  next: number;
  /** Whether messages may be missing. */
  readonly lossy: boolean;
  /** Whether it may begin with any message: what was said before was for others. */
  joins: boolean;
}

/** Checks what one end reads of others. */
export class Listening {
  readonly #world: World;
  readonly #name: string;
  readonly #heard = new Map<Talk, Hearing>();
  readonly #byName = new Map<string, Talk>();
  /** Messages that were read. */
  count = 0;

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
  }

  /** Sets the senders from which it receives from now on. */
  hears(talk: Talk, { lossy = false, joins = false } = {}): void {
    const before = this.#heard.get(talk);
    // Who joins again may still have messages of the first time under way.
    this.#heard.set(talk, { next: before?.next ?? 0, lossy: lossy || before !== undefined, joins });
    this.#byName.set(talk.name, talk);
  }

  /** At least the bytes of the largest message that it may hear. */
  get largest(): number {
    let largest = 0;
    for (const { largest: one } of this.#heard.keys()) largest = Math.max(largest, one);
    return largest;
  }

  /** At least the bytes of all messages that it may hear. */
  get bytes(): number {
    let bytes = 0;
    for (const talk of this.#heard.keys()) bytes += talk.bytes;
    return bytes;
  }

  /** How many messages of a sender it has read or skipped. */
  heard(talk: Talk): number {
    return this.#heard.get(talk)?.next ?? 0;
  }

  /** Takes a message of the only sender: the next one, whole. */
  takeNext(message: Message): void {
    this.count++;
    for (const [talk, hearing] of this.#heard) {
      let at = hearing.next;
      // What was said while the connection was closing may be missing.
      while (at < talk.said.length && !talk.said[at]!.sure && !isSame(message, talk.content(at))) at++;
      hearing.next = at + 1;
      if (at < talk.said.length && isSame(message, talk.content(at))) return;
      const expected = at < talk.said.length ? describe(talk.content(at)) : "nothing";
      const foreign = nameOf(message);
      const other = foreign !== undefined && foreign.name !== talk.name;
      this.#fail(other ? "apart" : "whole", `reads ${describe(message)}, expected ${expected} as number ${at}`);
    }
  }

  /** Takes a message of one of several senders, named in the message. */
  takeNamed(message: Message): void {
    this.count++;
    const named = nameOf(message);
    const talk = named === undefined ? undefined : this.#byName.get(named.name);
    const hearing = talk === undefined ? undefined : this.#heard.get(talk);
    if (named === undefined || talk === undefined || hearing === undefined) {
      return this.#fail("apart", `reads ${describe(message)}, which is of nobody it hears`);
    }
    const right = named.number < talk.said.length && isSame(message, talk.content(named.number));
    if (!right) this.#fail("whole", `reads ${describe(message)}, which was never said`);
    const skipped = talk.said.slice(hearing.next, named.number);
    const mayMiss = hearing.lossy || hearing.joins || skipped.every(({ sure }) => !sure);
    const inOrder = named.number === hearing.next || (named.number > hearing.next && mayMiss);
    if (!inOrder) this.#fail("whole", `reads ${describe(message)}, expected number ${hearing.next}`);
    hearing.next = named.number + 1;
    hearing.joins = false;
  }

  #fail(invariant: "apart" | "whole", detail: string): void {
    this.#world.fail(invariant, `${this.#name} ${detail}`);
  }
}

/** A message in chunks of these sizes; the first one has what its name adds. */
export function inChunks(whole: Message, sizes: readonly number[]): Message[] {
  const rest = whole.length - sizes.reduce((sum, size) => sum + size, 0);
  let at = 0;
  return sizes.map((size, i) => {
    const from = at;
    at = i === sizes.length - 1 ? whole.length : Math.min(at + size + (i === 0 ? rest : 0), whole.length);
    return typeof whole === "string" ? whole.slice(from, at) : whole.subarray(from, at);
  });
}

/** The name and the number in a message. */
function nameOf(message: Message): { name: string; number: number } | undefined {
  const head = typeof message === "string" ? message.slice(0, 40) : String.fromCharCode(...message.subarray(0, 40));
  const [, name, number] = /^([\w./]+)#(\d+)\|/.exec(head) ?? [];
  return name === undefined ? undefined : { name, number: Number(number) };
}

/** Whether two messages are the same. */
export function isSame(one: Message, other: Message): boolean {
  if (typeof one === "string" || typeof other === "string") return one === other;
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (one[i] !== other[i]) return false;
  return true;
}

/** A message for a person to read. */
export function describe(message: Message): string {
  const { name, number } = nameOf(message) ?? { name: "?", number: "?" };
  const kind = typeof message === "string" ? "text" : "binary";
  return `${kind} ${name}#${number} of ${message.length}`;
}
