/**
 * Loads Node's built-in modules synchronously. Deno, Bun and Node have them in their binaries, so no file is opened, and they can
 * be loaded when the process has no file descriptor left. `import()` opens files, and ends Deno 2.9 if there is no descriptor.
 *
 * @module
 */

/**
 * Returns the function that loads the modules. A browser that bundles this never calls it.
 *
 * @param task What needs the modules, for the error.
 * @throws {TypeError} If they cannot be loaded synchronously: in a browser, and in Node before 20.16 and 22.3.
 */
export function builtinModules(task: string): typeof globalThis.process.getBuiltinModule {
  const { process } = globalThis;
  if (typeof process?.getBuiltinModule === "function") return process.getBuiltinModule;
  throw new TypeError(`Cannot ${task} here: that needs process.getBuiltinModule, of Deno, Bun, Node 20.16 or 22.3`);
}
