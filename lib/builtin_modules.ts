/**
 * Modules of Node's own, at once. Deno, Bun and Node have them in their binaries, so that no file is opened for one: it can be had
 * when a process has no file descriptor left. `import()` opens files, and ends Deno 2.9 where there is no descriptor.
 *
 * @module
 */

/**
 * Gives what loads the modules. A browser that bundles this never asks.
 *
 * @param task What cannot be done without them, for the error.
 * @throws {TypeError} If they cannot be had at once: in a browser, and in Node before 20.16 and 22.3.
 */
export function builtinModules(task: string): typeof globalThis.process.getBuiltinModule {
  const { process } = globalThis;
  if (typeof process?.getBuiltinModule === "function") return process.getBuiltinModule;
  throw new TypeError(`Cannot ${task} here: that needs process.getBuiltinModule, of Deno, Bun, Node 20.16 or 22.3`);
}
