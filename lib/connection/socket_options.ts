/**
 * The options of a connection's methods, and the type of each.
 *
 * @module
 */
import { COUNT_OR_NONE, FLAG, type Kind, oneOf, type OptionKinds, whole } from "../option_kinds.ts";
import { MESSAGE_TYPE } from "../pipeline/messages/chunk_fragmenter.ts";

/** The options of `socket.tap`. */
export interface TapOptions {
  /** The maximum number of bytes of a payload in a line. The line always has the `length` of the frame. @default {1024} */
  maxPayloadBytes?: number;
  /**
   * Whether to record the bytes of every read and write, which `replay` needs. With `false` and `maxPayloadBytes: 0`, the
   * recording contains only the time and size of each frame.
   * @default {true}
   */
  wire?: boolean;
  /**
   * The maximum number of characters of lines that may wait for the reader. Beyond that, lines are discarded, and a line tells
   * how many: `{"ms":12.5,"lost":3}`.
   * @default {1048576}, 1 MiB
   */
  highWaterMark?: number;
}

/**
 * What happens to messages for a subscriber that does not keep up, which means that `highWaterMark` bytes are queued for it. No
 * policy makes the publisher wait. All messages that are published in one call stack are queued before anything is written.
 *
 * - `disconnect`: it is closed with code 1013 when `maxBacklogBytes` are queued for it;
 * - `wait`: messages wait in the connection's queue, in order with everything else that is sent; at `maxQueuedBytes` it is
 *   dropped;
 * - `drop-oldest`: the newest `maxBacklogBytes` are kept for it. Messages that you `send` to it overtake them;
 * - `latest-only`: like `drop-oldest`, but only the newest message of each topic is kept.
 *
 * Discarded messages are counted (`hub.dropped(socket)`, `hub.stats.dropped`) and reported (`onDropped`).
 */
export type SlowPolicy = "disconnect" | "wait" | "drop-oldest" | "latest-only";

/** The options of `subscribe`. */
export interface SubscribeOptions {
  /** The maximum number of messages from the topic's history to send first, in order. @default {0} */
  history?: number;
  /** What happens if the subscriber does not keep up. @default {the hub's} */
  slowPolicy?: SlowPolicy;
}

/** The options of `send`. */
export interface SendOptions {
  /**
   * Whether to compress the message. Pass `false` for data that is compressed already, or that mixes secrets with data from
   * others (RFC 7692 §8). By default the extension decides.
   */
  compress?: boolean;
  /**
   * The type of a message that is sent from a stream. By default the first chunk decides, and a stream without chunks is an empty
   * binary message. For other data it has no effect.
   */
  type?: "text" | "binary";
}

/** The options of `socket.send`, for their check. */
export const SEND_OPTION_KINDS: OptionKinds<SendOptions> = { compress: FLAG, type: MESSAGE_TYPE };

/** The options of `socket.tap`, for their check. */
export const TAP_OPTION_KINDS: OptionKinds<TapOptions> = {
  maxPayloadBytes: whole({ unit: "bytes" }),
  wire: FLAG,
  highWaterMark: whole({ unit: "characters" }),
};

/** All policies. TypeScript checks that the list is complete. */
const SLOW_POLICIES: Readonly<Record<SlowPolicy, true>> = {
  "disconnect": true,
  "wait": true,
  "drop-oldest": true,
  "latest-only": true,
};

/** What happens to a slow subscriber. */
export const SLOW_POLICY: Kind = oneOf(...Object.keys(SLOW_POLICIES));

/** The options of `socket.subscribe`, for their check. */
export const SUBSCRIBE_OPTION_KINDS: OptionKinds<SubscribeOptions> = {
  history: COUNT_OR_NONE,
  slowPolicy: SLOW_POLICY,
};
