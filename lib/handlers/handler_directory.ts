/**
 * Handlers in files. Each serves the resource that its file is named after: `/example/chat` in `example/chat_wsh.ts`.
 *
 * @module
 */
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { noteNotOpened } from "../descriptors.ts";
import { HandshakeError } from "../errors.ts";
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import { CALLBACK, isObject, kind, type OptionKinds, required, TEXT, URL_OR_TEXT } from "../option_kinds.ts";
import { takeOptions } from "../options.ts";
import type { ClosePayload } from "../pipeline/frames/close_code.ts";
import { Connection } from "../connection/connection.ts";
import { untilReturned } from "../connection/early_return.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { UpgradeAnswer, UpgradeInfo } from "../server/server_options.ts";
import { findHandlers } from "./find_handlers.ts";
import { type HandlerAlias, parseHandlerMap } from "./handler_map.ts";
import { checkHandler, type LoadedHandler, readCloseReply } from "./handler_module.ts";
import { HandlerAbortError, type HandlerRequest, ServerRequest } from "./handler_request.ts";

/** Where the handlers are. */
export interface LoadHandlersOptions {
  /** The folder that resource names start from: a path or a file URL. */
  root: string | URL;
  /** The only folder below the root to search, with its subfolders. A relative path starts at the root. */
  scanDir?: string;
  /** A file of aliases: each line has an alias and an existing resource name. `#` starts a comment. A path or a file URL. */
  mapFile?: string | URL;
  /** Aliases as an object from alias to existing resource name. Aliases from `mapFile` are added to them. */
  aliases?: Readonly<Record<string, string>>;
  /**
   * Called with a warning for each file that cannot be loaded, each link that leads outside, and each alias without a resource.
   * The message is one line; `cause` is the error. By default it is printed to the console.
   */
  onWarning?(warning: Error): void;
}

/** The types of these options. */
export const LOAD_HANDLERS_OPTION_KINDS: OptionKinds<LoadHandlersOptions> = {
  root: required(URL_OR_TEXT),
  scanDir: TEXT,
  mapFile: URL_OR_TEXT,
  aliases: kind(
    "an object of strings",
    (value) => isObject(value) && Object.values(value).every((name) => typeof name === "string"),
  ),
  onWarning: CALLBACK,
};

/** The state of a connection between {@linkcode HandlerDirectory.upgrade} and {@linkcode HandlerDirectory.handler}. */
export interface HandlerSession {
  /** The request, as the handler sees it. */
  readonly request: HandlerRequest;
  /** Runs the handler on its connection. */
  run(socket: WebSocketConnection): Promise<void>;
}

/** Loaded handlers. The members are functions that can be passed on without `this`. */
export interface HandlerDirectory {
  /** The names of the resources that are served, including aliases. */
  readonly resources: readonly string[];
  /**
   * The option of `serve` and `accept`: finds the handler and calls its `doExtraHandshake`.
   *
   * @throws {HandshakeError} 404 if there is no handler, or the handler's own error.
   */
  readonly upgrade: (
    request: UpgradeRequest,
    info: UpgradeInfo,
  ) => Promise<UpgradeAnswer<HandlerSession> & { data: HandlerSession } | Response>;
  /** The handler for `serve`: calls `transferData`. */
  readonly handler: (socket: WebSocketConnection<HandlerSession>) => Promise<void>;
  /**
   * Reads the files again: loads new and changed ones and the map file, and stops serving those that are gone. An unchanged file
   * keeps its state, an invalid one keeps its last valid version, and open connections keep their handlers. Modules that a
   * handler imports are not reloaded.
   */
  readonly reload: () => Promise<void>;
}

/** A loaded handler file, with its text at that time. */
interface LoadedFile {
  readonly text: string;
  readonly handler: LoadedHandler;
}

/**
 * Loads a folder of handlers. The files are found and imported now. Requests are looked up by their exact path, which never
 * becomes the path of a file. Needs permission to read the folder.
 *
 * @example Serve a folder of handlers
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { loadHandlers } from "@sluice/websocket/handlers";
 * import { assertEquals } from "@std/assert";
 *
 * const root = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${root}/greet_wsh.js`, `
 *   export async function transferData({ stream }) {
 *     await stream.sendMessage("hello");
 *   }
 * `);
 * const { upgrade, handler } = await loadHandlers({ root });
 * await using server = serve({ port: 0, hostname: "127.0.0.1", upgrade }, handler);
 *
 * const socket = await connect(`${server.url}/greet`);
 * assertEquals(await Array.fromAsync(socket), ["hello"]);
 * assertEquals((await socket.closed).closeCode, 1000);
 * ```
 *
 * @param options Where the handlers are.
 * @returns The handlers. An invalid file causes a warning, and the others are served.
 * @throws {TypeError} If an option is missing, unknown or has the wrong type.
 * @throws {RangeError} If `scanDir` is not inside the root.
 * @throws {Deno.errors.NotFound} If the root, `scanDir` or `mapFile` does not exist.
 */
export async function loadHandlers(options: LoadHandlersOptions): Promise<HandlerDirectory> {
  options = takeOptions("loadHandlers()", options, LOAD_HANDLERS_OPTION_KINDS);
  const { scanDir, mapFile, aliases = {}, onWarning = printWarning } = options;
  const root = toPath(options.root);
  const warn = (message: string, cause?: unknown) => onWarning(new Error(message, { cause }));
  let files = new Map<string, LoadedFile>();
  let handlers = new Map<string, LoadedHandler>();

  const loadFile = async (path: string): Promise<LoadedFile | undefined> => {
    const known = files.get(path);
    try {
      const text = await Deno.readTextFile(path);
      if (text === known?.text) return known;
      return { text, handler: checkHandler(await importAnew(pathToFileURL(path).href)) };
    } catch (cause) {
      warn(`${path} is ${known === undefined ? "skipped" : "kept as it was"}: ${firstLine(cause)}`, cause);
      return known;
    }
  };

  const load = async (): Promise<void> => {
    const nextFiles = new Map<string, LoadedFile>();
    const nextHandlers = new Map<string, LoadedHandler>();
    for (const [resource, path] of await findHandlers({ root, warn, ...(scanDir === undefined ? {} : { scanDir }) })) {
      const file = nextFiles.get(path) ?? await loadFile(path);
      if (file === undefined) continue;
      nextFiles.set(path, file);
      nextHandlers.set(resource, file.handler);
    }
    const given = Object.entries(aliases).map(([alias, existing]) => ({ alias, existing }));
    for (const { alias, existing } of [...given, ...await readMapFile(mapFile, warn)]) {
      const handler = nextHandlers.get(existing);
      if (handler === undefined) warn(`Alias ${alias} is skipped: there is no handler for ${existing}`);
      else if (nextHandlers.has(alias)) warn(`Alias ${alias} is skipped: it has a handler`);
      else nextHandlers.set(alias, handler);
    }
    files = nextFiles;
    handlers = nextHandlers;
  };

  // One after the other, so that the last call reads the files last.
  const reload = () =>
    load().catch((error) => {
      noteNotOpened(error);
      throw error;
    });
  let loading = reload();
  await loading;

  return {
    get resources() {
      return [...handlers.keys()];
    },
    async upgrade(request, info) {
      const handler = handlers.get(request.path);
      if (handler === undefined) throw new HandshakeError("There is no handler for this resource", { status: 404 });
      return await admit(handler, new ServerRequest(request, info));
    },
    async handler(socket) {
      if (socket.data === undefined) {
        throw new TypeError("Cannot run a handler: the directory's upgrade did not choose one");
      }
      await socket.data.run(socket);
    },
    reload: () => loading = loading.catch(() => {}).then(reload),
  };
}

/** The modules that this process has imported. The runtime keeps each module under its name forever. */
const imported = new Set<string>();
let reimports = 0;

/**
 * Imports the current version of a file: the first time under its own name, which other modules import as well, then under a new
 * one.
 */
function importAnew(href: string): Promise<Record<string, unknown>> {
  const name = imported.has(href) ? `${href}?import=${++reimports}` : href;
  imported.add(href);
  return import(name);
}

/** Runs the handler's part of the handshake. */
async function admit(
  handler: LoadedHandler,
  request: ServerRequest,
): Promise<UpgradeAnswer<HandlerSession> & { data: HandlerSession } | Response> {
  try {
    const refusal = await handler.doExtraHandshake?.(request);
    if (refusal instanceof Response) return refusal;
  } catch (cause) {
    if (!(cause instanceof HandlerAbortError)) throw cause;
    throw new HandshakeError("The handler refused the connection", { status: 403, cause });
  }
  return {
    ...(request.protocol === null ? {} : { protocol: request.protocol }),
    headers: request.responseHeaders,
    data: { request, run: (socket) => run(handler, request, socket) },
  };
}

/** Runs the handler's part of the connection. As for any handler, the connection is closed when it returns or throws. */
async function run(handler: LoadedHandler, request: ServerRequest, socket: WebSocketConnection): Promise<void> {
  const { transferData, passiveClosingHandshake } = handler;
  let deciding: Promise<ClosePayload> | undefined;
  const decideReply = async (received: ClosePayload): Promise<ClosePayload> => {
    request.received(received);
    try {
      return readCloseReply(await passiveClosingHandshake?.(request), received);
    } catch (error) {
      if (error instanceof HandlerAbortError) socket.abort(error);
      throw error;
    }
  };
  // The drafts before RFC 6455 have no code and no reason to choose.
  if (socket instanceof Connection) socket.decideReply = (received) => deciding = decideReply(received);
  try {
    request.open(socket);
    const returned = transferData(request);
    await (socket instanceof Connection ? untilReturned(socket, returned) : returned);
    // An error of the hook is reported as the handler's own. If the hook hangs, the end of the connection is enough.
    if (deciding !== undefined) await Promise.race([deciding, socket.closed]);
  } catch (error) {
    if (!(error instanceof HandlerAbortError)) throw error;
    socket.abort(error);
  }
}

async function readMapFile(
  mapFile: string | URL | undefined,
  warn: (message: string) => void,
): Promise<readonly HandlerAlias[]> {
  if (mapFile === undefined) return [];
  const path = toPath(mapFile);
  const { aliases, faults } = parseHandlerMap(await Deno.readTextFile(path));
  for (const fault of faults) warn(`${path}: ${fault}`);
  return aliases;
}

function toPath(path: string | URL): string {
  return path instanceof URL ? fileURLToPath(path) : resolve(path);
}

/** The runtime reports a syntax error in many lines. */
function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n", 1)[0]!;
}

function printWarning({ message }: Error): void {
  // deno-lint-ignore no-console -- the operator must learn that a handler is not served
  console.warn(message);
}
