/**
 * Loads handlers again when their files change.
 *
 * @module
 */
import type { HandlerDirectory } from "../handlers/handler_directory.ts";
import { errorFields, type Log } from "./log.ts";

/** Milliseconds without a change before the files are loaded: an editor changes a file several times to save it. */
const QUIET = 100;

/** What is watched. */
export interface WatchOptions {
  /** The handlers' folder, and files that belong to it. */
  readonly paths: readonly string[];
  /** The handlers. */
  readonly directory: Pick<HandlerDirectory, "reload" | "resources">;
  /** Takes what happens. */
  readonly log: Log;
}

/**
 * Watches files. When they change, the handlers are loaded again; open connections keep theirs.
 *
 * @param options What is watched.
 * @returns What ends it.
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
      log.error("reload", errorFields(error)); // the folder is gone, for one; what was loaded stays
    }
  };
  void (async () => {
    for await (const { kind } of watcher) {
      if (kind === "access") continue; // loading a file is no change of it
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
