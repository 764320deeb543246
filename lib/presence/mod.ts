/**
 * Presence: who is in a topic, with some data about each member, across servers. A page that reloads does not leave and join.
 *
 * ```text
 *  join ──▶ the members of this server ──┬──▶ members(topic), onChange
 *           those of other servers ──────┘
 *                 ▲       │ changes, a heartbeat with a version, and the complete list when another server asks for it
 *                 └─ broker
 * ```
 *
 * @example A member joins and leaves
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { createPresence } from "@sluice/websocket/presence";
 * import { assertEquals } from "@std/assert";
 *
 * await using presence = createPresence<{ name: string }>({
 *   onChange: (topic, change) => void presence.send(topic, JSON.stringify(change)),
 * });
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, {
 *   open: (socket) => void presence.join(socket, "room", { id: "ada", data: { name: "Ada" } }),
 * });
 *
 * await using socket = await connect(server.url);
 * const { value } = await socket[Symbol.asyncIterator]().next();
 * assertEquals(JSON.parse(String(value)), {
 *   joined: [{ id: "ada", data: { name: "Ada" } }],
 *   updated: [],
 *   left: [],
 * });
 * assertEquals(presence.members("room").get("ada"), { name: "Ada" });
 * ```
 *
 * @module
 */
export { createPresence } from "./presence.ts";
export type { Presence, PresenceChange, PresenceMember, PresenceOptions } from "./presence_options.ts";
export { DEFAULT_PRESENCE_LIMITS, type PresenceLimits } from "../limits.ts";
