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

/** The options of `upgradeRequest`. */
export interface UpgradeRequestOptions<Data = unknown> extends
  Partial<
    Pick<
      Limits,
      "maxMessageBytes" | "highWaterMark" | "maxQueuedBytes" | "closeTimeout" | "pingInterval" | "pongTimeout"
    >
  > {
  /** The subprotocols that the server speaks, the preferred one first. The first that the client also offers is chosen. */
  protocols?: string | readonly string[];
  /** The origins that may connect. By default only pages from the server's own host, and requests without `Origin`. */
  origins?: OriginPolicy;
  /** More header fields for the response, such as `Set-Cookie`. */
  headers?: HeadersInit;
  /** Your data for the connection, available as `socket.data`. */
  data?: Data;
  /** The client's address. Take it from the second argument of the `Deno.serve` handler. */
  remoteAddr?: Address;
  /** The hub for `socket.subscribe`, `unsubscribe` and `publish`. Create it with `createHub` of `./hub`. */
  hub?: Topics;
  /** Gets errors that the handler throws. By default they are printed to the console. */
  onError?(error: unknown): unknown;
}

/** The limits that apply. The platform sets the others. */
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
