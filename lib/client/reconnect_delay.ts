/**
 * How long a client waits before it connects again, RFC 6455 §7.2.3: when a server falls, all its clients notice at once, and must
 * not come back at once.
 *
 * @module
 */
import { LONGEST_TIME } from "../limits.ts";

/** How the waiting grows. */
export interface ReconnectDelayOptions {
  /** The most milliseconds before the first attempt, RFC 6455's 0 to 5 seconds. @default {5000} */
  first?: number;
  /** The most milliseconds before any attempt, unless the server asks for more. @default {60000} */
  most?: number;
  /** `Retry-After` of the refusal, RFC 9110 §10.2.3: seconds, or a date. It is waited for, and the random part comes on top. */
  retryAfter?: string | null;
  /** A number from 0 up to 1, each as likely as any other. @default {Math.random} */
  random?: () => number;
}

/**
 * The time to wait before an attempt: random over the whole range (full jitter), whose end doubles with each attempt that failed,
 * up to a limit.
 *
 * @example Come back, but not all at once
 * ```ts
 * import { reconnectDelay } from "@sluice/websocket";
 * import { assert } from "@std/assert";
 *
 * assert(reconnectDelay(0) < 5_000);
 * assert(reconnectDelay(0, { retryAfter: "30" }) >= 30_000);
 * ```
 *
 * @param failures How many attempts have failed since the last connection: 0 for the first.
 * @param options How the waiting grows, and what the server asked for.
 * @returns Milliseconds, no more than a timer can wait (24.8 days): one that waits longer would fire at once.
 * @throws {RangeError} If `failures` is not a whole number of 0 or more.
 */
export function reconnectDelay(failures: number, options: ReconnectDelayOptions = {}): number {
  const { first = 5_000, most = 60_000, retryAfter = null, random = Math.random } = options;
  if (!(Number.isInteger(failures) && failures >= 0)) {
    throw new RangeError(`Cannot wait after ${failures} failures: it must be a whole number of 0 or more`);
  }
  const range = Math.min(first * 2 ** failures, most);
  return Math.min(asked(retryAfter) + random() * range, LONGEST_TIME);
}

/** What `Retry-After` asks for in milliseconds; nothing where it cannot be read or lies in the past. */
function asked(retryAfter: string | null): number {
  if (retryAfter === null) return 0;
  const text = retryAfter.trim();
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : Math.max(date - Date.now(), 0);
}
