/**
 * What the tests of the standalone server share: the program as a user runs it, folders, and a log to look at.
 *
 * @module
 */
import { createLog, type Log } from "../../lib/standalone/log.ts";
import { type Child, deno, denoOutput } from "../_support/child.ts";

/** Deno's own words, up to the program. */
export const SERVE: readonly string[] = ["run", "--no-prompt", "--allow-net=127.0.0.1", "lib/standalone/main.ts"];

/** Starts the server on a free port; `read` is what it may read. */
export async function serving(
  args: readonly string[],
  { allow = [], level = "error" }: { allow?: readonly string[]; level?: string } = {},
): Promise<{ child: Child; url: string }> {
  const child = deno(...SERVE.toSpliced(3, 0, ...allow), "--port", "0", "--log-level", level, ...args);
  const [, url] = await child.said(/^Open (\S+)/);
  return { child, url: url! };
}

/** Runs the program to its end. */
export function refused(
  args: readonly string[],
  allow: readonly string[] = [],
): Promise<{ code: number; stdout: string; stderr: string }> {
  return denoOutput(...SERVE.toSpliced(3, 0, ...allow), "--port", "0", ...args);
}

/** A log, and the lines that it wrote, without their times. */
export function logged(): { log: Log; lines: string[] } {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line.trimEnd().replace(/^time=\S+ /, ""));
  return { log: createLog({ write }, "debug"), lines };
}
