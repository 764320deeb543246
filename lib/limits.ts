/**
 * Every cap, with its default, its unit and its reason. Sizes are bytes, times are milliseconds.
 *
 * A limit on bytes alone is no limit: most advisories of 2026 grow with count (fragments, pings, header fields), so
 * parts are counted as well.
 *
 * @module
 */

/** The caps of one connection. Every one is an option of `accept`, `connect` and `serve`. */
export interface Limits {
  /** Bytes of one message, after decompression. */
  maxMessageBytes: number;
  /** Frames of one message, empty ones included. */
  maxFragments: number;
  /** Empty frames in a row within one message. */
  maxEmptyFragments: number;
  /** Milliseconds from the first frame of a message to its last. `0` means no deadline. */
  messageTimeout: number;
  /** Milliseconds from the connection to the end of the opening handshake, TLS included. Absolute: bytes do not reset it. */
  handshakeTimeout: number;
  /** Bytes of an HTTP head, request or response. */
  maxHeaderBytes: number;
  /** Header fields of an HTTP head. */
  maxHeaderCount: number;
  /** Bytes of the request line or status line. */
  maxStartLineBytes: number;
  /** Milliseconds of silence from the peer before a ping is sent. `0` means never. */
  pingInterval: number;
  /** Milliseconds that a ping waits for any byte of the peer. */
  pongTimeout: number;
  /** Milliseconds that a closing handshake may take. */
  closeTimeout: number;
  /** Bytes queued out at which `send` starts to wait. */
  highWaterMark: number;
  /** Bytes queued out at which a peer that does not read is disconnected. Reached only where `send` is not awaited. */
  maxQueuedBytes: number;
  /** Bytes of a refused response's body that the client reads for its error. */
  maxErrorBodyBytes: number;
}

/** The defaults. The reason of each stands beside it. */
export const DEFAULT_LIMITS: Readonly<Limits> = Object.freeze({
  // Bun's default, and the largest that the Autobahn suite needs (9.1.6); ws takes 100 MiB, uWebSockets 16 KiB.
  maxMessageBytes: 16 * 1024 * 1024,
  // Autobahn 9.3.1 sends 4 MiB in 65 536 fragments of 64 bytes. Fragments are copied into one buffer, so a fragment costs
  // its bytes and a little time, never an object that lives on (CVE-2026-48779, CVE-2026-12151).
  maxFragments: 65_536,
  // Empty fragments cost the sender two to six bytes each and move nothing (ws#2329). A real sender uses one or two.
  maxEmptyFragments: 128,
  // A message that is never finished holds its buffer (T7). A minute is 2.2 Mbit/s at the largest message.
  messageTimeout: 60_000,
  // coder, uWebSockets and Python websockets agree on ten seconds.
  handshakeTimeout: 10_000,
  // node:http's figure. Deno's own takes 64 KiB.
  maxHeaderBytes: 16 * 1024,
  // aiohttp and Python websockets take 128, Apache 100.
  maxHeaderCount: 100,
  // Python websockets and h11 agree with Apache's 8190.
  maxStartLineBytes: 8 * 1024,
  // Python websockets' figures: short of every common proxy's idle timeout (nginx 60 s, AWS 60 s).
  pingInterval: 20_000,
  pongTimeout: 20_000,
  // Python websockets' figure; ws takes 30 s, coder 5 s.
  closeTimeout: 10_000,
  // One write of this size fills a loopback socket's first window; more only adds memory.
  highWaterMark: 64 * 1024,
  // NATS cuts a slow consumer at 64 MiB, Redis at 32 MB. Four of the largest messages.
  maxQueuedBytes: 64 * 1024 * 1024,
  // Enough for an error page.
  maxErrorBodyBytes: 64 * 1024,
});

/**
 * Checks given limits and fills in the defaults.
 *
 * @param given Options that may carry limits.
 * @returns All limits.
 * @throws {RangeError} If a limit is not a whole number, or is below what makes sense.
 */
export function resolveLimits(given: Partial<Limits> = {}): Limits {
  const limits = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(limits) as (keyof Limits)[]) {
    const value = given[name];
    if (value === undefined) continue;
    const mayBeZero = name.endsWith("Timeout") || name.endsWith("Interval") || name === "maxEmptyFragments";
    if (!(Number.isSafeInteger(value) || value === Infinity) || value < (mayBeZero ? 0 : 1)) {
      throw new RangeError(
        `Cannot use ${name} ${value}: it must be a whole number of ${mayBeZero ? 0 : 1} or more, or Infinity`,
      );
    }
    limits[name] = value;
  }
  return limits;
}
