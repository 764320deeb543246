/**
 * Connections in memory that do as they please: a read brings one byte or a full buffer, a write takes some of its bytes and is
 * long under way, and which of several connections goes on next is drawn from a seed.
 *
 * @module
 */
import { concat } from "./bytes.ts";
import { below, type Random } from "./random.ts";
import { turn } from "./wait.ts";
import type { ByteConnection, BytePair } from "../../lib/transport/transport.ts";

/** A connection whose peer is a script. */
export interface FitfulConn extends ByteConnection {
  /** What was written so far: every byte as it was when its write was done, which must be as it was when that began. */
  readonly written: Uint8Array<ArrayBuffer>;
  /** The sizes of the buffers that reads went to. */
  readonly offers: number[];
  /** Lets the peer send more. */
  feed(bytes: Uint8Array): void;
  /** The peer ends its side, once all was read. */
  end(): void;
}

/** How a connection behaves. */
export interface FitfulOptions {
  /** What the peer sends. */
  input?: Uint8Array;
  /** Of so many chances to go on, a write takes one. @default {1} */
  slowness?: number;
  /** Whether reads mostly bring all that there is room for, so that this soon is much. @default {false} */
  greedy?: boolean;
}

/** Connections that share a source of chance. */
export class Fits {
  readonly #random: Random;
  readonly #steps = new Set<() => boolean>();
  /** What a connection did to bytes that were being written: it would only take it for a lost connection. */
  #fault: string | undefined;

  /** @param random What everything is drawn from. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** Makes a connection. */
  conn({ input = new Uint8Array(0), slowness = 1, greedy = false }: FitfulOptions = {}): FitfulConn {
    const random = this.#random;
    const offers: number[] = [];
    const written: Uint8Array[] = [];
    let pending = input;
    let ended = false;
    let closed = false;

    /** Is tried now and then until it says that it is done; a closed connection fails it. */
    const step = <T>(run: () => T | undefined): Promise<T> => {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      this.#steps.add(() => {
        try {
          if (closed) throw new Deno.errors.BadResource("Closed");
          const value = run();
          if (value === undefined) return false;
          resolve(value);
        } catch (error) {
          reject(error);
        }
        return true;
      });
      return promise;
    };

    return {
      offers,
      get written() {
        return concat(written);
      },
      feed(bytes) {
        pending = concat([pending, bytes]);
      },
      end() {
        ended = true;
      },
      read(buffer) {
        offers.push(buffer.length);
        return step(() => {
          if (pending.length === 0) return ended ? null : undefined;
          const all = greedy && below(random, 8) > 0;
          const count = Math.min(pending.length, all ? buffer.length : someOf(random, buffer.length));
          buffer.set(pending.subarray(0, count));
          pending = pending.subarray(count);
          return count;
        });
      },
      write: (bytes) => {
        const before = bytes.slice();
        return step(() => {
          if (below(random, slowness) > 0) return undefined;
          const changed = bytes.findIndex((byte, i) => byte !== before[i]);
          if (changed >= 0) this.#fault ??= `byte ${changed} of ${bytes.length} changed while it was written`;
          const count = someOf(random, bytes.length);
          written.push(bytes.slice(0, count));
          return count;
        });
      },
      closeWrite: () => Promise.resolve(),
      close() {
        closed = true;
      },
    };
  }

  /** Goes on, one read or write at a time, until `done` has resolved. */
  async run(done: Promise<unknown>): Promise<void> {
    let over = false;
    const end = done.finally(() => over = true);
    end.catch(() => {});
    for (let idle = 0; !over && idle < 5000;) {
      if (this.#fault !== undefined) throw new Error(this.#fault);
      const steps = [...this.#steps];
      const tried = steps[below(this.#random, steps.length)];
      if (tried?.()) {
        this.#steps.delete(tried);
        idle = 0;
        for (let hops = below(this.#random, 12); hops > 0; hops--) await undefined;
      } else {
        // Nothing is ready, or not by chance: what waits for a timer gets its turn.
        idle++;
        await (idle % 50 === 0 ? turn() : undefined);
      }
    }
    if (this.#fault !== undefined) throw new Error(this.#fault);
    if (!over) throw new Error("Everything stands still");
    await end;
  }
}

/** The same as a pair of streams, as Deno makes one: what a read brings is a view of 64 KiB. */
export function streamsOf(conn: FitfulConn): BytePair {
  return {
    readable: new ReadableStream({
      async pull(controller) {
        const chunk = new Uint8Array(64 * 1024);
        const count = await conn.read(chunk);
        if (count === null) controller.close();
        else controller.enqueue(chunk.subarray(0, count));
      },
      cancel: () => conn.close(),
    }),
    writable: new WritableStream({
      async write(bytes) {
        for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
      },
      abort: () => conn.close(),
    }),
  };
}

/** Some bytes of so many, at least one: often all, sometimes very few. */
function someOf(random: Random, length: number): number {
  const kind = below(random, 8);
  const most = kind === 0 ? 1 : kind === 1 ? 20 : kind < 5 ? length : 1 + below(random, length);
  return Math.min(length, most);
}
