/**
 * Codecs, which convert messages to values and values to messages.
 *
 * @module
 */
import type { Message, MessageData } from "../pipeline/messages/message.ts";

/**
 * Converts between messages and an application's values. `json` makes one; you can write your own.
 *
 * @example MessagePack, or any other format
 * ```ts
 * import { type Codec, typed } from "@sluice/websocket/typed";
 * import { connectedPair } from "@sluice/websocket/testing";
 * import { MessageError } from "@sluice/websocket";
 * import { assertEquals } from "@std/assert";
 *
 * const numbers: Codec<number> = {
 *   encode: (value) => Float64Array.of(value),
 *   decode(message) {
 *     if (typeof message === "string" || message.length !== 8) throw new MessageError("Not a number", { closeCode: 1003 });
 *     return new Float64Array(message.slice().buffer)[0]!;
 *   },
 * };
 * await using pair = await connectedPair();
 * await typed(pair.client, numbers).send(6.5);
 * assertEquals((await typed(pair.server, numbers)[Symbol.asyncIterator]().next()).value, 6.5);
 * ```
 *
 * @typeParam In The type of received values.
 * @typeParam Out The type of values to send.
 */
export interface Codec<In, Out = In> {
  /**
   * Encodes a value as a message.
   *
   * @throws {TypeError} If the value cannot be encoded.
   */
  encode(value: Out): MessageData;
  /**
   * Decodes a message of the peer to a value, or to a promise of it.
   *
   * @throws {WebSocketError} If the message is invalid, usually a `MessageError`, whose close code the peer gets. Any other error
   *   counts as your own mistake and closes the connection with code 1011.
   */
  decode(message: Message): In | Promise<In>;
}
