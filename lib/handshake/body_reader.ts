/**
 * The bytes of a handshake that come behind the request's head, in the drafts that have such.
 *
 * @module
 */
import { invalidState } from "../errors.ts";

/**
 * Collects them from bytes in whatever pieces they come. What was pushed may be reused: nothing of it is kept as a view.
 */
export class BodyReader {
  readonly #body: Uint8Array<ArrayBuffer>;
  #length = 0;
  #complete = false;
  #rest = new Uint8Array(0);

  /**
   * Makes a reader.
   *
   * @param bodyBytes How many there are: `LegacyRequest.bodyBytes`.
   */
  constructor(bodyBytes: number) {
    this.#body = new Uint8Array(bodyBytes);
  }

  /** A copy of the bytes that came after them: frames. Empty until they are complete. */
  get rest(): Uint8Array<ArrayBuffer> {
    return this.#rest;
  }

  /**
   * Takes the next bytes, beginning with those that came with the head, if none.
   *
   * @param bytes What was read.
   * @returns The body once it is complete, else `undefined`: more bytes are needed.
   * @throws {DOMException} `InvalidStateError` if it was complete already.
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
