/**
 * Checks the pages of a log, so that a mistake of the log does not look like a complete topic.
 *
 * @module
 */
import type { LogPage } from "./log.ts";

/**
 * Returns what is wrong with a page, if anything.
 *
 * @param page The page.
 * @param after The number after which it was read; `Infinity` for a page without messages.
 * @returns The fault in words, or `undefined`.
 */
export function pageFault({ head, from, entries }: LogPage, after: number): string | undefined {
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined) {
    return head <= Math.max(after, from)
      ? undefined
      : `no message after ${Math.max(after, from)}, but the last one is ${head}`;
  }
  if (first.offset <= after) return `message ${first.offset}, which is not after ${after}`;
  if (last.offset > head) return `message ${last.offset}, but the last one is ${head}`;
  if (from <= after && first.previous > after) {
    return `message ${first.offset} without the previous one, ${first.previous}`;
  }
  for (let i = 1; i < entries.length; i++) {
    const [{ offset: before }, { offset, previous }] = [entries[i - 1]!, entries[i]!];
    if (offset <= before) return `message ${offset} after ${before}`;
    if (previous !== before) return `message ${offset} without the previous one, ${previous}`;
  }
  return undefined;
}
