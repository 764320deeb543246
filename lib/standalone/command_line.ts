/**
 * What the command lines of the server and of the client share: options as tables, which the reader and the help use, and the
 * error that ends a program with one line.
 *
 * @module
 */
import { parseArgs } from "node:util";

/** The program does not start. The message is one line. */
export class StartError extends Error {
  /** What the process ends with: 1 if it cannot listen or connect, 2 for a mistake in the options. */
  readonly exitCode: 1 | 2;

  /**
   * Makes the error.
   *
   * @param message What is wrong.
   * @param exitCode What the process ends with.
   */
  constructor(message: string, exitCode: 1 | 2) {
    super(message.replaceAll("\n", " "));
    this.exitCode = exitCode;
  }
}

/** One option. */
export interface OptionSpec<Value> {
  /** What stands for the value in the help. A flag has none. */
  readonly placeholder?: string;
  /** Its other name, of one letter. */
  readonly short?: string;
  /** What it does. */
  readonly help: string;
  /**
   * Reads what was given.
   *
   * @param text What was given; `true` or `false` for a flag.
   * @param before What the option is so far, for one that may be given again.
   * @throws {RangeError | TypeError} If it is no value; the message ends with the reason.
   */
  read(text: string, before?: Value): Value;
}

/** Options by their names in camel case. */
export type OptionSpecs<Options> = { readonly [Name in keyof Options]: OptionSpec<Options[Name]> };

/** What a command line says. */
export interface Words<Name extends string> {
  /** Each option that was given, with its value, in order. */
  readonly given: readonly (readonly [name: Name, text: string])[];
  /** The words that are no options. */
  readonly positionals: readonly string[];
}

/** How words are read. */
export interface WordsOptions {
  /** Whether `--no-deflate` turns `--deflate` off. */
  readonly allowNegative?: boolean;
  /** Whether there are words that are no options. */
  readonly allowPositionals?: boolean;
}

/**
 * Reads the words of a command line.
 *
 * @param args The words.
 * @param specs Every option. Its name in camel case is its name on the command line in kebab case.
 * @param options What besides is allowed.
 * @returns What they say.
 * @throws {StartError} With exit code 2, if an option is unknown, or lacks its value, or has one that it cannot have.
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
        // What is not there by its name was turned off: `no-` is in front of it.
        if (name === undefined) return [[names.get(token.name.slice("no-".length))!, "false"]];
        return [[name, token.value ?? "true"]];
      }),
      positionals: tokens.flatMap((token) => token.kind === "positional" ? [token.value] : []),
    };
  } catch (error) {
    // What follows the first sentence is advice about dashes.
    throw new StartError(String(error instanceof Error ? error.message : error).split(/\. |\.?\n/, 1)[0]!, 2);
  }
}

/**
 * Reads one option's value.
 *
 * @param spec The option.
 * @param text What was given.
 * @param options What the message calls it, and what the option is so far.
 * @returns The value.
 * @throws {StartError} With exit code 2, if it is no value.
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
 * Does something with a path that an option names.
 *
 * @param option The option's name on the command line.
 * @param path Its value.
 * @param use What is done.
 * @returns What that returns.
 * @throws {StartError} With exit code 2, if the path is not there, or is not what it should be, or Deno may not touch it.
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

/** An option's name on the command line, without its dashes: `max-message-bytes` for `maxMessageBytes`. */
export function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** An option whose value is any text but none. */
export function text(placeholder: string, help: string): OptionSpec<string | undefined> {
  return { placeholder, help, read: readText };
}

/** An option that is there or not. */
export function flag(help: string): OptionSpec<boolean> {
  return { help, read: (text) => text === "true" };
}

/** Digits, or `Infinity`: `Number` alone takes hexadecimal digits, exponents and nothing at all. */
export function readNumber(text: string): number {
  return /^\d+$/.test(text) || text === "Infinity" ? Number(text) : NaN;
}

/** Any text but none. */
export function readText(text: string): string {
  if (text === "") throw new RangeError("it must not be empty");
  return text;
}

/** The help's line for an option: its names, what it does, and its default in parentheses. `width` is that of the names. */
export function helpLine(name: string, spec: OptionSpec<unknown>, { initial, width }: HelpLineOptions): string {
  const short = spec.short === undefined ? "" : `-${spec.short}, `;
  const names = `${short}--${kebabCase(name)}${spec.placeholder === undefined ? "" : ` ${spec.placeholder}`}`;
  const shown = String(initial ?? false);
  return `  ${names.padEnd(width)}  ${spec.help}${shown === "" || shown === "false" ? "" : ` (${shown})`}\n`;
}

/** What a line of the help needs besides. */
export interface HelpLineOptions {
  /** What the option is where it is not given. */
  readonly initial: unknown;
  /** The width of the column of names. */
  readonly width: number;
}

/** Writes text to standard output, standard error or a file, at once and all of it. */
export function print(target: SyncWriter, text: string): void {
  writeAll(target, new TextEncoder().encode(text));
}

/** Writes bytes, at once and all of them. */
export function writeAll(target: SyncWriter, bytes: Uint8Array): void {
  while (bytes.length > 0) bytes = bytes.subarray(target.writeSync(bytes));
}

/** What is written at once, as `Deno.stdout` is; it may take some of the bytes. */
export interface SyncWriter {
  /** Writes some of `bytes`: the number written. */
  writeSync(bytes: Uint8Array): number;
}
