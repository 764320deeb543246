/**
 * The options of a connection's own calls, and what each takes.
 *
 * @module
 */
import { COUNT_OR_NONE, FLAG, type Kind, oneOf, type OptionKinds, whole } from "../option_kinds.ts";
import { MESSAGE_TYPE } from "../pipeline/messages/chunk_fragmenter.ts";

/** What a tap records. */
export interface TapOptions {
  /** Bytes of a payload that a frame's line shows; the line always has its `length`. @default {1024} */
  maxPayloadBytes?: number;
  /**
   * Whether the bytes of every read and write are recorded, which `replay` needs. `false` with `maxPayloadBytes: 0` records when
   * frames came and how large they were, and nothing of what was said. @default {true}
   */
  wire?: boolean;
  /**
   * Characters of lines that may wait for their reader. What comes then is not recorded, and a line says how many lines are
   * missing: `{"ms":12.5,"lost":3}`. @default {1048576}, 1 MiB
   */
  highWaterMark?: number;
}

/**
 * What becomes of messages for a subscriber that does not read fast enough, which begins at its `highWaterMark`. None of them holds
 * the publisher. All that is published in one call stack is queued before anything is written, as if no peer read meanwhile.
 *
 * - `disconnect`: it is closed with 1013 when `maxBacklogBytes` are queued for it;
 * - `wait`: messages wait in the connection's queue, in order with all that is sent on it; at `maxQueuedBytes` it is cut off;
 * - `drop-oldest`: the newest `maxBacklogBytes` are kept for it, and what is sent to it by `send` overtakes them;
 * - `latest-only`: the same for the newest message of each topic.
 *
 * Dropped messages are counted (`hub.dropped(socket)`, `hub.stats.dropped`) and reported (`onDropped`).
 */
export type SlowPolicy = "disconnect" | "wait" | "drop-oldest" | "latest-only";

/** How a topic is subscribed to. */
export interface SubscribeOptions {
  /** The most messages of the topic's history that are sent first, the oldest of them first. @default {0} */
  history?: number;
  /** What happens when the subscriber is slow. @default {the hub's} */
  slowPolicy?: SlowPolicy;
}

/** How a message is sent. */
export interface SendOptions {
  /**
   * Whether it is compressed: `false` for what is compressed already, or mixes secrets with what others may choose (RFC 7692
   * §8). By default the extension decides.
   */
  compress?: boolean;
  /**
   * What a message from a source is, where its first chunk is not to decide: a source of no chunks is an empty binary message
   * unless this says otherwise. Data is what it is.
   */
  type?: "text" | "binary";
}

/** `socket.send`. */
export const SEND_OPTION_KINDS: OptionKinds<SendOptions> = { compress: FLAG, type: MESSAGE_TYPE };

/** `socket.tap`. */
export const TAP_OPTION_KINDS: OptionKinds<TapOptions> = {
  maxPayloadBytes: whole({ unit: "bytes" }),
  wire: FLAG,
  highWaterMark: whole({ unit: "characters" }),
};

/** Every policy: TypeScript holds the list complete. */
const SLOW_POLICIES: Readonly<Record<SlowPolicy, true>> = {
  "disconnect": true,
  "wait": true,
  "drop-oldest": true,
  "latest-only": true,
};

/** What happens to a slow subscriber. */
export const SLOW_POLICY: Kind = oneOf(...Object.keys(SLOW_POLICIES));

/** `socket.subscribe`. */
export const SUBSCRIBE_OPTION_KINDS: OptionKinds<SubscribeOptions> = {
  history: COUNT_OR_NONE,
  slowPolicy: SLOW_POLICY,
};
