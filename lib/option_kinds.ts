/**
 * The types of options: one {@linkcode Kind} for each sort of value. The checks at the call and the documentation use the same
 * kinds.
 *
 * @module
 */

/** The type of an option. */
export interface Kind {
  /** The accepted values in words, for errors and the documentation. */
  readonly takes: string;
  /** Whether the option is required. */
  readonly required?: boolean;
  /**
   * Checks a value.
   *
   * @param value The given value; never `undefined`.
   * @param name The option's name.
   * @throws {RangeError} If it is a number that is out of range.
   * @throws {TypeError} If it has the wrong type.
   */
  check(value: unknown, name: string): void;
}

/** The kind of each option of an interface. TypeScript checks that the table is complete. */
export type OptionKinds<Options> = { readonly [Name in keyof Options]-?: Kind };

/** The longest time that a timer can wait: 2^31 - 1 ms, 24.8 days. A longer timer fires at once. */
export const LONGEST_TIME: number = 2 ** 31 - 1;

/** Makes a kind from a test. */
export function kind(takes: string, accepts: (value: unknown) => boolean): Kind {
  return {
    takes,
    check(value, name) {
      if (!accepts(value)) throw new TypeError(cannotUse(value, name, takes));
    },
  };
}

/** Whole numbers. */
export function whole(
  { unit, least = 0, most = Number.MAX_SAFE_INTEGER, infinite = true }: {
    unit?: string;
    least?: number;
    most?: number;
    infinite?: boolean;
  },
): Kind {
  const range = `a whole number from ${least} to ${most}${infinite ? ", or Infinity" : ""}`;
  const takes = unit === undefined ? range : `${range}, in ${unit}`;
  return {
    takes,
    check(value, name) {
      if (infinite && value === Infinity) return;
      if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return;
      const message = cannotUse(value, name, takes);
      throw typeof value === "number" ? new RangeError(message) : new TypeError(message);
    },
  };
}

/** A number of bytes, at least one. */
export const BYTES: Kind = whole({ unit: "bytes", least: 1 });
/** A number of things, at least one. */
export const COUNT: Kind = whole({ least: 1 });
/** A number of things, which may be 0. */
export const COUNT_OR_NONE: Kind = whole({});
/** A time, for which `Infinity` means no limit. */
export const TIME: Kind = whole({ unit: "milliseconds", most: LONGEST_TIME });
/** A finite time. */
export const DELAY: Kind = whole({ unit: "milliseconds", most: LONGEST_TIME, infinite: false });
/** A finite time of at least a millisecond. */
export const PERIOD: Kind = whole({ unit: "milliseconds", least: 1, most: LONGEST_TIME, infinite: false });
/** A TCP port; 0 chooses a free one. */
export const PORT: Kind = whole({ most: 65_535, infinite: false });
/** A boolean. */
export const FLAG: Kind = kind("true or false", (value) => typeof value === "boolean");
/** A text. */
export const TEXT: Kind = kind("a string", isText);
/** A text that is not empty, such as the path of a Unix socket: to an empty one Linux gives a random address. */
export const NON_EMPTY_TEXT: Kind = kind("a string that is not empty", (value) => isText(value) && value !== "");
/** A list of texts. */
export const TEXTS: Kind = kind("a list of strings", isTexts);
/** One or more texts. */
export const TEXT_OR_TEXTS: Kind = kind("a string or a list of strings", (value) => isText(value) || isTexts(value));
/** A URL, or its text. */
export const URL_OR_TEXT: Kind = kind("a string or a URL", (value) => isText(value) || value instanceof URL);
/** A callback. */
export const CALLBACK: Kind = kind("a function", (value) => typeof value === "function");
/** Any value. */
export const ANYTHING: Kind = kind("anything", () => true);
/** Header fields, in any form that `new Headers` accepts. */
export const HEADERS: Kind = kind("header fields: an object, a list of pairs, or Headers", isObject);
/** A signal of any realm. */
export const SIGNAL: Kind = like("an AbortSignal", { methods: ["addEventListener", "removeEventListener"] });

/** One of several texts. */
export function oneOf(...texts: readonly string[]): Kind {
  return kind(either(texts), (value) => isText(value) && texts.includes(value));
}

/** An object with the required methods, and possibly the optional ones, which an application or another module makes. */
export function like(
  what: string,
  { methods = [], optional = [] }: { methods?: readonly string[]; optional?: readonly string[] },
): Kind {
  return kind(
    what,
    (value) =>
      isObject(value) && methods.every((name) => typeof Reflect.get(value, name) === "function") &&
      optional.every((name) => ["undefined", "function"].includes(typeof Reflect.get(value, name))),
  );
}

/** A list of values of one kind. */
export function listOf(what: string, { check }: Kind): Kind {
  return {
    takes: `a list of ${what}`,
    check(value, name) {
      if (!Array.isArray(value)) throw new TypeError(cannotUse(value, name, `a list of ${what}`));
      value.forEach((item, index) => check(item, `${name}[${index}]`));
    },
  };
}

/** Either of two kinds. */
export function or(one: Kind, other: Kind): Kind {
  return kind(`${one.takes}, or ${other.takes}`, (value) => accepts(one, value) || accepts(other, value));
}

/** A value of one kind, or an object of options. For an object, the error names the invalid option. */
export function orObject(one: Kind, options: Kind): Kind {
  const either = or(one, options);
  return {
    ...either,
    check: (value, name) => (isObject(value) && !accepts(one, value) ? options : either).check(value, name),
  };
}

function accepts({ check }: Kind, value: unknown): boolean {
  try {
    check(value, "");
    return true;
  } catch {
    return false;
  }
}

/** Makes an option required. */
export function required(kind: Kind): Kind {
  return { ...kind, required: true };
}

/** Whether a value is an object and not a function. */
export function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Lists names as a sentence does: `"a", "b" or "c"`. */
export function either(names: readonly string[]): string {
  const quoted = names.map((name) => JSON.stringify(name));
  return quoted.length < 2 ? quoted.join() : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}

/** Makes the error for an invalid value. */
export function cannotUse(value: unknown, name: string, takes: string): string {
  return `Cannot use ${name} ${shown(value)}: it must be ${takes}`;
}

/** Shows a value in an error: short, and without its contents. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === "function") return "(a function)";
  if (Array.isArray(value)) return "(a list)";
  if (isObject(value)) return "(an object)";
  return typeof value === "bigint" ? `${value}n` : String(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}
