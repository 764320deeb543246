/**
 * The rate limit of a connection, in messages and in bytes.
 *
 * @module
 */
import { LimitError } from "../errors.ts";
import { COUNT, oneOf, type OptionKinds } from "../option_kinds.ts";
import { checkOptions } from "../options.ts";
import { utf8Length } from "../pipeline/bytes/utf8.ts";
import type { Message } from "../pipeline/messages/message.ts";
import { type RateInit, TokenBucket } from "./rate.ts";

/** The options of a rate limit for the incoming messages of one connection. At least one of the two rates is required. */
export interface RateLimitOptions {
  /** The maximum number of messages per second. @default {Infinity} */
  messagesPerSecond?: number;
  /** The maximum number of messages at once, after a pause. @default {`messagesPerSecond`, the amount of one second} */
  messageBurst?: number;
  /** The maximum number of bytes of messages per second, after decompression; text counts as UTF-8. @default {Infinity} */
  bytesPerSecond?: number;
  /**
   * The maximum number of bytes at once, after a pause. A larger message has to wait until the rate allows it.
   * @default {`bytesPerSecond`, the amount of one second}
   */
  byteBurst?: number;
  /**
   * What happens if a peer sends faster: `"pause"` delays its messages and stops reading meanwhile, so that backpressure slows
   * down the peer; `"close"` closes the connection with 1008 and a `LimitError`.
   *
   * @default {"pause"}
   */
  exceeded?: "pause" | "close";
}

/** What they take. */
export const RATE_LIMIT_OPTION_KINDS: OptionKinds<RateLimitOptions> = {
  messagesPerSecond: COUNT,
  messageBurst: COUNT,
  bytesPerSecond: COUNT,
  byteBurst: COUNT,
  exceeded: oneOf("pause", "close"),
};

/** The rates of a limit, checked. */
export interface Rates {
  readonly messages: RateInit | undefined;
  readonly bytes: RateInit | undefined;
  readonly closes: boolean;
}

/**
 * Checks options.
 *
 * @param call The call that takes them, such as `rateLimited()`.
 * @param options The options.
 * @throws {TypeError} If an option is unknown or has the wrong type, or no rate is given.
 * @throws {RangeError} If a number is out of range.
 */
export function ratesOf(call: string, options: RateLimitOptions): Rates {
  checkOptions(call, options, RATE_LIMIT_OPTION_KINDS);
  const { messagesPerSecond, messageBurst, bytesPerSecond, byteBurst, exceeded } = options;
  const messages = rateOf(messagesPerSecond, messageBurst);
  const bytes = rateOf(bytesPerSecond, byteBurst);
  if (messages === undefined && bytes === undefined) {
    throw new TypeError(`${call} needs messagesPerSecond or bytesPerSecond`);
  }
  return { messages, bytes, closes: exceeded === "close" };
}

function rateOf(perSecond = Infinity, burst = perSecond): RateInit | undefined {
  return perSecond === Infinity || burst === Infinity ? undefined : { perSecond, burst };
}

/** The limit of one connection. It has no timer and works only when a message arrives. */
export class RateLimit {
  readonly #rates: Rates;
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;

  /**
   * @param rates The rates.
   * @param now Milliseconds by the clock of the caller.
   */
  constructor(rates: Rates, now: number) {
    this.#rates = rates;
    this.#messages = rates.messages && new TokenBucket(rates.messages, now);
    this.#bytes = rates.bytes && new TokenBucket(rates.bytes, now);
  }

  /**
   * Counts a received message.
   *
   * @param message The message.
   * @param now Milliseconds by the same clock.
   * @returns The milliseconds to delay the message; 0 if it may pass now, and it is then counted.
   * @throws {LimitError} If it exceeds the limit and `exceeded` is `"close"`.
   */
  take(message: Message, now: number): number {
    const size = this.#bytes === undefined ? 0 : typeof message === "string" ? utf8Length(message) : message.length;
    const forMessages = this.#messages?.delay(1, now) ?? 0;
    const forBytes = this.#bytes?.delay(size, now) ?? 0;
    const delay = Math.max(forMessages, forBytes);
    if (delay > 0) {
      if (this.#rates.closes) throw this.#exceeded(forMessages > 0);
      return delay;
    }
    this.#messages?.take(1);
    this.#bytes?.take(size);
    return 0;
  }

  #exceeded(byCount: boolean): LimitError {
    const [limit, rate] = byCount
      ? ["messagesPerSecond", this.#rates.messages] as const
      : ["bytesPerSecond", this.#rates.bytes] as const;
    const max = rate?.perSecond ?? 0;
    const what = byCount ? "messages" : "bytes";
    return new LimitError(`More than ${max} ${what} a second, and ${rate?.burst} at once`, {
      limit,
      max,
      closeCode: 1008,
    });
  }
}
