/**
 * Checks a handler when it is passed, so that a mistake does not show only with the first client.
 *
 * @module
 */
import { either, isObject, type OptionKinds, shown } from "../option_kinds.ts";
import { nearest, takeOptions, unknownName } from "../options.ts";
import type { WebSocketCallbacks } from "./readers/callbacks.ts";

/** The names of all callbacks. TypeScript checks that the list is complete. */
const CALLBACKS: Readonly<Record<keyof WebSocketCallbacks, true>> = {
  open: true,
  message: true,
  drain: true,
  close: true,
  error: true,
};
const NAMES: readonly string[] = Object.keys(CALLBACKS);

/**
 * Checks the arguments of a call that takes options and a handler, and returns a copy of the options.
 *
 * @param call The call, such as `serve()`.
 * @param options The options.
 * @param kinds The accepted options.
 * @param handler The handler.
 * @returns The copy, which does not change with the object that was passed.
 * @throws {TypeError} If an option is unknown or has the wrong type, or if the handler is not one.
 * @throws {RangeError} For a number that is out of range.
 */
export function takeServing<Options extends object>(
  call: string,
  options: Options,
  kinds: OptionKinds<NoInfer<Options>>,
  handler: unknown,
): Options {
  if (typeof options === "function") {
    throw new TypeError(`${call} takes the options before the handler, such as {}`);
  }
  const known = Object.keys(kinds);
  const taken = takeOptions(call, options, kinds, (name) => {
    const callback = ["websocket", "handler"].includes(name) || nearest(name, NAMES).length > 0;
    if (!callback || nearest(name, known).length > 0) return undefined;
    return "the handler with its callbacks is an argument of its own, behind the options";
  });
  checkHandler(call, handler);
  return taken;
}

/**
 * Checks a handler. A property with the name of a callback must be a function. Other properties of a class instance are ignored.
 *
 * @param call The call that takes it, such as `serve()`.
 * @param handler The handler.
 * @throws {TypeError} If it is neither a function nor an object of callbacks.
 */
export function checkHandler(call: string, handler: unknown): void {
  if (typeof handler === "function") return;
  const wanted = `a handler: a function, or an object with callbacks (${either(NAMES)})`;
  if (handler === undefined) throw new TypeError(`${call} needs ${wanted}`);
  if (!isObject(handler) || Array.isArray(handler)) {
    throw new TypeError(`${call} needs ${wanted}, not ${shown(handler)}`);
  }
  let callbacks = 0;
  for (const name of NAMES) {
    const callback = Reflect.get(handler, name);
    if (callback === undefined) continue;
    if (typeof callback !== "function") {
      throw new TypeError(`${call} cannot use the callback "${name}" ${shown(callback)}: it must be a function`);
    }
    callbacks++;
  }
  if (isPlain(handler)) {
    for (const name of Object.keys(handler)) {
      if (!NAMES.includes(name) && Reflect.get(handler, name) !== undefined) throw unknownCallback(name);
    }
    return;
  }
  for (const name of NAMES) {
    const misnamed = methodsOf(handler).find((method) => method.toLowerCase() === `on${name}`);
    if (misnamed !== undefined && Reflect.get(handler, name) === undefined) throw unknownCallback(misnamed);
  }
  if (callbacks === 0) throw new TypeError(`${call} needs ${wanted}, not an object with none of them`);
}

function unknownCallback(name: string): TypeError {
  return unknownName("A handler", "callback", name, { known: NAMES });
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Returns the methods of a class instance, its own and those of its class. */
function methodsOf(value: object): string[] {
  const names: string[] = [];
  for (let at: object | null = value; at !== null; at = Object.getPrototypeOf(at)) {
    if (Object.getPrototypeOf(at) === null) break; // Object.prototype
    for (const name of Object.getOwnPropertyNames(at)) {
      if (typeof Object.getOwnPropertyDescriptor(at, name)?.value === "function") names.push(name);
    }
  }
  return names;
}
