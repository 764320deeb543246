/**
 * What TypeScript knows of `socket.data`: the type that `upgrade` gives.
 *
 * @module
 */
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import type { WebSocketConnection, WebSocketConnectionWithData } from "../connection/websocket_connection.ts";
import type { UpgradeAnswer, UpgradeInfo } from "./server_options.ts";

/** What `upgrade` may give. */
export type AnyUpgradeAnswer = UpgradeAnswer | Response | void;

/**
 * Options whose `upgrade` is there, so that the type of `socket.data` follows from what it returns.
 *
 * @typeParam Options All options.
 * @typeParam Answer What `upgrade` returns.
 */
export type WithUpgrade<Options, Answer extends AnyUpgradeAnswer> = Omit<Options, "upgrade"> & {
  /** Decides about a request; see {@linkcode AcceptOptions.upgrade}. */
  upgrade(request: UpgradeRequest, info: UpgradeInfo): Answer | Promise<Answer>;
};

/**
 * The data in an answer. A refusal has none, as no connection comes of it.
 *
 * @typeParam Answer What `upgrade` returns.
 */
export type DataIn<Answer> = Answer extends Response ? never
  : Answer extends { data: infer Data } ? Data
  : Answer extends { data?: infer Data } ? Data | undefined
  : undefined;

/**
 * The type of the data that `upgrade` attaches: `unknown` where it attaches none, so that the application may later.
 *
 * @typeParam Answer What `upgrade` returns.
 */
export type DataOf<Answer> = [DataIn<Answer>] extends [undefined] ? unknown : Exclude<DataIn<Answer>, undefined>;

/**
 * A connection with such data: `data` is `undefined` only where `upgrade` may leave it out.
 *
 * @typeParam Answer What `upgrade` returns.
 */
export type ConnectionOf<Answer> = undefined extends DataIn<Answer> ? WebSocketConnection<DataOf<Answer>>
  : WebSocketConnectionWithData<DataOf<Answer>>;
