/**
 * A message for the hooks of crossws.
 *
 * @module
 */
import type { Message } from "../pipeline/messages/message.ts";
import type { CrosswsPeer } from "./crossws_peer.ts";

/** A message: crossws' `Message`. */
export class CrosswsMessage {
  /** The raw message: a string, or bytes that are a part of a network read. */
  readonly rawData: Message;
  /** The connection that received it. */
  readonly peer: CrosswsPeer;
  #id: string | undefined;

  /**
   * Makes a message.
   *
   * @param rawData The message.
   * @param peer The connection that received it.
   */
  constructor(rawData: Message, peer: CrosswsPeer) {
    this.rawData = rawData;
    this.peer = peer;
  }

  /** A random id of the message. */
  get id(): string {
    return this.#id ??= crypto.randomUUID();
  }

  /** The same as `rawData`. */
  get data(): Message {
    return this.rawData;
  }

  /** The message as bytes. */
  uint8Array(): Uint8Array<ArrayBuffer> {
    return typeof this.rawData === "string" ? new TextEncoder().encode(this.rawData) : this.rawData;
  }

  /** The message as bytes in their own memory. */
  arrayBuffer(): ArrayBuffer {
    return this.uint8Array().slice().buffer;
  }

  /** The message as a `Blob`. */
  blob(): Blob {
    return new Blob([this.rawData]);
  }

  /** The message as text. */
  text(): string {
    return typeof this.rawData === "string" ? this.rawData : new TextDecoder().decode(this.rawData);
  }

  /** The message, parsed as JSON. Throws `SyntaxError`. */
  json<T = unknown>(): T {
    return JSON.parse(this.text());
  }

  /** The message as text. */
  toString(): string {
    return this.text();
  }

  /** The message as text. */
  [Symbol.toPrimitive](): string {
    return this.text();
  }
}
