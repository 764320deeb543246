/**
 * What one end says to the other: messages that say themselves who sent them and which they are, so that whoever reads one knows
 * whether it is the right one.
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
    this.said.push({ kind, size: this.#named ? Math.max(size, 0) : size, sure });
    return this.content(this.said.length - 1);
  }

  /** A message again. */
  content(number: number): Message {
    return contentOf(this.name, number, this.said[number]!);
  }
}

/** Checks what one end reads of others. */
export class Listening {
  readonly #world: World;
  readonly #name: string;
  /** Whom it may hear, by name, with the number of the message that comes next. */
  readonly #next = new Map<Talk, number>();
  readonly #byName = new Map<string, Talk>();
  /** Messages that were read. */
  count = 0;

  constructor(world: World, name: string) {
    this.#world = world;
    this.#name = name;
  }

  /** Says whom it may hear. Of one who is heard `lossily` messages may be missing. */
  hears(talk: Talk): void {
    if (!this.#next.has(talk)) this.#next.set(talk, 0);
    this.#byName.set(talk.name, talk);
  }

  /** How many of somebody's messages it has read, or passed over. */
  heard(talk: Talk): number {
    return this.#next.get(talk) ?? 0;
  }

  /** Takes a message of the only one whom it hears: the next one, whole. */
  takeNext(message: Message): void {
    this.count++;
    for (const [talk, next] of this.#next) {
      let at = next;
      // What was said while the connection was closing may be missing.
      while (at < talk.said.length && !talk.said[at]!.sure && !isSame(message, talk.content(at))) at++;
      this.#next.set(talk, at + 1);
      if (at < talk.said.length && isSame(message, talk.content(at))) return;
      const expected = at < talk.said.length ? describe(talk.content(at)) : "nothing";
      const foreign = nameOf(message);
      const other = foreign !== undefined && foreign.name !== talk.name;
      this.#world.fail(
        other ? "apart" : "whole",
        `${this.#name} reads ${describe(message)}, expected ${expected} as number ${at}`,
      );
    }
  }

  /** Takes a message of one of those whom it hears, as its name says. Some may be missing where `lossy`. */
  takeNamed(message: Message, lossy: boolean): Talk | undefined {
    this.count++;
    const named = nameOf(message);
    const talk = named === undefined ? undefined : this.#byName.get(named.name);
    if (named === undefined || talk === undefined) {
      this.#world.fail("apart", `${this.#name} reads ${describe(message)}, which is of nobody it hears`);
      return undefined;
    }
    const next = this.heard(talk);
    const right = named.number < talk.said.length && isSame(message, talk.content(named.number));
    this.#world.must(right, "whole", () => `${this.#name} reads ${describe(message)}, which was never said`);
    const inOrder = lossy ? named.number >= next : named.number === next;
    this.#world.must(inOrder, "whole", () => `${this.#name} reads ${describe(message)}, expected number ${next}`);
    this.#next.set(talk, named.number + 1);
    return talk;
  }
}

/** The name and the number in a message. */
function nameOf(message: Message): { name: string; number: number } | undefined {
  const head = typeof message === "string" ? message.slice(0, 40) : String.fromCharCode(...message.subarray(0, 40));
  const [, name, number] = /^([\w./]+)#(\d+)\|/.exec(head) ?? [];
  return name === undefined ? undefined : { name, number: Number(number) };
}

function isSame(one: Message, other: Message): boolean {
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
