/**
 * The options of `upgradeRequest`.
 *
 * @module
 */
import { HUB, type Topics } from "../connection/topics.ts";
import { type OriginPolicy, ORIGINS } from "../handshake/origin.ts";
import { LIMIT_KINDS, type Limits } from "../limits.ts";
import { ANYTHING, CALLBACK, HEADERS, isObject, kind, type OptionKinds, TEXT_OR_TEXTS } from "../option_kinds.ts";
import type { Address } from "../transport/transport.ts";

/** How a request is upgraded. */
export interface UpgradeRequestOptions<Data = unknown> extends
  Partial<
    Pick<
      Limits,
      "maxMessageBytes" | "highWaterMark" | "maxQueuedBytes" | "closeTimeout" | "pingInterval" | "pongTimeout"
    >
  > {
  /** The subprotocol that this server speaks, or a list of them, the best first. */
  protocols?: string | readonly string[];
  /** The origins that may connect. By default only the host's own, where an `Origin` is sent. */
  origins?: OriginPolicy;
  /** More header fields of the answer, such as `Set-Cookie`. */
  headers?: HeadersInit;
  /** What the application keeps with the connection, as `socket.data`. */
  data?: Data;
  /** The peer's address, of the second argument of `Deno.serve`'s handler. */
  remoteAddr?: Address;
  /** What `socket.subscribe`, `unsubscribe` and `publish` are for: `createHub` of `./hub` makes one. */
  hub?: Topics;
  /** Gets what the handler throws. By default it is printed to the console. */
  onError?(error: unknown): unknown;
}

/** The limits among them. The others are the platform's. */
export type UpgradeRequestLimits = { readonly [Name in keyof Limits & keyof UpgradeRequestOptions]: Limits[Name] };

const { maxMessageBytes, highWaterMark, maxQueuedBytes, closeTimeout, pingInterval, pongTimeout } = LIMIT_KINDS;

/** What they take. */
export const UPGRADE_REQUEST_OPTION_KINDS: OptionKinds<UpgradeRequestOptions> = {
  maxMessageBytes,
  highWaterMark,
  maxQueuedBytes,
  closeTimeout,
  pingInterval,
  pongTimeout,
  protocols: TEXT_OR_TEXTS,
  origins: ORIGINS,
  headers: HEADERS,
  data: ANYTHING,
  remoteAddr: kind("an address", isObject),
  hub: HUB,
  onError: CALLBACK,
};
