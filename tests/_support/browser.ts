/**
 * `deno task browser`: builds `lib/browser/sluice.js`, which a page loads by its URL, from `lib/browser/mod.ts`. It is committed, so that
 * a page needs no build; a test compares it with the source.
 *
 * @module
 */
import { runDeno } from "./child.ts";

const FOLDER = new URL("../../lib/browser/", import.meta.url);

/** The built file, which is committed. */
export const BUILT: URL = new URL("sluice.js", FOLDER);

const HEAD =
  `// Sluice for browsers: WebSockets that reconnect and catch up, and typed messages, one file without dependencies. MIT license.
// Built from lib/browser/mod.ts by \`deno task browser\`: do not edit.
`;

/** Builds the file, and returns its text. */
export async function buildForBrowsers(): Promise<string> {
  const { pathname } = new URL("mod.ts", FOLDER);
  return HEAD +
    await runDeno(["bundle", "--quiet", "--no-lock", "--platform", "browser", "--minify", "--keep-names", pathname]);
}

if (import.meta.main) await Deno.writeTextFile(BUILT, await buildForBrowsers());
