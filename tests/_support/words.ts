/**
 * Words that pages and comments avoid, and what to write instead. It is a short list, not a style guide: each entry stood in the
 * first version dozens of times, and made readers stop.
 *
 * @module
 */

/** What to avoid, and what to write. */
export const AVOIDED: readonly (readonly [avoid: RegExp, write: string])[] = [
  [/\b(?:whoever|whomever|whom)\b/i, "the client, a slow reader, a peer that …"],
  [/\b(?:nobody|somebody)(?:'s)?\b/i, "no client, another program, no other code"],
  [/\b(?:is|are|be|being) told\b/i, "what happens: gets, receives, is closed with, is called with"],
  // Keys of tests/README.md: pages and comments have the sentence instead.
  [/\((?:[AFHTDX]\d{1,2}(?:, )?)+\)/, "the sentence that the key stands for"],
];

/** The text of a page or a source file without its programs: of TypeScript the comments and the strings count too. */
export function* avoidedIn(text: string): Generator<[line: number, found: string, write: string]> {
  for (const [i, line] of text.split("\n").entries()) {
    for (const [avoid, write] of AVOIDED) {
      const found = avoid.exec(line);
      if (found !== null) yield [i + 1, found[0], write];
    }
  }
}
