/**
 * Patterns of topics. Only the server's source code can contain wildcards; a string is never a pattern.
 *
 * @module
 */
import { utf8Length } from "../pipeline/bytes/utf8.ts";
import { shown } from "../option_kinds.ts";
import { LimitError, TopicError } from "../errors.ts";

/** Markers for one segment, and for all remaining segments. */
const ONE = Symbol("*");
const REST = Symbol("**");

type Piece = string | typeof ONE | typeof REST;

/** A pattern of topics, made by {@linkcode pattern}. */
export class TopicPattern {
  /** The pattern as text. A literal `*` is written with a backslash. */
  readonly source: string;
  readonly #pieces: readonly Piece[];

  /** Use {@linkcode pattern} instead. */
  private constructor(source: string, pieces: readonly Piece[]) {
    this.source = source;
    this.#pieces = pieces;
  }

  /**
   * Checks whether a topic matches. The time is proportional to the topic's length.
   *
   * @param topic The topic.
   * @returns Whether it matches.
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

  /** Implements {@linkcode pattern}. */
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
        // Inserted values may end with a slash or not. Only the template's own text delimits a wildcard.
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
 * Makes a pattern from a template. `*` matches one segment between slashes, which may be empty; `**` at the end matches all
 * remaining segments, or none. Inserted values are matched literally.
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
 * @param values The inserted values.
 * @returns The pattern.
 * @throws {SyntaxError} If a wildcard is only a part of a segment, or `**` is not at the end.
 */
export function pattern(strings: TemplateStringsArray, ...values: (string | number)[]): TopicPattern {
  return TopicPattern.of(strings, values);
}

/**
 * Checks the name of a topic.
 *
 * @param topic The name.
 * @param max The maximum number of bytes of the name in UTF-8.
 * @returns The error to throw, or `undefined`.
 */
export function topicFault(topic: string, max: number): LimitError | TopicError | undefined {
  if (typeof topic !== "string") throw new TypeError(`Cannot use topic ${shown(topic)}: it must be a string`);
  // A UTF-16 unit takes one to three bytes in UTF-8.
  const actual = 3 * topic.length <= max ? 0 : topic.length > max ? topic.length : utf8Length(topic);
  if (actual > max) {
    const facts = { limit: "maxTopicBytes", max, actual, closeCode: 1008 } as const;
    return new LimitError(`Topic of ${actual} bytes or more is over maxTopicBytes ${max}`, facts);
  }
  // Brokers use UTF-8, in which all lone surrogates become the same character.
  return topic.isWellFormed() ? undefined : new TopicError("Topic is not well-formed Unicode", topic);
}
