/**
 * How long a client waits before it reconnects (RFC 6455 §7.2.3). When a server fails, all its clients notice at once, but must
 * not reconnect at once.
 *
 * @module
 */
import { CALLBACK, kind, LONGEST_TIME, type OptionKinds, TIME, whole } from "./option_kinds.ts";
import { checkOptions } from "./options.ts";

/** How the delays grow. */
export interface ReconnectDelayOptions {
  /** The longest delay before the first attempt, in milliseconds. RFC 6455 recommends 0 to 5 seconds. @default {5000} */
  first?: number;
  /** The longest delay before any attempt, in milliseconds, unless the server asks for more. @default {60000} */
  most?: number;
  /**
   * The field `Retry-After` of a refusal (RFC 9110 §10.2.3): seconds, or a date. If there are several, the longest counts. The
   * random delay is added to it.
   */
  retryAfter?: string | null;
  /** Returns a random number from 0 up to, but not including, 1. @default {Math.random} */
  random?: () => number;
}

/** Attempts without any delay between them would be a busy loop. */
const MOST = whole({ unit: "milliseconds", least: 1, most: LONGEST_TIME });

/** The types of {@linkcode ReconnectDelayOptions}. */
export const RECONNECT_DELAY_OPTION_KINDS: OptionKinds<ReconnectDelayOptions> = {
  first: TIME,
  most: MOST,
  retryAfter: kind("a string or null", (value) => typeof value === "string" || value === null),
  random: CALLBACK,
};

/** The two options that other modules share: a broker that reconnects, and a worker that is restarted. */
export const RANGE_KINDS: OptionKinds<Pick<ReconnectDelayOptions, "first" | "most">> = { first: TIME, most: MOST };

/**
 * Returns the delay before an attempt. It is random over the whole range (full jitter), and the end of the range doubles with
 * each failed attempt, up to a limit.
 *
 * @example Delays that spread out reconnecting clients
 * ```ts
 * import { reconnectDelay } from "@sluice/websocket/client";
 * import { assert } from "@std/assert";
 *
 * assert(reconnectDelay(0) < 5_000);
 * assert(reconnectDelay(0, { retryAfter: "30" }) >= 30_000);
 * ```
 *
 * @param failures How many attempts have failed since the last connection: 0 for the first.
 * @param options How the delays grow, and the delay that the server asked for.
 * @returns Milliseconds, no more than a timer can wait (24.8 days), because a longer timer would fire at once.
 * @throws {RangeError} If `failures` is not a whole number of 0 or more, or a time is out of range.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 */
export function reconnectDelay(failures: number, options: ReconnectDelayOptions = {}): number {
  checkOptions("reconnectDelay()", options, RECONNECT_DELAY_OPTION_KINDS);
  const { first = 5_000, most = 60_000, retryAfter = null, random = Math.random } = options;
  if (!(Number.isInteger(failures) && failures >= 0)) {
    throw new RangeError(`Cannot wait after ${failures} failures: it must be a whole number of 0 or more`);
  }
  // With `first: 0` nothing would double. The second part grows even then, so that failing attempts always have a delay between
  // them.
  const factor = 2 ** Math.min(failures, 31); // 0 times Infinity is NaN
  const range = Math.min(Math.max(first * factor, factor - 1), most, LONGEST_TIME);
  const part = Math.min(Math.max(random(), 0), 1);
  return Math.min(asked(retryAfter) + (Number.isNaN(part) ? 1 : part) * range, LONGEST_TIME);
}

/** The dates of RFC 9110 §5.6.7: the preferred form and that of RFC 850. */
const DATE = /^[A-Z][a-z]+, \d\d[ -][A-Z][a-z]{2}[ -]\d\d(?:\d\d)? \d\d:\d\d:\d\d GMT$/;

/** The form of C's `asctime`, which does not name the time zone (GMT). */
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}$/;

/** Returns the delay that `Retry-After` asks for in milliseconds: the longest if there are several fields. */
function asked(retryAfter: string | null): number {
  if (retryAfter === null) return 0;
  // A comma after the name of a day belongs to the date.
  const elements = retryAfter.split(/(?<!Mon|Tue|Wed|Thu|Fri|Sat|Sun|day),/);
  return Math.max(...elements.map((element) => waitOf(element.trim())));
}

/** Converts one value to milliseconds: 0 if it is neither seconds nor a date, or lies in the past. */
function waitOf(text: string): number {
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_TIME);
  const date = DATE.test(text) ? Date.parse(text) : ASCTIME.test(text) ? Date.parse(`${text} GMT`) : NaN;
  return Number.isNaN(date) ? 0 : Math.min(Math.max(date - Date.now(), 0), LONGEST_TIME);
}
