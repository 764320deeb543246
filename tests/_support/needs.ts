/**
 * What some tests need and not every machine has: a test that is ignored says in its title why.
 *
 * @module
 */

/** A test's title, and whether it is ignored: it is where `missing` says what is not here. */
export function unless(missing: string | undefined, title: string): { name: string; ignore: boolean } {
  return { name: missing === undefined ? title : `${title} (ignored: ${missing})`, ignore: missing !== undefined };
}

/** What is missing where there is no program at `path`. */
export function withoutProgram(path: string): string | undefined {
  try {
    Deno.statSync(path);
  } catch {
    return `${path} is not installed`;
  }
}

/** What is missing on Windows. */
export const NO_UNIX_SOCKETS: string | undefined = Deno.build.os === "windows"
  ? "Deno has no Unix sockets on Windows"
  : undefined;
