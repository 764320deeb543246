/**
 * The bytes of a handshake behind the request's head, which some drafts have.
 *
 * @module
 */
import { invalidState } from "../errors.ts";

/** Collects these bytes from chunks of any size. You may reuse what you pushed: the reader keeps no view of it. */
export class BodyReader {
  readonly #body: Uint8Array<ArrayBuffer>;
  #length = 0;
  #complete = false;
  #rest = new Uint8Array(0);

  /**
   * Makes a reader.
   *
   * @param bodyBytes The number of bytes: `LegacyRequest.bodyBytes`.
   */
  constructor(bodyBytes: number) {
    this.#body = new Uint8Array(bodyBytes);
  }

  /** A copy of the bytes that came after them, which are frames. Empty until the body is complete. */
  get rest(): Uint8Array<ArrayBuffer> {
    return this.#rest;
  }

  /**
   * Takes the next bytes, beginning with those that came with the head.
   *
   * @param bytes The bytes that were read.
   * @returns The body once it is complete, or `undefined` if more bytes are needed.
   * @throws {DOMException} `InvalidStateError` if the body was already complete.
   */
  push(bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
    if (this.#complete) throw invalidState("Cannot push: the body is complete");
    const part = bytes.subarray(0, this.#body.length - this.#length);
    this.#body.set(part, this.#length);
    this.#length += part.length;
    this.#complete = this.#length === this.#body.length;
    if (!this.#complete) return undefined;
    this.#rest = bytes.slice(part.length);
    return this.#body;
  }
}
