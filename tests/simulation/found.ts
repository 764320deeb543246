/**
 * Plans that have violated an invariant once, cut to what matters: files that the suite runs from then on.
 *
 * @module
 */
import type { Invariant, Violation } from "./invariants.ts";
import type { Plan } from "./plan.ts";

/** What a file holds. */
export interface Found {
  /** What was wrong, in a sentence. */
  readonly fault: string;
  readonly invariant: Invariant;
  readonly plan: Plan;
  /** What happened, line by line, for a person to read. */
  readonly trace: readonly string[];
}

const FOLDER = new URL("found/", import.meta.url);

/** Writes a file, and says where. */
export function writeFound(
  name: string,
  { invariant, detail }: Violation,
  plan: Plan,
  trace: readonly string[],
): string {
  const found: Found = { fault: detail, invariant, plan, trace };
  const url = new URL(`${name}.json`, FOLDER);
  Deno.mkdirSync(FOLDER, { recursive: true });
  Deno.writeTextFileSync(url, `${JSON.stringify(found, null, 1)}\n`);
  return url.pathname;
}

/** Reads all files, by their names. */
export function readFound(): Map<string, Found> {
  const names = Array.from(Deno.readDirSync(FOLDER), ({ name }) => name).filter((name) => name.endsWith(".json"))
    .toSorted();
  return new Map(names.map((name) => [name, JSON.parse(Deno.readTextFileSync(new URL(name, FOLDER)))]));
}
