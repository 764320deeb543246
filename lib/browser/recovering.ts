/**
 * `recovering` for browsers: over their own `WebSocket`.
 *
 * @module
 */
import { resolveReconnectLimits } from "../limits.ts";
import type { OptionKinds } from "../option_kinds.ts";
import { pick, takeOptions, without } from "../options.ts";
import { RECOVERY_PROTOCOL } from "../recovery/protocol.ts";
import {
  Recovering,
  type RecoveringConnection,
  RECOVERY_CLIENT_OPTION_KINDS,
  type RecoveryClientOptions,
} from "../recovery/recovering_connection.ts";
import {
  BROWSER_RECONNECTING_OPTION_KINDS,
  type BrowserReconnectingOptions,
  type BrowserUrl,
  reconnecting,
} from "./reconnecting.ts";

/**
 * The options of `recovering`: those of `reconnecting` without `protocols`, and the topics.
 *
 * @typeParam Data The type of `socket.data`.
 */
export interface BrowserRecoveringOptions<Data = unknown>
  extends Omit<BrowserReconnectingOptions<Data>, "protocols">, RecoveryClientOptions {}

/** The options that are those of `reconnecting`. The subprotocol is ours. */
const CONNECTION_OPTION_KINDS = without(BROWSER_RECONNECTING_OPTION_KINDS, "protocols");

/** The options of `recovering`, for their check. */
export const BROWSER_RECOVERING_OPTION_KINDS: OptionKinds<BrowserRecoveringOptions> = {
  ...CONNECTION_OPTION_KINDS,
  ...RECOVERY_CLIENT_OPTION_KINDS,
};

/**
 * Opens a WebSocket connection from a page to a server with `./recovery`. After a lost connection it reconnects, and continues in each
 * topic with what it missed. If the server no longer has that, the event `subscribed` has `recovered: false` and the reason.
 *
 * @example On a page, and here in Deno
 * ```ts
 * import { recovering } from "@sluice/websocket/browser";
 * import { createRecoverableHub, memoryLog } from "@sluice/websocket/recovery";
 * import { serve } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * await using hub = createRecoverableHub({ log: memoryLog() });
 * await using server = serve({ port: 0, hostname: "127.0.0.1", protocols: "sluice.v1" }, hub.handlers());
 *
 * await using client = recovering(server.url, { topics: { news: undefined } });
 * for await (const event of client) {
 *   if (event.type === "subscribed") hub.publish("news", "It rains");
 *   if (event.type !== "message") continue;
 *   assertEquals(event.data, "It rains");
 *   break;
 * }
 * ```
 *
 * @typeParam Data The type of `socket.data`.
 * @param url The URL, as for `reconnecting`.
 * @param options The topics, and the options of `reconnecting`.
 * @returns The connection. It has begun to connect.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function recovering<Data = unknown>(
  url: BrowserUrl,
  options: BrowserRecoveringOptions<Data> = {},
): RecoveringConnection<Data> {
  options = takeOptions("recovering()", options, BROWSER_RECOVERING_OPTION_KINDS);
  const connection = pick<Omit<BrowserReconnectingOptions<Data>, "protocols">>(options, CONNECTION_OPTION_KINDS);
  return new Recovering({
    ...options,
    limits: resolveReconnectLimits(options),
    open: (onConnect) => reconnecting(url, { ...connection, protocols: RECOVERY_PROTOCOL, onConnect }),
  });
}
