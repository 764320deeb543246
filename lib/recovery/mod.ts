/**
 * Topics whose subscribers get messages that they missed. Every message has a number, a log keeps it for some time, and a client
 * that reconnects sends the number of its last message.
 *
 * ```text
 *  publish ──▶ log ──▶ every server that has subscribers ──▶ those at the head, each message in its envelope, encoded once
 *               ▲                    │
 *               └── read once ◀──────┴── reconnecting clients: what follows their number, then the head
 * ```
 *
 * A client that was away gets every message once and in order, or a notice that it does not (`recovered: false`) and why. The
 * documentation explains the guarantees on the page "What is guaranteed".
 *
 * @example Two clients, one of which was away
 * ```ts
 * import { serve } from "@sluice/websocket";
 * import { createRecoverableHub, memoryLog } from "@sluice/websocket/recovery";
 * import { recovering } from "@sluice/websocket/recovery/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using hub = createRecoverableHub({ log: memoryLog() });
 * await using server = serve({ port: 0, hostname: "127.0.0.1", protocols: "sluice.v1" }, hub.handlers());
 *
 * const position = await hub.publish("news", "It rains", { durable: true });
 * hub.publish("news", "It pours");
 *
 * await using client = recovering(server.url, { topics: { news: position } });
 * for await (const event of client) {
 *   if (event.type !== "message") continue;
 *   assertEquals(event.data, "It pours");
 *   break;
 * }
 * ```
 *
 * @module
 */
export { createRecoverableHub } from "./recoverable_hub.ts";
export type {
  MessageInfo,
  RecoverableCallbacks,
  RecoverableHub,
  RecoverableHubOptions,
  RecoverablePublishOptions,
  RecoverableSubscribeOptions,
  RecoveryStats,
} from "./recoverable_options.ts";
export { memoryLog, type MemoryLogOptions } from "./memory_log.ts";
export type { AppendOptions, Log, LogEntry, LogListener, LogPage, Position, ReadLimit } from "./log.ts";
export { RECOVERY_PROTOCOL, type RefusedReason, type UnrecoveredReason } from "./protocol.ts";
export { DEFAULT_RECOVERY_LIMITS, type HubLimits, type RecoveryLimits } from "../limits.ts";
