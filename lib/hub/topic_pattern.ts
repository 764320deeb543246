/**
 * Wildcards. They are written in the server's source and nowhere else: no string is ever one, wherever it comes from.
 *
 * @module
 */

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
