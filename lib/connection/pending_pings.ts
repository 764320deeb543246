/**
 * Pings that wait for their pongs, RFC 6455 §5.5.2 and §5.5.3.
 *
 * @module
 */
import { defer, type Deferred, handled } from "../async.ts";
import { ConnectionError } from "../errors.ts";
import { MAX_PENDING_PINGS } from "../limits.ts";
import { bytesOf, type MessageData } from "../pipeline/messages/message.ts";

interface PendingPing {
  /** The payload, a character for each byte. */
  readonly key: string;
  readonly sent: number;
  readonly deferred: Deferred<number>;
}

/** Matches pongs to pings and measures the round trips. */
export class PendingPings {
  /** The oldest first. */
  readonly #pending = new Set<PendingPing>();
  /** How many of them have each payload. */
  readonly #waiting = new Map<string, number>();
  #next = 0;
  #roundTripTime: number | undefined;
  readonly #watch: { roundTrip(ms: number): void } | undefined;

  /** @param watch Gets every round trip, in milliseconds. */
  constructor(watch?: { roundTrip(ms: number): void }) {
    this.#watch = watch;
  }

  /** The latest round trip in milliseconds. */
  get roundTripTime(): number | undefined {
    return this.#roundTripTime;
  }

  /**
   * Starts the clock for a ping.
   *
   * @param payload The payload; by default a number that no other ping of this connection has.
   * @returns The payload's bytes, and the round trip in milliseconds when it is known.
   *   The promise is rejected with `ConnectionError` when too many wait behind it.
   * @throws {RangeError} If the payload is more than 125 bytes (§5.5).
   */
  add(payload?: MessageData): { payload: Uint8Array<ArrayBuffer>; roundTrip: Promise<number> } {
    const bytes = pingBytes(payload) ?? this.#number();
    const deferred = defer<number>();
    deferred.promise.catch(() => {}); // ignoring the promise is safe when the connection ends
    const key = keyOf(bytes);
    this.#pending.add({ key, sent: performance.now(), deferred });
    this.#waiting.set(key, (this.#waiting.get(key) ?? 0) + 1);
    if (this.#pending.size > MAX_PENDING_PINGS) this.#giveUpOldest();
    return { payload: bytes, roundTrip: deferred.promise };
  }

  /** A pong came. It answers its ping and those before it: a peer may answer only the latest. Others are ignored. */
  receive(payload: Uint8Array): void {
    const key = keyOf(payload);
    if (!this.#waiting.has(key)) return; // so it costs one look
    const now = performance.now();
    // Each ping is answered once, so all pongs together cost no more than the pings.
    for (const ping of this.#pending) {
      this.#remove(ping);
      this.#roundTripTime = now - ping.sent;
      ping.deferred.resolve(this.#roundTripTime);
      this.#watch?.roundTrip(this.#roundTripTime);
      if (ping.key === key) return;
    }
  }

  /** The connection ended: no pong will come. */
  end(error: unknown): void {
    for (const ping of this.#pending) {
      this.#remove(ping);
      ping.deferred.reject(error);
    }
  }

  #remove(ping: PendingPing): void {
    this.#pending.delete(ping);
    const left = this.#waiting.get(ping.key)! - 1;
    if (left === 0) this.#waiting.delete(ping.key);
    else this.#waiting.set(ping.key, left);
  }

  #giveUpOldest(): void {
    for (const ping of this.#pending) {
      this.#remove(ping);
      return ping.deferred.reject(
        new ConnectionError(`The peer answered neither this ping nor the ${MAX_PENDING_PINGS} behind it`),
      );
    }
  }

  #number(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, this.#next++);
    return bytes;
  }
}

/**
 * Checks a ping's payload, in every state of a connection.
 *
 * @returns A copy of the bytes; `undefined` where there is no payload.
 * @throws {TypeError} If it is no text, no buffer and no view.
 * @throws {RangeError} If it is more than 125 bytes (§5.5).
 */
export function pingBytes(payload: MessageData | undefined): Uint8Array<ArrayBuffer> | undefined {
  if (payload === undefined) return undefined;
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : bytesOf(payload).slice();
  if (bytes.length > 125) {
    throw new RangeError(`Cannot ping with ${bytes.length} bytes: the limit of a control frame is 125`);
  }
  return bytes;
}

/** The answer to a ping where there are none. Ignoring it is safe, as for any ping that comes to nothing. */
export function rejectNoPing(what: string): Promise<never> {
  return handled(Promise.reject(new DOMException(`Cannot ping: ${what} has no pings`, "NotSupportedError")));
}

function keyOf(payload: Uint8Array): string {
  return String.fromCharCode(...payload);
}
