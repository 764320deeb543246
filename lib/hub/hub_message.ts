/**
 * A published message: encoded once for each way to encode, and the bytes shared by all that take them.
 *
 * @module
 */
import { utf8Length } from "../pipeline/bytes/utf8.ts";
import type { SharedSending } from "../connection/driven_connection.ts";
import { type Message, MESSAGE_COST } from "../pipeline/messages/message.ts";
import type { SendOptions } from "../connection/socket_options.ts";

/** A message on its way to subscribers. */
export class HubMessage {
  /** Its number in the hub: later ones have larger numbers. */
  readonly id: number;
  /** What it is about. */
  readonly topic: string;
  /** Its data, which must not be changed. */
  readonly data: Message;
  /** How it is sent. */
  readonly options: SendOptions | undefined;
  #size = 0;
  // Nearly always there is one encoding: it needs no map.
  #encoding: string | undefined;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #more: Map<string, Uint8Array<ArrayBuffer>> | undefined;

  /** @param facts What it is. */
  constructor({ id, topic, data, options }: Pick<HubMessage, "id" | "topic" | "data" | "options">) {
    this.id = id;
    this.topic = topic;
    this.data = data;
    this.options = options;
  }

  /** Bytes that it is counted with. */
  get size(): number {
    const { data } = this;
    return this.#size ||= MESSAGE_COST + (typeof data === "string" ? utf8Length(data) : data.length);
  }

  /** Its frames, as a connection sends them. */
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
