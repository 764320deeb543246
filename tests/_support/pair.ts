/**
 * Connections in memory as users' tests have them, which note what they are asked for.
 *
 * @module
 */
import { type MemoryEnd, memoryPair } from "../../lib/testing/memory_pair.ts";
import type { ByteConnection, BytePair } from "../../lib/transport/transport.ts";

/** Two ends of a pair of byte streams. Each way holds `capacity` bytes and one chunk. */
export function streamPair(capacity?: number): [BytePair, BytePair] {
  const [near, far] = memoryPair(capacity === undefined ? {} : { capacity });
  return [streamsOf(near), streamsOf(far)];
}

function streamsOf({ readable, writable }: MemoryEnd): BytePair {
  return { readable, writable };
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
export function connPair(capacity?: number): [MemoryConn, MemoryConn] {
  const [near, far] = memoryPair(capacity === undefined ? {} : { capacity });
  return [noting(near), noting(far)];
}

function noting({ read, write, closeWrite, close, reset }: MemoryEnd): MemoryConn {
  const writes: Uint8Array[] = [];
  let closes = 0;
  return {
    writes,
    get closes() {
      return closes;
    },
    read,
    write(bytes) {
      writes.push(bytes);
      return write(bytes);
    },
    closeWrite,
    close() {
      closes++;
      close();
    },
    reset: () => reset(new Deno.errors.ConnectionReset("Connection reset by peer")),
  };
}
