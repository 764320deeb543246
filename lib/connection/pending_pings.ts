/**
 * Pings: those that wait for their pongs (RFC 6455 §5.5.2 and §5.5.3), and the rate of the peer's, because a pong costs us more
 * than its ping costs the peer.
 *
 * @module
 */
import { deferHandled, type Deferred, handled } from "../async.ts";
import { ConnectionError, LimitError } from "../errors.ts";
import { type Limits, MAX_PENDING_PINGS } from "../limits.ts";
import { bytesOf, type MessageData } from "../pipeline/messages/message.ts";

/** A link of the list. */
interface PendingPing {
  /** The payload, with one character for each byte. */
  readonly key: string;
  readonly sent: number;
  /** `undefined` if no code waits for the round trip. */
  readonly deferred: Deferred<number> | undefined;
  /** The ping after it. */
  next: PendingPing | undefined;
}

/**
 * Matches pongs to pings and measures the round trips. Usually at most one ping waits, that of keepalive, which is one object.
 * Between two pings an idle connection holds nothing.
 */
export class PendingPings {
  /** The oldest. */
  #first: PendingPing | undefined;
  #last: PendingPing | undefined;
  #count = 0;
  /** The number of pings with each payload, if several wait. */
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
   * Starts to measure a ping.
   *
   * @param payload The payload; by default a number that is unique in this connection.
   * @returns The payload's bytes, and the round trip in milliseconds when it is known. The promise rejects with a
   *   `ConnectionError` if too many pings wait after it.
   * @throws {RangeError} If the payload is more than 125 bytes (§5.5).
   */
  add(payload?: MessageData): { payload: Uint8Array<ArrayBuffer>; roundTrip: Promise<number> } {
    const bytes = pingBytes(payload) ?? this.#number();
    const deferred = deferHandled<number>(); // ignoring the promise is safe when the connection ends
    this.#append(bytes, deferred);
    return { payload: bytes, roundTrip: deferred.promise };
  }

  /** Starts to measure a ping of the connection itself. Returns its payload. */
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

  /**
   * Handles a pong. It answers its ping and all earlier ones, because a peer may answer only the latest. Unknown pongs are
   * ignored.
   */
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

  /** Called when the connection has ended, and no pong will arrive. */
  end(error: unknown): void {
    for (let ping = this.#shift(); ping !== undefined; ping = this.#shift()) ping.deferred?.reject(error);
  }

  /** Removes the oldest ping. */
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
 * Checks the payload of a ping. This is done in every state of a connection.
 *
 * @returns A copy of the bytes; `undefined` if there is no payload.
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

/** The result of `ping` if the protocol has no pings. It can be ignored, like that of any failed ping. */
export function rejectNoPing(what: string): Promise<never> {
  return handled(Promise.reject(new DOMException(`Cannot ping: ${what} has no pings`, "NotSupportedError")));
}

function keyOf(payload: Uint8Array): string {
  return String.fromCharCode(...payload);
}

/** Counts the pings of each second. */
export class PingRate {
  readonly #max: number;
  #second = 0;
  #pings = 0;

  /** @param limits `maxPingsPerSecond`. */
  constructor({ maxPingsPerSecond }: Pick<Limits, "maxPingsPerSecond">) {
    this.#max = maxPingsPerSecond;
  }

  /** Counts a ping. Returns the error if it is one too many. */
  count(): LimitError | undefined {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#pings = 0;
    }
    const max = this.#max;
    if (++this.#pings <= max) return undefined;
    return new LimitError(`Peer sent more than maxPingsPerSecond ${max} pings`, {
      limit: "maxPingsPerSecond",
      max,
      actual: this.#pings,
      closeCode: 1008,
    });
  }
}
