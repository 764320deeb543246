/**
 * Handlers in files, compatible with mod_pywebsocket: a folder of modules, each of which serves the resource that it is named
 * after.
 *
 * @example Serve the handlers of a folder, and reload them when a file changes
 * ```ts ignore
 * import { serve } from "@sluice/websocket";
 * import { loadHandlers } from "@sluice/websocket/handlers";
 *
 * const { upgrade, handler, reload } = await loadHandlers({ root: "handlers" });
 * serve({ port: 8080, upgrade, perMessageDeflate: true }, handler);
 * for await (const _ of Deno.watchFs("handlers")) await reload();
 * ```
 *
 * @module
 */
export { HandshakeError } from "../errors.ts";
export {
  type HandlerDirectory,
  type HandlerSession,
  loadHandlers,
  type LoadHandlersOptions,
} from "./handler_directory.ts";
export { type HandlerAlias, type HandlerMap, parseHandlerMap } from "./handler_map.ts";
export type { CloseReply, HandlerModule } from "./handler_module.ts";
export { HandlerAbortError, type HandlerRequest } from "./handler_request.ts";
export type { HandlerStream, SendMessageOptions } from "./handler_stream.ts";
