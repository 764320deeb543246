/**
 * The client for topics with recovery: a connection that reconnects and continues in each topic where it was. It loads no code of
 * the server.
 *
 * Any other client can do the same: the subprotocol `sluice.v1` has only a few JSON objects, and a page can implement it in about
 * twenty lines.
 *
 * @example Read the messages of a topic
 * ```ts
 * import { serve } from "@sluice/websocket";
 * import { createRecoverableHub, memoryLog } from "@sluice/websocket/recovery";
 * import { recovering } from "@sluice/websocket/recovery/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using hub = createRecoverableHub({ log: memoryLog() });
 * await using server = serve({ port: 0, hostname: "127.0.0.1", protocols: "sluice.v1" }, hub.handlers({
 *   message: (_, data, { id }) => hub.publish("room", data, { durable: true, id }),
 * }));
 *
 * await using client = recovering(server.url, { topics: { room: undefined }, acknowledge: true });
 * const events = client[Symbol.asyncIterator]();
 * assertEquals((await events.next()).value.type, "subscribed");
 * const sent = client.send("hello");
 * assertEquals((await events.next()).value.data, "hello");
 * events.next(); // what is read settles what was sent
 * await sent; // the server's application has it
 * ```
 *
 * @module
 */
export { recovering, type RecoveringOptions } from "./recovering.ts";
export type { RecoveringConnection, RecoveryClientOptions, RecoveryEvent } from "./recovering_connection.ts";
export { RECOVERY_PROTOCOL, type RefusedReason, type UnrecoveredReason } from "./protocol.ts";
export type { Position } from "./log.ts";
