/**
 * What the name of a topic may be: any Unicode text of a bounded length, taken as it is.
 *
 * @module
 */
import { shown } from "../option_kinds.ts";
import { LimitError, TopicError } from "../errors.ts";

/**
 * What is wrong with a topic's name (A8).
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

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
