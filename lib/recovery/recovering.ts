/**
 * A client with recovery. It remembers its position in each topic, and sends the positions whenever it reconnects.
 *
 * @module
 */
import { type Fresh, RECONNECTING_OPTION_KINDS, type ReconnectingOptions } from "../client/client_options.ts";
import { reconnecting } from "../client/reconnecting.ts";
import { resolveReconnectLimits } from "../limits.ts";
import type { OptionKinds } from "../option_kinds.ts";
import { pick, takeOptions, without } from "../options.ts";
import { RECOVERY_PROTOCOL } from "./protocol.ts";
import {
  Recovering,
  type RecoveringConnection,
  RECOVERY_CLIENT_OPTION_KINDS,
  type RecoveryClientOptions,
} from "./recovering_connection.ts";

/** The options of `recovering`: those of `reconnecting` without `protocols`, and the topics. */
export interface RecoveringOptions<Data = unknown>
  extends Omit<ReconnectingOptions<Data>, "protocols">, RecoveryClientOptions {}

/** The options that are those of `reconnecting`. The subprotocol is ours. */
const CONNECTION_OPTION_KINDS = without(RECONNECTING_OPTION_KINDS, "protocols");

/** The options of `recovering`, for their check. */
export const RECOVERING_OPTION_KINDS: OptionKinds<RecoveringOptions> = {
  ...CONNECTION_OPTION_KINDS,
  ...RECOVERY_CLIENT_OPTION_KINDS,
};

/**
 * Opens a WebSocket connection that reconnects, and whose topics continue where they were.
 *
 * @example A server that drops its client
 * ```ts
 * import { serve } from "@sluice/websocket";
 * import { createRecoverableHub, memoryLog } from "@sluice/websocket/recovery";
 * import { recovering } from "@sluice/websocket/recovery/client";
 * import { assertEquals } from "@std/assert";
 *
 * await using hub = createRecoverableHub({ log: memoryLog() });
 * await using server = serve({ port: 0, hostname: "127.0.0.1", protocols: "sluice.v1" }, hub.handlers());
 *
 * await using client = recovering(server.url, { topics: { news: undefined }, delay: { first: 10 } });
 * const heard: unknown[] = [];
 * for await (const event of client) {
 *   if (event.type === "message") heard.push(event.data);
 *   if (heard.length === 2) break;
 *   if (event.type === "subscribed" && event.recovered === undefined) {
 *     for (const socket of server.connections) socket.abort();
 *     hub.publish("news", "It rains");
 *     hub.publish("news", "It pours");
 *   }
 * }
 * assertEquals(heard, ["It rains", "It pours"]);
 * ```
 *
 * @typeParam Data The type of `socket.data`.
 * @param url The URL, as for `reconnecting`.
 * @param options The topics, and the options of `reconnecting`.
 * @returns The connection. It has begun to connect.
 * @throws {DOMException} `SyntaxError` for an invalid URL.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function recovering<Data = unknown>(
  url: Fresh<string | URL>,
  options: RecoveringOptions<Data> = {},
): RecoveringConnection<Data> {
  options = takeOptions("recovering()", options, RECOVERING_OPTION_KINDS);
  const connection = pick<Omit<ReconnectingOptions<Data>, "protocols">>(options, CONNECTION_OPTION_KINDS);
  return new Recovering({
    ...options,
    limits: resolveReconnectLimits(options),
    open: (onConnect) => reconnecting(url, { ...connection, protocols: RECOVERY_PROTOCOL, onConnect }),
  });
}
