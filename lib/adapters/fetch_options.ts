/**
 * The options of the adapters' `upgradeWebSocket`.
 *
 * @module
 */
import type { OptionKinds } from "../option_kinds.ts";
import { bag, without } from "../options.ts";
import { UPGRADE_REQUEST_OPTION_KINDS, type UpgradeRequestOptions } from "../server/upgrade_request_options.ts";

/** The options of `upgradeWebSocket`. */
export interface FetchUpgradeOptions<Data = unknown>
  extends Pick<UpgradeRequestOptions<Data>, "protocols" | "headers" | "data"> {
  /**
   * Options for requests of `Deno.serve` only: the limits, `origins`, `hub`, `remoteAddr` and `onError`. For other requests, they
   * are options of the Sluice server.
   */
  platform?: Omit<UpgradeRequestOptions<Data>, "protocols" | "headers" | "data">;
}

const { protocols, headers, data } = UPGRADE_REQUEST_OPTION_KINDS;
/** The types of what the application decides. */
export const CHOICE_KINDS = { protocols, headers, data };
/** The types of the options in `platform`. */
export const PLATFORM_KINDS: OptionKinds<NonNullable<FetchUpgradeOptions["platform"]>> = without(
  UPGRADE_REQUEST_OPTION_KINDS,
  "protocols",
  "headers",
  "data",
);
/** The types of these options. */
export const FETCH_UPGRADE_OPTION_KINDS: OptionKinds<FetchUpgradeOptions> = {
  ...CHOICE_KINDS,
  platform: bag(PLATFORM_KINDS),
};
