/**
 * Topics as a connection sees them: all that the core knows of a hub.
 *
 * @module
 */
import { invalidState } from "../errors.ts";
import type { MessageData } from "../pipeline/messages/message.ts";
import { type Kind, like } from "../option_kinds.ts";
import type { SendOptions, WebSocketConnection } from "./websocket_connection.ts";

/**
 * What becomes of messages for a subscriber that does not read fast enough, which begins at its `highWaterMark`. None of them holds
 * the publisher. Whatever is published in one call stack is queued before anything is written, as if nobody read meanwhile.
 *
 * - `disconnect`: it is closed with 1013 when `maxBacklogBytes` are queued for it;
 * - `wait`: messages wait in the connection's queue, in order with all that is sent on it; at `maxQueuedBytes` it is cut off;
 * - `drop-oldest`: the newest `maxBacklogBytes` are kept for it, and what is sent to it by `send` overtakes them;
 * - `latest-only`: the same for the newest message of each topic.
 *
 * Dropped messages are counted (`hub.dropped(socket)`, `hub.stats.dropped`) and told of (`onDropped`).
 */
export type SlowPolicy = "disconnect" | "wait" | "drop-oldest" | "latest-only";

/** How a topic is subscribed to. */
export interface SubscribeOptions {
  /** The most messages of the topic's history that are sent first, the oldest of them first. @default {0} */
  history?: number;
  /** What happens when the subscriber is slow. @default {the hub's} */
  slowPolicy?: SlowPolicy;
}

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
