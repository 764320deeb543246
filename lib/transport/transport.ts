/**
 * What a connection reads from and writes to: a `Deno.Conn`, or any pair of byte streams.
 *
 * @module
 */
import { isObject, type Kind, kind } from "../option_kinds.ts";
import { ReadBuffer } from "../pipeline/bytes/read_buffer.ts";

/** One end of a connection's transport, as `Deno.Addr` has it. */
export type Address =
  | { readonly transport: "tcp" | "udp"; readonly hostname: string; readonly port: number }
  | { readonly transport: "unix" | "unixpacket"; readonly path: string }
  | { readonly transport: "vsock"; readonly cid: number; readonly port: number };

/** A connection that is read and written with calls, as `Deno.Conn` is. */
export interface ByteConnection {
  /** Reads into `buffer`: the number of bytes, or `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some of `bytes`: the number written. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the writing side. Where it is missing, both sides are ended instead. */
  closeWrite?(): Promise<void>;
  /** Ends both sides. */
  close(): void;
  /** The peer's address. */
  readonly remoteAddr?: Address;
  /** Our address. */
  readonly localAddr?: Address;
  /** Sends small writes at once. Nagle's algorithm is on by default in Deno, and a batch is small to it. */
  setNoDelay?(noDelay?: boolean): void;
  /** Whether it is encrypted. Known by itself for a `Deno.TlsConn`. */
  readonly secure?: boolean;
}

/** A pair of byte streams: a Node socket through `Duplex.toWeb`, an HTTP/2 stream, a pair in memory. */
export interface BytePair {
  /** What arrives. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Where to write. */
  readonly writable: WritableStream<Uint8Array<ArrayBuffer>>;
  /** The peer's address. */
  readonly remoteAddr?: Address;
  /** Our address. */
  readonly localAddr?: Address;
}

/** A connection that an application brings along. */
export const CONNECTION: Kind = kind(
  "a connection: an object with read, write and close, or a pair of byte streams",
  (value) =>
    isObject(value) && (hasMethods(value, "read", "write", "close") ||
      ("readable" in value && isObject(value.readable) && "writable" in value && isObject(value.writable))),
);

function hasMethods(value: object, ...names: readonly string[]): boolean {
  return names.every((name) => typeof Reflect.get(value, name) === "function");
}

/** What the connection needs of either. */
export interface Transport {
  /** The next chunk, which the caller may change and keep, or `null` at the end. */
  read(): Promise<Uint8Array<ArrayBuffer> | null>;
  /** A faster way to read, where there is one: `read` is made of it. */
  readonly direct?: DirectReads | undefined;
  /** Writes some of `bytes`, at least one, which must not change until it is done: the number written. */
  writeSome(bytes: Uint8Array<ArrayBuffer>): Promise<number>;
  /** Says that nothing more will be written. */
  closeWrite(): Promise<void>;
  /** Ends both sides at once, and with them every read and write under way. May be called again. */
  close(): void;
}

/** Reads to where the reader wants it, with no promise in between but the connection's own. */
export interface DirectReads {
  /** Where reads go that have no better place. */
  readonly buffer: ReadBuffer;
  /** Reads into `target`: the number of bytes, or `null` at the end. */
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

/** The same, but a read gives at most `most` bytes, and there are no direct reads: for messages that are read as streams. */
export function inSteps(transport: Transport, most: number): Transport {
  return new SteppedTransport(transport, most);
}

/** The same, read by a function of yours. */
export function readWith(transport: Transport, read: Transport["read"]): Transport {
  return new FunctionTransport(transport, read);
}

/** A connection that is read and written with calls. */
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
    this.close(); // the peer waits for an end
    return Promise.resolve();
  }

  close(): void {
    if (this.#closed) return; // a second `Deno.Conn.close()` throws BadResource
    this.#closed = true;
    this.#conn.close();
  }
}

/** A transport that is read in another way than the one behind it. */
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

/** Read in small steps. */
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
    // A step is the application's, which may transfer it: the rest must not go with it.
    return this.#rest.length === 0 ? bytes : bytes.slice(0, this.#most);
  }
}

/** Read by a function. */
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
 * @param transport Where to.
 * @param bytes What must not change until it is done.
 */
export async function writeAll(transport: Transport, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  let written = await transport.writeSome(bytes);
  while (written < bytes.length) written += await transport.writeSome(bytes.subarray(written));
}

function pairTransport({ readable, writable }: BytePair): Transport {
  const reader = readable.getReader();
  const writer = writable.getWriter();
  // The calls of read and write reject too; these promises are not awaited.
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
    // A chunk of a stream belongs to its reader, perhaps long after the write is done.
    writeSome: (bytes) => writer.write(bytes.slice()).then(() => bytes.length),
    closeWrite: () => writer.close(),
    close() {
      reader.cancel().catch(() => {});
      writer.abort().catch(() => {});
    },
  };
}
