/**
 * A bounded connection in memory, with backpressure as in a kernel.
 *
 * @module
 */
import { checkOptions } from "../options.ts";
import { MEMORY_PAIR_OPTION_KINDS, type MemoryPairOptions } from "./testing_options.ts";
import { defer } from "../async.ts";
import type { ByteConnection, BytePair } from "../transport/transport.ts";

/** One end of a connection in memory. As with a `Deno.Conn`, use either its methods or its streams. */
export interface MemoryEnd extends ByteConnection, BytePair {
  /** Ends the writing side. The other end reads what is left, and then `null`. */
  closeWrite(): Promise<void>;
  /**
   * Ends the connection as a reset does: both ends fail, and unread bytes are lost.
   *
   * @param reason What reads and writes reject with; an `Error` by default.
   */
  reset(reason?: unknown): void;
}

/**
 * Makes a connection in memory, for `accept`, for `connect({ conn })` and for `rawPeer`.
 *
 * @example Bytes in both directions, and a writer that waits for room
 * ```ts
 * import { memoryPair } from "@sluice/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const [near, far] = memoryPair({ capacity: 2 });
 * assertEquals(await near.write(Uint8Array.of(1, 2, 3)), 2);
 * const waiting = near.write(Uint8Array.of(3));
 * const buffer = new Uint8Array(8);
 * assertEquals([await far.read(buffer), buffer[0], buffer[1]], [2, 1, 2]);
 * assertEquals(await waiting, 1);
 * ```
 *
 * @param options How much the connection holds.
 * @returns Its two ends.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 */
export function memoryPair(options: MemoryPairOptions = {}): [MemoryEnd, MemoryEnd] {
  checkOptions("memoryPair()", options, MEMORY_PAIR_OPTION_KINDS);
  const { capacity = 64 * 1024 } = options;
  const [there, back] = [new Way(capacity), new Way(capacity)];
  return [endOf(back, there), endOf(there, back)];
}

function endOf(incoming: Way, outgoing: Way): MemoryEnd {
  let readable: BytePair["readable"] | undefined;
  let writable: BytePair["writable"] | undefined;
  return {
    read: (buffer) => incoming.read(buffer),
    write: (bytes) => outgoing.write(bytes),
    closeWrite() {
      outgoing.end();
      return Promise.resolve();
    },
    close() {
      const closed = new Error("The connection is closed");
      incoming.failReads(closed);
      incoming.failWrites(new Error("The other end of the connection is closed"));
      outgoing.failWrites(closed);
      outgoing.end();
    },
    reset(reason = new Error("The connection was reset")) {
      incoming.fail(reason);
      outgoing.fail(reason);
    },
    get readable() {
      return readable ??= readableOf(incoming);
    },
    get writable() {
      return writable ??= writableOf(outgoing);
    },
  };
}

function readableOf(way: Way): BytePair["readable"] {
  return new ReadableStream({
    async pull(controller) {
      const bytes = await way.take();
      if (bytes === null) controller.close();
      else controller.enqueue(bytes);
    },
    cancel: (reason) => way.fail(reason ?? new Error("The other end of the connection no longer reads")),
  }, { highWaterMark: 0 });
}

function writableOf(way: Way): BytePair["writable"] {
  return new WritableStream({
    start({ signal }) {
      // `abort` would wait for the pending write, which may never end.
      signal.addEventListener("abort", () => way.fail(signal.reason ?? new Error("The other end was aborted")));
    },
    async write(bytes) {
      for (let left = bytes; left.length > 0;) left = left.subarray(await way.write(left));
    },
    close: () => way.end(),
  });
}

/** One direction. */
class Way {
  readonly #capacity: number;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  #readError: { readonly reason: unknown } | undefined;
  #writeError: { readonly reason: unknown } | undefined;
  #changed = defer<void>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Reads the available bytes, as far as `buffer` has room. */
  async read(buffer: Uint8Array): Promise<number | null> {
    return await this.#ready() ? this.#moveInto(buffer) : null;
  }

  /** Reads all available bytes. */
  async take(): Promise<Uint8Array<ArrayBuffer> | null> {
    if (!await this.#ready()) return null;
    const all = new Uint8Array(this.#size);
    this.#moveInto(all);
    return all;
  }

  /** Writes as many bytes as there is room for. */
  async write(bytes: Uint8Array): Promise<number> {
    for (;;) {
      if (this.#writeError !== undefined) throw this.#writeError.reason;
      if (this.#ended) throw new Error("Cannot write: this side of the connection has ended");
      const part = bytes.slice(0, this.#capacity - this.#size);
      if (part.length > 0 || bytes.length === 0) {
        if (part.length > 0) this.#chunks.push(part);
        this.#size += part.length;
        this.#change();
        return part.length;
      }
      await this.#changed.promise;
    }
  }

  end(): void {
    this.#ended = true;
    this.#change();
  }

  fail(reason: unknown): void {
    this.failReads(reason);
    this.failWrites(reason);
  }

  failReads(reason: unknown): void {
    this.#readError ??= { reason };
    this.#change();
  }

  failWrites(reason: unknown): void {
    this.#writeError ??= { reason };
    this.#change();
  }

  /** Waits for bytes or for the end. At the end it returns false. */
  async #ready(): Promise<boolean> {
    for (;;) {
      if (this.#readError !== undefined) throw this.#readError.reason;
      if (this.#size > 0) return true;
      if (this.#ended) return false;
      await this.#changed.promise;
    }
  }

  #moveInto(target: Uint8Array): number {
    let at = 0;
    while (at < target.length && this.#chunks.length > 0) {
      const chunk = this.#chunks[0]!;
      const part = chunk.subarray(0, target.length - at);
      target.set(part, at);
      at += part.length;
      if (part.length === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part.length);
    }
    this.#size -= at;
    this.#change();
    return at;
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = defer();
  }
}
