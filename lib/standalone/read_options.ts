/**
 * Reads the options from the command line, and from the configuration file for those not given there.
 *
 * @module
 */
import { kebabCase, named, readValue, readWords, StartError } from "./command_line.ts";
import { DEFAULT_OPTIONS, isOption, OPTIONS, type Options } from "./options.ts";

/**
 * Reads the options.
 *
 * @param args The words of the command line.
 * @returns All options, with defaults for those that were not given.
 * @throws {StartError} With exit code 2, if an option is unknown or has an invalid value.
 */
export async function readOptions(args: readonly string[]): Promise<Options> {
  const { given } = readWords(args, OPTIONS, { allowNegative: true });
  const options: Options = { ...DEFAULT_OPTIONS };
  const config = new Map(given).get("config");
  if (config !== undefined && !given.some(([name]) => name === "help")) {
    for (const [name, text] of await readConfig(config)) {
      set(options, name, text, (written) => `${written} in ${config}`);
    }
  }
  for (const [name, text] of given) set(options, name, text, (written) => `--${written}`);
  checkTogether(options);
  return options;
}

/** The options' names as they are written, with their names here. */
const NAMES = new Map(Object.keys(OPTIONS).filter(isOption).map((name) => [kebabCase(name), name]));

function isFlag(name: keyof Options): boolean {
  return OPTIONS[name].placeholder === undefined;
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
    return [name, String(value)]; // a list separated by commas, as on the command line
  });
}

/** Reads the value of one option. `place` says where it was given. The last value of several is used. */
function set<Name extends keyof Options>(
  options: Options,
  name: Name,
  text: string,
  place: (written: string) => string,
): void {
  // A password must not appear on the screen.
  const value = name === "basicAuth" ? "" : ` ${text}`;
  options[name] = readValue(OPTIONS[name], text, { written: place(kebabCase(name) + value), before: options[name] });
}

/** Options that have no effect without another. */
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
