/**
 * Makes values on first use.
 *
 * @module
 */

/**
 * Makes a value at the first call, and returns it at every call. Loading a module then makes nothing: Deno loads its own
 * `Headers`, streams and timers on first use, which together take as long as the rest of a start.
 *
 * @param make Makes the value.
 */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
