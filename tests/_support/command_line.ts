/**
 * The programs of this folder that a person starts: their options, what they print and their exit codes.
 *
 * @module
 */
import { parseArgs, type ParseArgsConfig } from "node:util";

/** A mistake on the command line. */
export class UsageError extends Error {}

/** Reads options as `parseArgs` does. */
export function readOptions<Config extends ParseArgsConfig>(
  config: Config,
): ReturnType<typeof parseArgs<Config>>["values"] {
  try {
    return parseArgs(config).values;
  } catch (error) {
    // What follows the first sentence is advice about dashes.
    throw new UsageError(error instanceof Error ? error.message.split(". ")[0] : String(error));
  }
}

/** An option's value as a number above 0. */
export function readPositive(option: string, text: string): number {
  if (!(Number(text) > 0)) throw new UsageError(`--${option} ${text} is not a number above 0`);
  return Number(text);
}

/** An option's value as a whole number of at least `least`. */
export function readWhole(option: string, text: string, least = 0): number {
  if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
  throw new UsageError(`--${option} ${text} is not a whole number${least === 0 ? "" : ` of at least ${least}`}`);
}

/** A program that a person starts. */
export interface Program {
  readonly name: string;
  /** What `--help` prints. */
  readonly usage: string;
  /** Runs it with the command line, and returns the exit code. */
  run(args: string[]): number | Promise<number>;
}

/** Runs a program, and returns its exit code: 2 if its command line is wrong, which one line on standard error explains. */
export async function runProgram({ name, usage, run }: Program): Promise<number> {
  if (Deno.args.includes("--help")) {
    print(usage);
    return 0;
  }
  try {
    return await run(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    Deno.stderr.writeSync(new TextEncoder().encode(`${name}: ${error.message} (--help shows the options)\n`));
    return 2;
  }
}

/** Writes text to standard output. */
export function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}
