/**
 * The transport that a connection reads from and writes to: a `Deno.Conn`, or any pair of byte streams.
 *
 * @module
 */
import { isObject, type Kind, kind } from "../option_kinds.ts";
import { acquireBuffer } from "../pipeline/bytes/buffer_pool.ts";

/** The address of one end of a transport, as in `Deno.Addr`. */
export type Address =
  | { readonly transport: "tcp" | "udp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix" | "unixpacket"; readonly path: string }
  | { readonly transport: "vsock"; readonly cid: number; readonly port: number };

/** A connection with `read` and `write` methods, such as `Deno.Conn`. */
export interface ByteConnection {
  /** Reads into `buffer`. Returns the number of bytes, or `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of `bytes`. Returns the number of bytes written. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the writing side. Without this method, both sides are closed instead. */
  closeWrite?(): Promise<void>;
  /** Closes both sides. */
  close(): void;
  /** The peer's address. */
  readonly remoteAddr?: Address;
  /** The local address. */
  readonly localAddr?: Address;
  /** Sends small writes at once. Deno enables Nagle's algorithm by default, and a batch is a small write. */
  setNoDelay?(noDelay?: boolean): void;
  /** Whether the connection is encrypted. Not needed for a `Deno.TlsConn`, which Sluice recognizes. */
  readonly secure?: boolean;
}

/** A pair of byte streams: a Node socket through `Duplex.toWeb`, an HTTP/2 stream, or a pair in memory. */
export interface BytePair {
  /** The bytes that arrive. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The bytes to send. */
  readonly writable: WritableStream<Uint8Array<ArrayBuffer>>;
  /** The peer's address. */
  readonly remoteAddr?: Address;
  /** The local address. */
  readonly localAddr?: Address;
}

/** A connection that an application passes in. */
export const CONNECTION: Kind = kind(
  "a connection: an object with read, write and close, or a pair of byte streams",
  (value) =>
    isObject(value) && (hasMethods(value, "read", "write", "close") ||
      ("readable" in value && isObject(value.readable) && "writable" in value && isObject(value.writable))),
);

function hasMethods(value: object, ...names: readonly string[]): boolean {
  return names.every((name) => typeof Reflect.get(value, name) === "function");
}

/** What a connection needs from either kind of transport. */
export interface Transport {
  /** Returns the next chunk, which the caller may change and keep, or `null` at the end. */
  read(): Promise<Uint8Array<ArrayBuffer> | null>;
  /** A faster way to read, if the transport has one. `read` is built on it. */
  readonly direct?: DirectReads | undefined;
  /** Writes some of `bytes`, at least one, and returns the number written. The bytes must not change until then. */
  writeSome(bytes: Uint8Array<ArrayBuffer>): Promise<number>;
  /** Says that nothing more will be written. */
  closeWrite(): Promise<void>;
  /** Closes both sides at once, and ends every pending read and write. It may be called more than once. */
  close(): void;
}

/** Reads into memory that the reader chooses, without a promise besides the connection's own. */
export interface DirectReads {
  /** The buffer for reads that have no better place. */
  readonly buffer: ReadBuffer;
  /** Reads into `target`. Returns the number of bytes, or `null` at the end. */
  readInto(target: Uint8Array<ArrayBuffer>): Promise<number | null>;
}

/**
 * Makes a transport.
 *
 * @param conn A `Deno.Conn`, or a pair of byte streams, whose streams must not be locked.
 * @returns The transport, which now owns `conn`.
 */
export function transportOf(conn: ByteConnection | BytePair): Transport {
  return "read" in conn ? new ConnTransport(conn) : pairTransport(conn);
}

/**
 * Returns the same transport with reads of at most `most` bytes and without direct reads, for messages that are read as streams.
 */
export function inSteps(transport: Transport, most: number): Transport {
  return new SteppedTransport(transport, most);
}

/** Returns the same transport, but with your own `read` function. */
export function readWith(transport: Transport, read: Transport["read"]): Transport {
  return new FunctionTransport(transport, read);
}

/** A connection with `read` and `write` methods. */
class ConnTransport implements Transport, DirectReads {
  readonly direct: DirectReads = this;
  readonly buffer: ReadBuffer = new ReadBuffer();
  readonly #conn: ByteConnection;
  #closed = false;

  constructor(conn: ByteConnection) {
    this.#conn = conn;
    try {
      conn.setNoDelay?.(true);
    } catch {
      // The peer is gone already, which some systems say here: the next read says it too.
    }
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    for (;;) {
      const count = await this.#conn.read(this.buffer.writableView);
      if (count === null) return null;
      if (count === 0) continue;
      const chunk = this.buffer.take(count);
      this.buffer.advance(count, { kept: true });
      return chunk;
    }
  }

  readInto(target: Uint8Array<ArrayBuffer>): Promise<number | null> {
    return this.#conn.read(target);
  }

  writeSome(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    return this.#conn.write(bytes);
  }

  closeWrite(): Promise<void> {
    if (!this.#closed && this.#conn.closeWrite !== undefined) return this.#conn.closeWrite();
    this.close(); // the peer waits for the end of the stream
    return Promise.resolve();
  }

  close(): void {
    if (this.#closed) return; // a second `Deno.Conn.close()` throws BadResource
    this.#closed = true;
    this.#conn.close();
  }
}

/** The size of a read buffer for an idle connection. */
const LEAST = 512;
/** The least size for a connection that has filled that. */
const BUSY = 4 * 1024;
/**
 * Enough for four messages of 64 KiB with their headers and the start of another. With 256 KiB the fourth message is cut, and
 * 1.15 times fewer are echoed.
 */
const MOST = 320 * 1024;
/** The buffer shrinks after this many small reads in a row. Keepalive pongs are such reads. */
const PATIENCE = 3;
/** A read is small if it fills less than this part of the buffer. */
const SMALL = 1 / 32;

/**
 * The read buffer of one connection. Its size follows the traffic. Each read is handed on as a view. If the view is kept, the memory belongs to the
 * application, which may transfer it, and the next read uses a new buffer. A kept message therefore pins at most the buffer it
 * arrived in, of its own connection. If no view is kept, the same memory is used again.
 */
export class ReadBuffer {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(LEAST);
  #at = 0;
  #smallReads = 0;

  /** The memory in use. */
  get memory(): ArrayBuffer {
    return this.#bytes.buffer;
  }

  /** The memory for the next read. */
  get writableView(): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length === 0) this.#renew(LEAST); // a callback has transferred the lent memory
    return this.#at === 0 ? this.#bytes : this.#bytes.subarray(this.#at);
  }

  /**
   * Returns the bytes of a read.
   *
   * @param count The number of bytes that were written at the start of `writableView`.
   */
  take(count: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#at, this.#at + count);
  }

  /**
   * Says that a read was processed. Call it before the next read.
   *
   * @param count The number of bytes that were read.
   * @param options Whether a view of them is kept for good, and how many bytes the last, incomplete frame still misses while a
   *    view of it is held. If there is room, the next read goes directly behind it.
   * @returns Whether the next read goes elsewhere.
   */
  advance(count: number, { kept, missing = 0 }: { kept: boolean; missing?: number }): boolean {
    const size = this.#bytes.length;
    let next = size;
    if (count === size - this.#at) {
      this.#smallReads = 0;
      next = Math.min(Math.max(4 * size, BUSY), MOST);
    } else if (count > size * SMALL) {
      this.#smallReads = 0;
    } else if (++this.#smallReads >= PATIENCE) {
      next = Math.max(size / 4, LEAST);
    }
    if (!kept && missing > 0 && missing <= size - this.#at - count) {
      this.#at += count;
      return false;
    }
    this.#at = 0;
    if (kept || next !== size) this.#renew(next);
    return true;
  }

  /** Leaves the lent memory to its reader and takes other memory from the pool. */
  replace(): void {
    const { length } = this.#bytes;
    this.#renew(length, acquireBuffer(length));
  }

  /** Switches to other memory. A kept view must not pin more than its buffer, and pooled memory may be larger. */
  #renew(size: number, memory = new ArrayBuffer(size)): void {
    if (size !== this.#bytes.length) this.#smallReads = 0;
    this.#bytes = new Uint8Array(memory, 0, size);
    this.#at = 0;
  }
}

/** A transport that reads from another one in its own way. */
abstract class TransportOver implements Transport {
  protected readonly over: Transport;

  constructor(over: Transport) {
    this.over = over;
  }

  abstract readonly direct: DirectReads | undefined;
  abstract read(): Promise<Uint8Array<ArrayBuffer> | null>;

  writeSome(bytes: Uint8Array<ArrayBuffer>): Promise<number> {
    return this.over.writeSome(bytes);
  }

  closeWrite(): Promise<void> {
    return this.over.closeWrite();
  }

  close(): void {
    this.over.close();
  }
}

/** Reads in small steps. */
class SteppedTransport extends TransportOver {
  readonly direct = undefined;
  readonly #most: number;
  #rest = new Uint8Array(0);

  constructor(over: Transport, most: number) {
    super(over);
    this.#most = most;
  }

  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    const bytes = this.#rest.length > 0 ? this.#rest : await this.over.read();
    if (bytes === null) return null;
    this.#rest = bytes.subarray(this.#most);
    // The application owns a step and may transfer it. The rest must not be transferred with it.
    return this.#rest.length === 0 ? bytes : bytes.slice(0, this.#most);
  }
}

/** Reads with a function. */
class FunctionTransport extends TransportOver {
  readonly direct = undefined;
  readonly read: Transport["read"];

  constructor(over: Transport, read: Transport["read"]) {
    super(over);
    this.read = read;
  }
}

/**
 * Writes all of `bytes`.
 *
 * @param transport The transport.
 * @param bytes The bytes, which must not change until the write is done.
 */
export async function writeAll(transport: Transport, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  let written = await transport.writeSome(bytes);
  while (written < bytes.length) written += await transport.writeSome(bytes.subarray(written));
}

function pairTransport({ readable, writable }: BytePair): Transport {
  const reader = readable.getReader();
  const writer = writable.getWriter();
  // Calls of read and write reject too, so these promises need no handler.
  reader.closed.catch(() => {});
  writer.closed.catch(() => {});
  return {
    async read() {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return null;
        if (value.length > 0) return value;
      }
    },
    // A chunk of a stream belongs to its reader, perhaps until long after the write is done.
    writeSome: (bytes) => writer.write(bytes.slice()).then(() => bytes.length),
    closeWrite: () => writer.close(),
    close() {
      reader.cancel().catch(() => {});
      writer.abort().catch(() => {});
    },
  };
}
