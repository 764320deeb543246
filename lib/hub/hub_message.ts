/**
 * A published message. It is encoded once for each encoding, and subscribers share the bytes.
 *
 * @module
 */
import { utf8Length } from "../pipeline/bytes/utf8.ts";
import type { SharedSending } from "../connection/driven_connection.ts";
import { type Message, MESSAGE_COST } from "../pipeline/messages/message.ts";
import type { SendOptions } from "../connection/socket_options.ts";

/** A message that is being delivered. */
export class HubMessage {
  /** Its number in the hub. Later messages have larger numbers. */
  readonly id: number;
  /** The topic. */
  readonly topic: string;
  /** Its data, which must not be changed. */
  readonly data: Message;
  /** The options of the message. */
  readonly options: SendOptions | undefined;
  #size = 0;
  // There is nearly always only one encoding, which needs no map.
  #encoding: string | undefined;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #more: Map<string, Uint8Array<ArrayBuffer>> | undefined;

  /** @param facts The properties of the message. */
  constructor({ id, topic, data, options }: Pick<HubMessage, "id" | "topic" | "data" | "options">) {
    this.id = id;
    this.topic = topic;
    this.data = data;
    this.options = options;
  }

  /** The bytes that are counted for it. */
  get size(): number {
    const { data } = this;
    return this.#size ||= MESSAGE_COST + (typeof data === "string" ? utf8Length(data) : data.length);
  }

  /** Returns its frames in the encoding of a connection. */
  encodedFor(connection: SharedSending): Uint8Array<ArrayBuffer> {
    if (this.#bytes !== undefined && this.#encoding === connection.encoding) return this.#bytes;
    return this.#encode(connection);
  }

  #encode(connection: SharedSending): Uint8Array<ArrayBuffer> {
    const { encoding } = connection;
    if (this.#bytes === undefined) {
      this.#encoding = encoding;
      return this.#bytes = connection.encode(this.data, this.options);
    }
    let bytes = this.#more?.get(encoding);
    if (bytes === undefined) {
      bytes = connection.encode(this.data, this.options);
      (this.#more ??= new Map()).set(encoding, bytes);
    }
    return bytes;
  }
}
