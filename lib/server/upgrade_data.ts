/**
 * The type of `socket.data`, inferred from `upgrade`.
 *
 * @module
 */
import type { UpgradeRequest } from "../handshake/server_handshake.ts";
import type { WebSocketConnection, WebSocketConnectionWithData } from "../connection/websocket_connection.ts";
import type { UpgradeAnswer, UpgradeInfo } from "./server_options.ts";

/** A result of `upgrade`. */
export type AnyUpgradeAnswer = UpgradeAnswer | Response | void;

/**
 * Options with `upgrade`, so that the type of `socket.data` follows from its result.
 *
 * @typeParam Options All options.
 * @typeParam Answer What `upgrade` returns.
 */
export type WithUpgrade<Options, Answer extends AnyUpgradeAnswer> = Omit<Options, "upgrade"> & {
  /** Decides about a request; see {@linkcode AcceptOptions.upgrade}. */
  upgrade(request: UpgradeRequest, info: UpgradeInfo): Answer | Promise<Answer>;
};

/**
 * The type of the data in a result of `upgrade`. A refusal has none, because it opens no connection.
 *
 * @typeParam Answer What `upgrade` returns.
 */
export type DataIn<Answer> = Answer extends Response ? never
  : Answer extends { data: infer Data } ? Data
  : Answer extends { data?: infer Data } ? Data | undefined
  : undefined;

/**
 * The type of the data that `upgrade` attaches. It is `unknown` if `upgrade` attaches none, so that you can attach data later.
 *
 * @typeParam Answer What `upgrade` returns.
 */
export type DataOf<Answer> = [DataIn<Answer>] extends [undefined] ? unknown : Exclude<DataIn<Answer>, undefined>;

/**
 * A connection with such data. `data` may be `undefined` only if `upgrade` may omit it.
 *
 * @typeParam Answer What `upgrade` returns.
 */
export type ConnectionOf<Answer> = undefined extends DataIn<Answer> ? WebSocketConnection<DataOf<Answer>>
  : WebSocketConnectionWithData<DataOf<Answer>>;
