/**
 * A limit on how fast messages come over a connection, in messages and in bytes.
 *
 * @module
 */
import { LimitError } from "../errors.ts";
import { COUNT, oneOf, type OptionKinds } from "../option_kinds.ts";
import { checkOptions } from "../options.ts";
import { utf8Length } from "../pipeline/bytes/utf8.ts";
import type { Message } from "../pipeline/messages/message.ts";
import { type RateInit, TokenBucket } from "./rate.ts";

/** How fast messages may come over one connection. At least one of the two rates must be given. */
export interface RateLimitOptions {
  /** Messages a second. @default {Infinity} */
  messagesPerSecond?: number;
  /** Messages at once, after a pause. @default {`messagesPerSecond`, what comes in a second} */
  messageBurst?: number;
  /** Bytes of messages a second, after decompression; text counts as UTF-8. @default {Infinity} */
  bytesPerSecond?: number;
  /** Bytes at once, after a pause. A message that is larger waits for a pause that is long enough. @default {`bytesPerSecond`, what comes in a second} */
  byteBurst?: number;
  /**
   * What happens to a peer that sends faster: `"pause"` delays its messages and stops reading meanwhile, so that backpressure slows it
   * down; `"close"` closes the connection with 1008 and a `LimitError`.
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
 * @param call What takes them, such as `rateLimited()`.
 * @param options The options.
 * @throws {TypeError} If one is unknown or has the wrong type, or no rate is given.
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

/** The limit of one connection. Without a message it does nothing: it has no timer. */
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
   * Counts a message that came.
   *
   * @param message The message.
   * @param now Milliseconds by the same clock.
   * @returns Milliseconds after which it is in order; 0 if it is now. Then it counts as taken.
   * @throws {LimitError} If it is not in order, and `exceeded` is `"close"`.
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
