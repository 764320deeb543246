/**
 * The interface of a hub for connections. The core knows nothing else of a hub.
 *
 * @module
 */
import { invalidState } from "../errors.ts";
import type { MessageData } from "../pipeline/messages/message.ts";
import { type Kind, like } from "../option_kinds.ts";
import type { WebSocketConnection } from "./websocket_connection.ts";
import type { SendOptions, SubscribeOptions } from "./socket_options.ts";

/** The part of a hub that `socket.subscribe`, `unsubscribe` and `publish` use. `createHub` of `./hub` creates one. */
export interface Topics {
  /** See {@linkcode WebSocketConnection.subscribe}. */
  subscribe(socket: WebSocketConnection, topic: string, options?: SubscribeOptions): boolean;
  /** See {@linkcode WebSocketConnection.unsubscribe}. */
  unsubscribe(socket: WebSocketConnection, topic: string): boolean;
  /** See {@linkcode WebSocketConnection.publish}. */
  publishFrom(socket: WebSocketConnection, topic: string, data: MessageData, options?: SendOptions): number;
}

/** The check of the option `hub`. */
export const HUB: Kind = like("a hub, as createHub of ./hub makes one", {
  methods: ["subscribe", "unsubscribe", "publishFrom"],
});

/** Returns the hub of a connection's server. */
export function hubFor(action: string, topics: Topics | undefined): Topics {
  if (topics === undefined) throw invalidState(`Cannot ${action}: the server was given no hub`);
  return topics;
}
