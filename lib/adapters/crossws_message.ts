/**
 * A message as crossws' hooks are given it.
 *
 * @module
 */
import type { Message } from "../pipeline/messages/message.ts";
import type { CrosswsPeer } from "./crossws_peer.ts";

/** A message: crossws' `Message`. */
export class CrosswsMessage {
  /** The message as it came: a string, or bytes that are a part of a read. */
  readonly rawData: Message;
  /** The connection that it came on. */
  readonly peer: CrosswsPeer;
  #id: string | undefined;

  /**
   * Makes a message.
   *
   * @param rawData The message.
   * @param peer The connection that it came on.
   */
  constructor(rawData: Message, peer: CrosswsPeer) {
    this.rawData = rawData;
    this.peer = peer;
  }

  /** A random name for the message. */
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

  /** The message as bytes in memory of their own. */
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
