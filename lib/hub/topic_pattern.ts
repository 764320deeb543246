/**
 * Wildcards. They are written in the server's source and nowhere else: no string is ever one, wherever it comes from.
 *
 * @module
 */
import { utf8Length } from "../pipeline/bytes/utf8.ts";
import { shown } from "../option_kinds.ts";
import { LimitError, TopicError } from "../errors.ts";

/** Any one segment; all the rest. */
const ONE = Symbol("*");
const REST = Symbol("**");

type Piece = string | typeof ONE | typeof REST;

/** The topics that a subscription is for. {@linkcode pattern} makes it. */
export class TopicPattern {
  /** How it is written; a character that is no wildcard though it looks like one has a backslash before it. */
  readonly source: string;
  readonly #pieces: readonly Piece[];

  /** Only {@linkcode pattern} makes one. */
  private constructor(source: string, pieces: readonly Piece[]) {
    this.source = source;
    this.#pieces = pieces;
  }

  /**
   * Whether a topic is one of them. It takes time in proportion to the topic's length.
   *
   * @param topic The topic.
   * @returns Whether it is.
   */
  matches(topic: string): boolean {
    let at = 0;
    for (const piece of this.#pieces) {
      if (piece === REST) return true;
      if (piece === ONE) {
        const end = topic.indexOf("/", at);
        at = end === -1 ? topic.length : end;
      } else {
        if (!topic.startsWith(piece, at)) return false;
        at += piece.length;
      }
    }
    return at === topic.length;
  }

  /** What {@linkcode pattern} does. */
  static of(strings: TemplateStringsArray, values: readonly (string | number)[]): TopicPattern {
    const pieces: Piece[] = [];
    let source = "";
    const literal = (text: string) => {
      source += text.replaceAll(/[\\*]/g, "\\$&");
      const last = pieces.at(-1);
      if (typeof last === "string") pieces[pieces.length - 1] = last + text;
      else if (text !== "") pieces.push(text);
    };
    strings.forEach((written, index) => {
      const segments = written.split("/");
      segments.forEach((segment, at) => {
        if (at > 0) literal("/");
        if (!segment.includes("*")) return literal(segment);
        const last = index === strings.length - 1 && at === segments.length - 1;
        // What is put in may end with a slash or not: a wildcard's ends are those of the template's own text.
        const whole = (at > 0 || index === 0) && (at < segments.length - 1 || last);
        if (!whole || !(segment === "*" || (segment === "**" && last))) {
          throw new SyntaxError(
            `Cannot use "${written}": * stands for a whole segment, and ** for all the rest at the end`,
          );
        }
        pieces.push(segment === "*" ? ONE : REST);
        source += segment;
      });
      if (index < values.length) literal(String(values[index]));
    });
    return new TopicPattern(source, pieces);
  }
}

/**
 * Makes a pattern: in the template `*` stands for one segment between slashes, also an empty one, and `**` at the end for all the
 * rest, also nothing. What is put in is taken as it is, character by character.
 *
 * @example A wildcard beside what a client may have chosen
 * ```ts
 * import { pattern } from "@sluice/websocket/hub";
 * import { assert } from "@std/assert";
 *
 * const user = "*"; // a name that a client gave
 * const orders = pattern`users/${user}/orders/*`;
 * assert(orders.matches("users/*\/orders/7"));
 * assert(!orders.matches("users/ada/orders/7"));
 * ```
 *
 * @param strings The template's own text.
 * @param values What is put in.
 * @returns The pattern.
 * @throws {SyntaxError} If a wildcard is only a part of a segment, or `**` is not at the end.
 */
export function pattern(strings: TemplateStringsArray, ...values: (string | number)[]): TopicPattern {
  return TopicPattern.of(strings, values);
}

/**
 * What is wrong with a topic's name.
 *
 * @param topic The name.
 * @param max The most bytes of it in UTF-8.
 * @returns The error to throw, or `undefined`.
 */
export function topicFault(topic: string, max: number): LimitError | TopicError | undefined {
  if (typeof topic !== "string") throw new TypeError(`Cannot use topic ${shown(topic)}: it must be a string`);
  // UTF-8 takes one to three bytes for each UTF-16 unit.
  const actual = 3 * topic.length <= max ? 0 : topic.length > max ? topic.length : utf8Length(topic);
  if (actual > max) {
    const facts = { limit: "maxTopicBytes", max, actual, closeCode: 1008 } as const;
    return new LimitError(`Topic of ${actual} bytes or more is over maxTopicBytes ${max}`, facts);
  }
  // In UTF-8, which brokers speak, all lone surrogates are the same character.
  return topic.isWellFormed() ? undefined : new TopicError("Topic is not well-formed Unicode", topic);
}
