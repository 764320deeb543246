/**
 * Reading from a connection: one reused buffer that fits the traffic, and a private copy of what each read brought.
 *
 * @module
 */

/** What is read from: `Deno.Conn` has this shape. */
export interface ByteSource {
  /** Reads into `buffer`: the number of bytes, or `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/** An idle connection holds this much. */
const LEAST = 1024;
/** More than this does not make large reads faster on loopback. */
const MOST = 64 * 1024;
/** This many reads in a row that would fit a quarter of the buffer, and it shrinks. Keepalive's pongs are such reads. */
const PATIENCE = 3;

/**
 * Reads chunks whose size follows the traffic. `conn.readable` allocates 64 KiB for every read, and closes the connection for
 * writing as well when it reaches the end; this does neither.
 */
export class ByteReader {
  readonly #source: ByteSource;
  #buffer = new Uint8Array(LEAST);
  #smallReads = 0;

  /** @param source Where the bytes come from. */
  constructor(source: ByteSource) {
    this.#source = source;
  }

  /**
   * Reads what is there, or waits for it.
   *
   * @returns Exactly what arrived, in a buffer of its own that the caller may keep and change; `null` at the end.
   */
  async read(): Promise<Uint8Array<ArrayBuffer> | null> {
    for (;;) {
      const count = await this.#source.read(this.#buffer);
      if (count === null) return null;
      if (count === 0) continue;
      const chunk = this.#buffer.slice(0, count);
      this.#fit(count);
      return chunk;
    }
  }

  #fit(count: number): void {
    const size = this.#buffer.length;
    if (count === size && size < MOST) {
      this.#buffer = new Uint8Array(Math.min(4 * size, MOST));
    } else if (count <= size / 4 && size > LEAST) {
      if (++this.#smallReads < PATIENCE) return;
      this.#buffer = new Uint8Array(Math.max(size / 4, LEAST));
    }
    this.#smallReads = 0;
  }
}
