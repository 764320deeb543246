/**
 * Finds the handler files and the names of their resources. This is done once, before any request: a request is looked up in the
 * result and never becomes a path.
 *
 * @module
 */
import { join, relative, resolve, sep } from "node:path";

/** Where to look. */
export interface FindHandlersOptions {
  /** The root folder. Resource names start from it, and nothing outside it is a handler. */
  root: string;
  /** The only folder to search, with its subfolders. It must be inside the root, and is relative to it. */
  scanDir?: string;
  /** Called for links that are not followed and folders that cannot be read. */
  warn(message: string, cause?: unknown): void;
}

/** A file whose name ends like this is a handler. The rest of its name is the name of its resource. */
const SUFFIX = /_wsh\.(?:ts|js|mjs)$/;

/**
 * Finds the handler files below a folder.
 *
 * @param options Where to look.
 * @returns The real path of the file for each resource name, in order of the paths.
 * @throws {RangeError} If `scanDir` is not inside the root.
 * @throws {Deno.errors.NotFound} If a folder does not exist.
 */
export async function findHandlers(options: FindHandlersOptions): Promise<Map<string, string>> {
  const { scanDir = ".", warn } = options;
  const root = await Deno.realPath(options.root);
  const start = await Deno.realPath(resolve(root, scanDir));
  if (!isInside(start, root)) throw new RangeError(`Cannot scan ${scanDir}: it is not inside the root ${options.root}`);
  const found = new Map<string, string>();

  /** Searches a folder. `above` has the real paths of its parents. */
  const look = async (folder: string, name: string, above: readonly string[]): Promise<void> => {
    const entries = await Array.fromAsync(Deno.readDir(folder));
    for (const entry of entries.toSorted((a, b) => a.name < b.name ? -1 : 1)) {
      const path = join(folder, entry.name);
      try {
        const { real, isDirectory } = entry.isSymlink ? await follow(path) : { real: path, ...entry };
        if (!isDirectory && !SUFFIX.test(entry.name)) continue;
        if (!isInside(real, root)) warn(`${path} is skipped: it leads outside of the root`);
        else if (!isDirectory) add(`${name}${entry.name.replace(SUFFIX, "")}`, real);
        else if (above.includes(real)) warn(`${path} is skipped: it leads back to a folder above`);
        else await look(real, `${name}${entry.name}/`, [...above, real]);
      } catch (cause) {
        warn(`${path} is skipped: it cannot be read`, cause);
      }
    }
  };

  const add = (name: string, file: string): void => {
    const resource = resourceName(name);
    const first = found.get(resource);
    if (first === undefined) found.set(resource, file);
    else warn(`${file} is skipped: ${first} serves ${resource}`);
  };

  const below = relative(root, start).split(sep).join("/");
  await look(start, below === "" ? "/" : `/${below}/`, [start]);
  return found;
}

async function follow(path: string): Promise<{ real: string; isDirectory: boolean }> {
  const real = await Deno.realPath(path);
  return { real, isDirectory: (await Deno.stat(real)).isDirectory };
}

/** The separator matters: `/srv/handlers_evil` is not inside `/srv/handlers`. */
function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Encodes a name as a URL does: requests are compared as they arrive, without decoding. */
function resourceName(name: string): string {
  return encodeURI(name).replace(/[?#]/g, encodeURIComponent);
}
