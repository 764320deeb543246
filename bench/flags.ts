/**
 * The arguments of what is measured. Not `parseArgs`: once any `node:` module is loaded, each turn of Deno's event loop costs more,
 * and an echo of 32 bytes takes 7 % longer.
 *
 * @module
 */

/** Whether `--name` is given. */
export const flag = (name: string): boolean => Deno.args.includes(`--${name}`);

/** What follows `--name`. */
export const value = (name: string, otherwise: string): string => {
  const at = Deno.args.indexOf(`--${name}`);
  return at === -1 ? otherwise : Deno.args[at + 1] ?? otherwise;
};
