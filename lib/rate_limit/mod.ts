/**
 * Rate limits for incoming messages of a connection, in messages and in bytes per second.
 *
 * @example Fifty messages a second, and 64 KiB
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { rateLimitedHandler } from "@sluice/websocket/rate-limit";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = serve(
 *   { port: 0, hostname: "127.0.0.1" },
 *   rateLimitedHandler({ messagesPerSecond: 50, bytesPerSecond: 64 * 1024 }, {
 *     message: (socket, data) => void socket.send(data),
 *   }),
 * );
 * await using socket = await connect(server.url);
 * await socket.send("hello");
 * assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
 * ```
 *
 * @module
 */
export type { RateLimitOptions } from "./rate_limit.ts";
export {
  rateLimited,
  type RateLimitedConnection,
  type RateLimitedHandler,
  rateLimitedHandler,
} from "./rate_limited.ts";
export type { MessageConnection } from "../typed/message_connection.ts";
