/**
 * Reloads handlers when their files change.
 *
 * @module
 */
import type { HandlerDirectory } from "../handlers/handler_directory.ts";
import { errorFields, type Log } from "./log.ts";

/** Milliseconds without a change before the files are loaded, because an editor changes a file several times to save it. */
const QUIET = 100;

/** Options for watching. */
export interface WatchOptions {
  /** The handlers' folder, and files that belong to it, such as the map file. */
  readonly paths: readonly string[];
  /** The handlers. */
  readonly directory: Pick<HandlerDirectory, "reload" | "resources">;
  /** Records events. */
  readonly log: Log;
}

/**
 * Watches files and reloads the handlers when they change. Open connections keep their handlers.
 *
 * @param options The files and the handlers.
 * @returns An object that stops watching when it is disposed of.
 * @throws {Deno.errors.NotFound} If one of the paths does not exist.
 */
export function reloadOnChange({ paths, directory, log }: WatchOptions): Disposable {
  const watcher = Deno.watchFs([...paths]);
  let timer: ReturnType<typeof setTimeout> | undefined;

  const reload = async () => {
    try {
      await directory.reload();
      log.info("reload", { handlers: directory.resources.length });
    } catch (error) {
      log.error("reload", errorFields(error)); // for example, the folder was deleted; the loaded handlers stay
    }
  };
  void (async () => {
    for await (const { kind } of watcher) {
      if (kind === "access") continue; // loading a file is not a change
      clearTimeout(timer);
      timer = setTimeout(() => void reload(), QUIET);
    }
  })();

  return {
    [Symbol.dispose]() {
      clearTimeout(timer);
      watcher.close();
    },
  };
}
