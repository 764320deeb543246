/**
 * Pings that wait for their pongs, RFC 6455 §5.5.2 and §5.5.3.
 *
 * @module
 */
import { deferHandled, type Deferred, handled } from "../async.ts";
import { ConnectionError } from "../errors.ts";
import { MAX_PENDING_PINGS } from "../limits.ts";
import { bytesOf, type MessageData } from "../pipeline/messages/message.ts";

/** A link of the list. */
interface PendingPing {
  /** The payload, a character for each byte. */
  readonly key: string;
  readonly sent: number;
  /** `undefined` for a ping whose round trip nothing waits for. */
  readonly deferred: Deferred<number> | undefined;
  /** The ping after it. */
  next: PendingPing | undefined;
}

/**
 * Matches pongs to pings and measures the round trips. As a rule one ping waits at most, keepalive's, which is one object; thousands of
 * idle connections hold nothing between two.
 */
export class PendingPings {
  /** The oldest. */
  #first: PendingPing | undefined;
  #last: PendingPing | undefined;
  #count = 0;
  /** How many of them have each payload, where several wait. */
  #waiting: Map<string, number> | undefined;
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
   * Starts the clock for a ping, and gives its round trip.
   *
   * @param payload The payload; by default a number that no other ping of this connection has.
   * @returns The payload's bytes, and the round trip in milliseconds when it is known.
   *   The promise is rejected with `ConnectionError` when too many wait behind it.
   * @throws {RangeError} If the payload is more than 125 bytes (§5.5).
   */
  add(payload?: MessageData): { payload: Uint8Array<ArrayBuffer>; roundTrip: Promise<number> } {
    const bytes = pingBytes(payload) ?? this.#number();
    const deferred = deferHandled<number>(); // ignoring the promise is safe when the connection ends
    this.#append(bytes, deferred);
    return { payload: bytes, roundTrip: deferred.promise };
  }

  /** Starts the clock for a ping of the connection's own. Gives its payload. */
  addOwn(): Uint8Array<ArrayBuffer> {
    const bytes = this.#number();
    this.#append(bytes, undefined);
    return bytes;
  }

  #append(payload: Uint8Array, deferred: Deferred<number> | undefined): void {
    const ping: PendingPing = { key: keyOf(payload), sent: performance.now(), deferred, next: undefined };
    const last = this.#last;
    this.#last = ping;
    this.#count++;
    if (last === undefined) {
      this.#first = ping;
      return;
    }
    last.next = ping;
    this.#waiting ??= new Map([[last.key, 1]]);
    this.#waiting.set(ping.key, (this.#waiting.get(ping.key) ?? 0) + 1);
    if (this.#count > MAX_PENDING_PINGS) {
      this.#shift()?.deferred?.reject(
        new ConnectionError(`The peer answered neither this ping nor the ${MAX_PENDING_PINGS} behind it`),
      );
    }
  }

  /** A pong came. It answers its ping and those before it: a peer may answer only the latest. Others are ignored. */
  receive(payload: Uint8Array): void {
    if (this.#first === undefined) return;
    const key = keyOf(payload);
    if (this.#waiting === undefined ? key !== this.#first.key : !this.#waiting.has(key)) return; // so it costs one look
    const now = performance.now();
    // Each ping is answered once, so all pongs together cost no more than the pings.
    for (let ping = this.#shift(); ping !== undefined; ping = this.#shift()) {
      this.#roundTripTime = now - ping.sent;
      ping.deferred?.resolve(this.#roundTripTime);
      this.#watch?.roundTrip(this.#roundTripTime);
      if (ping.key === key) return;
    }
  }

  /** The connection ended: no pong will come. */
  end(error: unknown): void {
    for (let ping = this.#shift(); ping !== undefined; ping = this.#shift()) ping.deferred?.reject(error);
  }

  /** Takes the oldest out. */
  #shift(): PendingPing | undefined {
    const ping = this.#first;
    if (ping === undefined) return undefined;
    this.#first = ping.next;
    this.#count--;
    if (this.#first === undefined) {
      this.#last = this.#waiting = undefined;
    } else if (this.#waiting !== undefined) {
      const left = this.#waiting.get(ping.key)! - 1;
      if (left === 0) this.#waiting.delete(ping.key);
      else this.#waiting.set(ping.key, left);
    }
    return ping;
  }

  #number(): Uint8Array<ArrayBuffer> {
    const number = this.#next++;
    return Uint8Array.of(number >>> 24, number >>> 16, number >>> 8, number);
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
