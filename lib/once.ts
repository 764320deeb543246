/**
 * What is made when it is first needed.
 *
 * @module
 */

/**
 * Makes a value at the first call, and gives it at every call. A module that is loaded makes nothing by it: Deno loads its own `Headers`,
 * streams and timers when they are first used, which together take as long as the rest of a start.
 *
 * @param make Makes the value.
 */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
