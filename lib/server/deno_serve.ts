/**
 * WebSockets inside `Deno.serve`: the platform's own WebSocket, with the API of a Sluice connection.
 *
 * It cannot do what `Deno.upgradeWebSocket` cannot do:
 *
 * - There is no backpressure for incoming messages: the platform goes on reading while your handler is busy. At
 *   `maxQueuedBytes` of unread messages the connection is closed with code 1013.
 * - There is no `ping()`, no `roundTripTime` and no `tap()`. Keepalive is the platform's, in whole seconds.
 * - There is no compression and no other extension.
 * - Messages are whole: `messages()` gives each one as a single chunk, and you cannot send a message from a stream.
 * - `maxMessageBytes` is checked after the whole message has arrived (1009). The platform itself limits a frame to 64 MiB, and
 *   limits neither the number of fragments nor their time.
 * - The platform is lenient: it accepts unmasked frames. After other violations, and if the peer sends anything after our close
 *   frame, it ends the connection without a close frame. It answers a close frame at once, before the replies to earlier
 *   messages.
 * - `abort()` starts the closing handshake and ignores its outcome, because the platform cannot drop the connection.
 * - After a refusal, `Deno.serve` keeps the connection open for the next request.
 *
 * If you can, use `serve`, or `serveNode` of `./node`, instead.
 *
 * @module
 */
export { upgradeRequest } from "./upgrade_request.ts";
export type { UpgradeRequestOptions } from "./upgrade_request_options.ts";
export { type FetchServer, fetchServer, type FetchServerOptions } from "./fetch_server.ts";
