/**
 * What the options of a connection's own calls take.
 *
 * @module
 */
import { COUNT_OR_NONE, FLAG, type Kind, oneOf, type OptionKinds, whole } from "../option_kinds.ts";
import { MESSAGE_TYPE } from "../pipeline/messages/chunk_fragmenter.ts";
import type { TapOptions } from "./watch/tap.ts";
import type { SlowPolicy, SubscribeOptions } from "./topics.ts";
import type { SendOptions } from "./websocket_connection.ts";

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
