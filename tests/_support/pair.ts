/**
 * Transports in memory, bounded, so that backpressure is as real as in a kernel.
 *
 * @module
 */
import type { ByteConnection, BytePair } from "../../lib/pipeline/sockets/transport.ts";

/** Two ends of a pair of byte streams. Each way holds `capacity` bytes and one chunk. Chunks are passed on, not copied. */
export function streamPair(capacity = 64 * 1024): [BytePair, BytePair] {
  const way = () =>
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>(
      undefined,
      undefined,
      new ByteLengthQueuingStrategy({ highWaterMark: capacity }),
    );
  const [there, back] = [way(), way()];
  return [
    { readable: back.readable, writable: there.writable },
    { readable: there.readable, writable: back.writable },
  ];
}

/** One end of a connection in memory, which notes what it is asked for. */
export interface MemoryConn extends ByteConnection {
  /** The very buffers that were given to `write`. */
  readonly writes: Uint8Array[];
  /** How often `close` was called. */
  readonly closes: number;
  closeWrite(): Promise<void>;
  /** Ends the connection as a reset does: both ends fail, and what was not read is gone. */
  reset(): void;
}

/** Two ends of a connection in memory. Each way holds `capacity` bytes; a write takes as many as there is room for. */
export function connPair(capacity = 64 * 1024): [MemoryConn, MemoryConn] {
  const [there, back] = [new Pipe(capacity), new Pipe(capacity)];
  return [end(back, there), end(there, back)];
}

function end(incoming: Pipe, outgoing: Pipe): MemoryConn {
  const writes: Uint8Array[] = [];
  let closes = 0;
  return {
    writes,
    get closes() {
      return closes;
    },
    read: (buffer) => incoming.read(buffer),
    write(bytes) {
      writes.push(bytes);
      return outgoing.write(bytes);
    },
    closeWrite() {
      outgoing.end();
      return Promise.resolve();
    },
    close() {
      closes++;
      incoming.failReads(new Deno.errors.BadResource("Closed"));
      incoming.failWrites(new Deno.errors.BrokenPipe("Broken pipe"));
      outgoing.failWrites(new Deno.errors.BadResource("Closed"));
      outgoing.end();
    },
    reset() {
      for (const pipe of [incoming, outgoing]) {
        pipe.failReads(new Deno.errors.ConnectionReset("Connection reset by peer"));
        pipe.failWrites(new Deno.errors.ConnectionReset("Connection reset by peer"));
      }
    },
  };
}

/** One way. */
class Pipe {
  readonly #capacity: number;
  #bytes = new Uint8Array(0);
  #ended = false;
  #readError: Error | undefined;
  #writeError: Error | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#readError !== undefined) throw this.#readError;
      if (this.#bytes.length > 0) {
        const part = this.#bytes.subarray(0, buffer.length);
        buffer.set(part);
        this.#bytes = this.#bytes.subarray(part.length);
        this.#change();
        return part.length;
      }
      if (this.#ended) return null;
      await this.#changed.promise;
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    for (;;) {
      if (this.#writeError !== undefined) throw this.#writeError;
      if (this.#ended) throw new Deno.errors.BrokenPipe("Broken pipe");
      const part = bytes.subarray(0, this.#capacity - this.#bytes.length);
      if (part.length > 0 || bytes.length === 0) {
        const joined = new Uint8Array(this.#bytes.length + part.length);
        joined.set(this.#bytes);
        joined.set(part, this.#bytes.length);
        this.#bytes = joined;
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

  failReads(error: Error): void {
    this.#readError ??= error;
    this.#change();
  }

  failWrites(error: Error): void {
    this.#writeError ??= error;
    this.#change();
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
