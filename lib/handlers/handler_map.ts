/**
 * The map file: aliases of resources.
 *
 * ```text
 * # alias   existing
 * /         /console/echo
 * /old      /example/chat
 * ```
 *
 * @module
 */

/** An alias of a resource. */
export interface HandlerAlias {
  /** The new name. */
  readonly alias: string;
  /** The name of a handler, or an alias before it. */
  readonly existing: string;
}

/** The aliases of a map file, and its invalid lines. */
export interface HandlerMap {
  /** The aliases in order. */
  readonly aliases: readonly HandlerAlias[];
  /** A message for each invalid line. */
  readonly faults: readonly string[];
}

/**
 * Parses a map file. Each line has an alias and an existing resource name, separated by spaces. `#`, which no resource name
 * contains, starts a comment.
 *
 * @example Two aliases and an invalid line
 * ```ts
 * import { parseHandlerMap } from "@sluice/websocket/handlers";
 * import { assertEquals } from "@std/assert";
 *
 * const { aliases, faults } = parseHandlerMap("/ /console/echo\n/old /chat # until spring\n/what\n");
 * assertEquals(aliases, [{ alias: "/", existing: "/console/echo" }, { alias: "/old", existing: "/chat" }]);
 * assertEquals(faults.length, 1);
 * ```
 *
 * @param text The file's text.
 * @returns The aliases, and a message for each invalid line.
 */
export function parseHandlerMap(text: string): HandlerMap {
  const aliases: HandlerAlias[] = [];
  const faults: string[] = [];
  text.split("\n").forEach((line, index) => {
    const content = line.split("#", 1)[0]!.trim();
    if (content === "") return;
    const [alias, existing, ...more] = content.split(/\s+/);
    if (alias === undefined || existing === undefined || more.length > 0) {
      faults.push(`Line ${index + 1} is skipped: it must be an alias and a resource name, not "${content}"`);
    } else {
      aliases.push({ alias, existing });
    }
  });
  return { aliases, faults };
}
