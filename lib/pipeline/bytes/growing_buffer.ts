/**
 * The one place where something incomplete is held: a private buffer that grows with what has arrived, never with what was
 * claimed (CVE-2022-35922), and never keeps a view of a read (the memory-pinning advisories of 2026).
 *
 * @module
 */

/** The least that is allocated, unless less is expected. */
const LEAST = 1024;

/** Bytes that arrive in parts and are handed on as one. */
export class GrowingBuffer {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #length = 0;

  /** The number of bytes held. */
  get length(): number {
    return this.#length;
  }

  /**
   * Copies a part in.
   *
   * @param part What arrived. It is not kept.
   * @param expected How many bytes are still expected after it, where that is known. It only bounds the growth.
   */
  append(part: Uint8Array, expected = Infinity): void {
    const length = this.#length + part.length;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(Math.max(2 * length, LEAST), length + expected));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(part, this.#length);
    this.#length = length;
  }

  /**
   * Hands on what is held and starts again.
   *
   * @returns Exactly the bytes held, in a buffer that nothing else uses.
   */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes;
    const length = this.#length;
    this.#bytes = new Uint8Array(0);
    this.#length = 0;
    return length === bytes.length ? bytes : bytes.slice(0, length);
  }
}
