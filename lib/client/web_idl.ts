/**
 * Web IDL's rules for interfaces and arguments that differ from those of JavaScript classes.
 *
 * @module
 */
import { bytesOf, isBinaryData, type Message } from "../pipeline/messages/message.ts";
import { parseWebSocketUrl } from "../handshake/client_handshake.ts";

/**
 * Gives a class the properties of a Web IDL interface (§3.7): its members are enumerable, its name is a property of the prototype,
 * and its constants are properties of the class and of the prototype that cannot be changed.
 *
 * @param Class The class. Members whose names are symbols do not belong to the interface, and stay unchanged.
 * @param constants The constants by name.
 */
export function defineInterface(
  Class: { readonly name: string; readonly prototype: object },
  constants: Readonly<Record<string, number>> = {},
): void {
  const { name, prototype } = Class;
  for (const member of Object.getOwnPropertyNames(prototype)) {
    if (member !== "constructor") Object.defineProperty(prototype, member, { enumerable: true });
  }
  for (const [constant, value] of Object.entries(constants)) {
    for (const target of [Class, prototype]) Object.defineProperty(target, constant, { value, enumerable: true });
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
}

/**
 * Checks that a call has its required arguments: `undefined` counts as an argument.
 *
 * @param given The number of arguments.
 * @param call The name of the call, for the message.
 * @throws {TypeError} If there is no argument.
 */
export function requireArgument(given: number, call: string): void {
  if (given === 0) throw new TypeError(`Cannot call ${call} without an argument: it takes one or more`);
}

/**
 * Converts an argument to `(BufferSource or USVString)`: a value that is not a buffer or a view becomes a string.
 *
 * @param data The argument.
 * @returns The text, or a view of the bytes.
 * @throws {TypeError} If it cannot become a string, or its memory is shared, resizable or detached.
 */
export function toWebMessage(data: unknown): Message {
  return isBinaryData(data) ? bytesOf(data) : `${data}`;
}

/** Converts an argument to `[EnforceRange] unsigned short` (§3.3.6). It throws a `TypeError` for a value outside the range. */
export function enforceUnsignedShort(value: unknown): number {
  const integer = Math.trunc(toNumber(value));
  if (!(integer >= 0 && integer <= 65_535)) {
    throw new TypeError(`Cannot use ${value}: it must be a number from 0 to 65535`);
  }
  return integer;
}

/**
 * Converts an argument to `[Clamp] unsigned short` (§3.3.5): the nearest number in the range; of two equally near ones, the even
 * one.
 */
export function clampUnsignedShort(value: unknown): number {
  const clamped = Math.min(Math.max(toNumber(value) || 0, 0), 65_535);
  const floor = Math.floor(clamped);
  const rest = clamped - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** Converts an argument as JavaScript does. Unlike `Number`, it does not take a `BigInt`. */
function toNumber(value: unknown): number {
  if (typeof value === "bigint") throw new TypeError(`Cannot use ${value}n: it is a BigInt, not a number`);
  return Number(value);
}

/** Converts an argument to a dictionary: an object; no value gives an empty dictionary. */
export function toDictionary<Members extends object>(value: Members): Partial<Members> {
  if (value === null) return {};
  if (typeof value !== "object" && typeof value !== "function") {
    throw new TypeError(`Cannot use ${value}: it is not an object`);
  }
  return value;
}

/**
 * Gets a URL record (WHATWG websockets, "get a URL record"): relative to `location`, if the program has one.
 *
 * @param url An absolute URL with ws, wss, http or https; or a relative URL, if the program has a `location`.
 * @returns A new URL with ws or wss.
 * @throws {DOMException} `SyntaxError` if it does not parse, has another scheme, or has a fragment.
 */
export function resolveUrl(url: string | URL): URL {
  const text = `${url}`; // in Web IDL it becomes a string, whatever it is
  const base = globalThis.location?.href;
  return parseWebSocketUrl(base !== undefined && URL.canParse(text, base) ? new URL(text, base) : text);
}
