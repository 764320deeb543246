/**
 * What the command lines of the server and the client share: tables of options for the parser and the help, and the error that
 * ends a program with one line.
 *
 * @module
 */
import { parseArgs } from "node:util";

/** The program cannot start. The message is one line. */
export class StartError extends Error {
  /** The exit code of the process: 1 if it cannot listen or connect, 2 for an invalid option. */
  readonly exitCode: 1 | 2;

  /**
   * Makes the error.
   *
   * @param message The reason.
   * @param exitCode The exit code of the process.
   */
  constructor(message: string, exitCode: 1 | 2) {
    super(message.replaceAll("\n", " "));
    this.exitCode = exitCode;
  }
}

/** One option. */
export interface OptionSpec<Value> {
  /** The name of the value in the help. A flag has none. */
  readonly placeholder?: string;
  /** A short name of one letter. */
  readonly short?: string;
  /** What the option does. */
  readonly help: string;
  /**
   * Parses the value.
   *
   * @param text The text; `true` or `false` for a flag.
   * @param before The value so far, for an option that may be repeated.
   * @throws {RangeError | TypeError} If the value is invalid. The message ends with the reason.
   */
  read(text: string, before?: Value): Value;
}

/** Options by their names in camel case. */
export type OptionSpecs<Options> = { readonly [Name in keyof Options]: OptionSpec<Options[Name]> };

/** A parsed command line. */
export interface Words<Name extends string> {
  /** Each option that was given, with its value, in order. */
  readonly given: readonly (readonly [name: Name, text: string])[];
  /** The words that are not options. */
  readonly positionals: readonly string[];
}

/** Options of the parser. */
export interface WordsOptions {
  /** Whether `--no-deflate` turns `--deflate` off. */
  readonly allowNegative?: boolean;
  /** Whether words that are not options are allowed. */
  readonly allowPositionals?: boolean;
}

/**
 * Parses the words of a command line.
 *
 * @param args The words.
 * @param specs All options. An option's name on the command line is its name here in kebab case.
 * @param options What else is allowed.
 * @returns The parsed command line.
 * @throws {StartError} With exit code 2, if an option is unknown, has no value or an invalid one.
 */
export function readWords<Name extends string>(
  args: readonly string[],
  specs: Readonly<Record<Name, OptionSpec<unknown>>>,
  options: WordsOptions = {},
): Words<Name> {
  const isName = (name: string): name is Name => Object.hasOwn(specs, name);
  const names = new Map(Object.keys(specs).filter(isName).map((name) => [kebabCase(name), name]));
  const config = Object.fromEntries(Array.from(names, ([written, name]) => {
    const { placeholder, short } = specs[name];
    const type = placeholder === undefined ? "boolean" as const : "string" as const;
    return [written, short === undefined ? { type } : { type, short }];
  }));
  try {
    const { tokens } = parseArgs({ ...options, args: [...args], options: config, tokens: true });
    return {
      given: tokens.flatMap((token) => {
        if (token.kind !== "option") return [];
        const name = names.get(token.name);
        // A name that is not in the table was negated with `no-`.
        if (name === undefined) return [[names.get(token.name.slice("no-".length))!, "false"]];
        return [[name, token.value ?? "true"]];
      }),
      positionals: tokens.flatMap((token) => token.kind === "positional" ? [token.value] : []),
    };
  } catch (error) {
    // Everything after the first sentence is advice about dashes.
    throw new StartError(String(error instanceof Error ? error.message : error).split(/\. |\.?\n/, 1)[0]!, 2);
  }
}

/**
 * Parses the value of one option.
 *
 * @param spec The option.
 * @param text The text.
 * @param options The option's name for the message, and its value so far.
 * @returns The value.
 * @throws {StartError} With exit code 2, if the value is invalid.
 */
export function readValue<Value>(
  spec: OptionSpec<Value>,
  text: string,
  { written, before }: { written: string; before: Value },
): Value {
  try {
    return spec.read(text, before);
  } catch (error) {
    throw new StartError(`Cannot use ${written}: ${reasonOf(error, text)}`, 2);
  }
}

/**
 * Passes a path from an option to `use`.
 *
 * @param option The option's name on the command line.
 * @param path Its value.
 * @param use Uses the path.
 * @returns The result of `use`.
 * @throws {StartError} With exit code 2, if the path does not exist, is of the wrong kind, or Deno may not access it.
 */
export async function named<T>(option: string, path: string, use: (path: string) => T | Promise<T>): Promise<T> {
  try {
    return await use(path);
  } catch (error) {
    throw new StartError(`Cannot use --${option} ${path}: ${reasonOf(error, path)}`, 2);
  }
}

function reasonOf(error: unknown, path: string): string {
  if (error instanceof Deno.errors.NotFound) return "it does not exist";
  if (error instanceof Deno.errors.NotCapable) {
    const access = error.message.includes("write") ? "write" : "read";
    return `Deno needs --allow-${access}=${path} for that`;
  }
  if (!(error instanceof Error)) return String(error);
  // The library's own messages say "Cannot use X: it must be Y".
  return error instanceof RangeError || error instanceof TypeError ? error.message.split(": ").at(-1)! : error.message;
}

/** Returns an option's name on the command line, without its dashes: `max-message-bytes` for `maxMessageBytes`. */
export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** An option whose value is any text that is not empty. */
export function text(placeholder: string, help: string): OptionSpec<string | undefined> {
  return { placeholder, help, read: readText };
}

/** A flag. */
export function flag(help: string): OptionSpec<boolean> {
  return { help, read: (text) => text === "true" };
}

/** Parses digits or `Infinity`. `Number` alone would also accept hexadecimal digits, exponents and an empty text. */
export function readNumber(text: string): number {
  return /^\d+$/.test(text) || text === "Infinity" ? Number(text) : NaN;
}

/** Accepts any text that is not empty. */
export function readText(text: string): string {
  if (text === "") throw new RangeError("it must not be empty");
  return text;
}

/**
 * Returns the help's line for an option: its names, its purpose, and its default in parentheses. `width` is the width of the
 * names.
 */
export function helpLine(name: string, spec: OptionSpec<unknown>, { initial, width }: HelpLineOptions): string {
  const short = spec.short === undefined ? "" : `-${spec.short}, `;
  const names = `${short}--${kebabCase(name)}${spec.placeholder === undefined ? "" : ` ${spec.placeholder}`}`;
  const shown = String(initial ?? false);
  return `  ${names.padEnd(width)}  ${spec.help}${shown === "" || shown === "false" ? "" : ` (${shown})`}\n`;
}

/** Further values that a line of the help needs. */
export interface HelpLineOptions {
  /** The default of the option. */
  readonly initial: unknown;
  /** The width of the column of names. */
  readonly width: number;
}

/** Writes text to standard output, standard error or a file, synchronously and completely. */
export function print(target: SyncWriter, text: string): void {
  writeAll(target, new TextEncoder().encode(text));
}

/** Writes bytes, synchronously and completely. */
export function writeAll(target: SyncWriter, bytes: Uint8Array): void {
  while (bytes.length > 0) bytes = bytes.subarray(target.writeSync(bytes));
}

/** A synchronous output such as `Deno.stdout`. It may write only some of the bytes. */
export interface SyncWriter {
  /** Writes some of `bytes`. Returns the number written. */
  writeSync(bytes: Uint8Array): number;
}
