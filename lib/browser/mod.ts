/**
 * The client for browsers: `reconnecting` over their own `WebSocket`, the typed messages of `./typed`, and `recovering` for topics of
 * `./recovery`. `sluice.js` beside this file is the same as one file that a page loads by its URL, with no build:
 *
 * ```html
 * <script type="module">
 *   import { json, reconnecting, typed } from "./sluice.js";
 *
 *   const peer = typed(reconnecting("/chat"), json());
 *   await peer.send({ text: "hello" });
 *   for await (const message of peer) console.log(message);
 * </script>
 * ```
 *
 * @module
 */
export { type BrowserLimits, type BrowserReconnectingOptions, type BrowserUrl, reconnecting } from "./reconnecting.ts";
export { type BrowserRecoveringOptions, recovering } from "./recovering.ts";
export type { RecoveringConnection, RecoveryClientOptions, RecoveryEvent } from "../recovery/recovering_connection.ts";
export type { RefusedReason, UnrecoveredReason } from "../recovery/protocol.ts";
export type { Position } from "../recovery/log.ts";
export type {
  ReconnectingConnection,
  ReconnectingHooks,
  ReconnectingState,
} from "../client/reconnecting_connection.ts";
export { shouldReconnect } from "../client/should_reconnect.ts";
export { ConnectionError, WebSocketError } from "../errors.ts";
export * from "../typed/mod.ts";
