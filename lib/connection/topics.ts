/**
 * Topics as a connection sees them: all that the core knows of a hub.
 *
 * @module
 */
import { invalidState } from "../errors.ts";
import type { MessageData } from "../pipeline/messages/message.ts";
import { type Kind, like } from "../option_kinds.ts";
import type { WebSocketConnection } from "./websocket_connection.ts";
import type { SendOptions, SubscribeOptions } from "./socket_options.ts";

/** What `socket.subscribe` and its like need of a hub. `createHub` of `./hub` makes one. */
export interface Topics {
  /** See {@linkcode WebSocketConnection.subscribe}. */
  subscribe(socket: WebSocketConnection, topic: string, options?: SubscribeOptions): boolean;
  /** See {@linkcode WebSocketConnection.unsubscribe}. */
  unsubscribe(socket: WebSocketConnection, topic: string): boolean;
  /** See {@linkcode WebSocketConnection.publish}. */
  publishFrom(socket: WebSocketConnection, topic: string, data: MessageData, options?: SendOptions): number;
}

/** A hub, to the checks of options. */
export const HUB: Kind = like("a hub, as createHub of ./hub makes one", {
  methods: ["subscribe", "unsubscribe", "publishFrom"],
});

/** The hub of a connection's server. */
export function hubFor(action: string, topics: Topics | undefined): Topics {
  if (topics === undefined) throw invalidState(`Cannot ${action}: the server was given no hub`);
  return topics;
}
