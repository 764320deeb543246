/**
 * What the tests of handlers share: folders on disk, and a server of a handler directory.
 *
 * @module
 */
import { dirname, join } from "node:path";
import {
  type HandlerDirectory,
  type HandlerSession,
  loadHandlers,
  type LoadHandlersOptions,
} from "../../lib/handlers/mod.ts";
import { soon } from "../_support/wait.ts";
import { serve, type WebSocketServer } from "../../lib/server/serve.ts";
import type { ServeOptions } from "../../lib/server/server_options.ts";

/** The handlers that are here to fail, and some that do not. */
export const FIXTURES: URL = new URL("fixtures/", import.meta.url);

/** A folder of its own, gone when it is disposed of. */
export interface Folder extends AsyncDisposable {
  /** Its real path. */
  readonly path: string;
  /** Writes a file. */
  write(name: string, text: string): Promise<void>;
  /** Makes a symbolic link. */
  link(name: string, target: string): Promise<void>;
}

/** Makes a folder with files. */
export async function folder(files: Record<string, string> = {}): Promise<Folder> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "sluice-handlers-" }));
  const place = async (name: string) => {
    const file = join(path, name);
    await Deno.mkdir(dirname(file), { recursive: true });
    return file;
  };
  const made: Folder = {
    path,
    write: async (name, text) => await Deno.writeTextFile(await place(name), text),
    link: async (name, target) => await Deno.symlink(target, await place(name)),
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
  for (const [name, text] of Object.entries(files)) await made.write(name, text);
  return made;
}

/** A server of handlers, and what it had to say. */
export interface Served extends AsyncDisposable {
  readonly directory: HandlerDirectory;
  readonly server: WebSocketServer<HandlerSession>;
  readonly port: number;
  /** What was reported to `onError`, when every connection has ended: the server shuts down for it. */
  errors(): Promise<unknown[]>;
  /** The messages of warnings. */
  readonly warnings: string[];
}

/** Loads handlers and serves them on loopback. */
export async function served(
  load: LoadHandlersOptions = { root: FIXTURES },
  options: ServeOptions<HandlerSession> = {},
): Promise<Served> {
  const errors: unknown[] = [];
  const warnings: string[] = [];
  const directory = await loadHandlers({ onWarning: ({ message }) => void warnings.push(message), ...load });
  const { upgrade, handler } = directory;
  const server = serve(
    { port: 0, hostname: "127.0.0.1", onError: (error) => void errors.push(error), upgrade, ...options },
    handler,
  );
  const port = "port" in server.addr ? server.addr.port : 0;
  return {
    directory,
    server,
    port,
    warnings,
    async errors() {
      await soon(server.shutdown(), "The end of all handlers");
      return errors;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
