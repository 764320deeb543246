/**
 * Reads the options: from the command line, and below it from the configuration file.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { DEFAULT_OPTIONS, isOption, kebabCase, OPTIONS, type Options } from "./options.ts";

/** The server does not start. The message is one line. */
export class StartError extends Error {
  /** What the process ends with: 1 if it cannot listen, 2 for a mistake in the options. */
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

/**
 * Reads the options.
 *
 * @param args The command line's words.
 * @returns All options, those that were not given with their defaults.
 * @throws {StartError} With exit code 2, if an option is unknown or has a value that it cannot have.
 */
export async function readOptions(args: readonly string[]): Promise<Options> {
  const given = parse(args);
  const options: Options = { ...DEFAULT_OPTIONS };
  const config = given.get("config");
  if (config !== undefined && !given.has("help")) {
    for (const [name, text] of await readConfig(config)) {
      set(options, name, text, (written) => `${written} in ${config}`);
    }
  }
  for (const [name, text] of given) set(options, name, text, (written) => `--${written}`);
  checkTogether(options);
  return options;
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

/** The options' names as they are written, and the names that they have here. */
const NAMES = new Map(Object.keys(OPTIONS).filter(isOption).map((name) => [kebabCase(name), name]));

function isFlag(name: keyof Options): boolean {
  return OPTIONS[name].placeholder === undefined;
}

/** What the command line says. The last of several counts. */
function parse(args: readonly string[]): Map<keyof Options, string> {
  const typeOf = (name: keyof Options): "boolean" | "string" => isFlag(name) ? "boolean" : "string";
  const options = Object.fromEntries(Array.from(NAMES, ([written, name]) => [written, { type: typeOf(name) }]));
  let values: Record<string, unknown>;
  try {
    values = parseArgs({ args: [...args], options, allowNegative: true }).values;
  } catch (error) {
    // What follows the first sentence is advice about dashes.
    throw new StartError(String(error instanceof Error ? error.message : error).split(/\. |\.?\n/, 1)[0]!, 2);
  }
  return new Map(
    Array.from(NAMES, ([written, name]) => [name, values[written]] as const)
      .flatMap(([name, value]) => value === undefined ? [] : [[name, String(value)]]),
  );
}

async function readConfig(path: string): Promise<[name: keyof Options, text: string][]> {
  const config: unknown = await named("config", path, async () => JSON.parse(await Deno.readTextFile(path)));
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new StartError(`Cannot use --config ${path}: it must be an object of options`, 2);
  }
  return Object.entries(config).map(([written, value]) => {
    const name = NAMES.get(written);
    if (name === undefined) throw new StartError(`Unknown option '${written}' in ${path}`, 2);
    const type = Array.isArray(value) && value.every((part) => typeof part === "string") ? "list" : typeof value;
    if (!(isFlag(name) ? ["boolean"] : ["string", "number", "list"]).includes(type)) {
      const wanted = isFlag(name) ? "true or false" : "text or a number";
      throw new StartError(`Cannot use ${written} in ${path}: it must be ${wanted}`, 2);
    }
    return [name, String(value)]; // a list with commas between, as the command line has it
  });
}

/** Reads one option's value. `place` says where it was given. */
function set(options: Options, name: keyof Options, text: string, place: (written: string) => string): void {
  try {
    assign(options, name, text);
  } catch (error) {
    // Nobody wants to see a password on the screen.
    const value = name === "basicAuth" ? "" : ` ${text}`;
    throw new StartError(`Cannot use ${place(kebabCase(name) + value)}: ${reasonOf(error, text)}`, 2);
  }
}

function assign<Name extends keyof Options>(options: Options, name: Name, text: string): void {
  options[name] = OPTIONS[name].read(text);
}

/** Options that mean nothing without another. */
const NEEDS: readonly (readonly [name: keyof Options, needed: keyof Options])[] = [
  ["tlsCert", "tlsKey"],
  ["tlsKey", "tlsCert"],
  ["tlsClientCa", "tlsCert"],
  ["scanDir", "handlers"],
  ["mapFile", "handlers"],
  ["watch", "handlers"],
  ["hixie75", "legacy"],
];

function checkTogether(options: Options): void {
  for (const [name, needed] of NEEDS) {
    if (options[name] && !options[needed]) {
      throw new StartError(`Cannot use --${kebabCase(name)} without --${kebabCase(needed)}`, 2);
    }
  }
}
