/**
 * A codec: what makes values of messages, and messages of values.
 *
 * @module
 */
import type { Message, MessageData } from "../pipeline/messages/message.ts";

/**
 * What stands between messages and an application's values. `json` makes one; an application may write its own.
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
 * @typeParam In What comes.
 * @typeParam Out What is sent.
 */
export interface Codec<In, Out = In> {
  /**
   * Makes a message of a value.
   *
   * @throws {TypeError} If there is no message for it.
   */
  encode(value: Out): MessageData;
  /**
   * Makes a value of a message of the peer's, at once or later.
   *
   * @throws {WebSocketError} If it cannot: a `MessageError`, as a rule, whose close code the peer gets. Any other error counts as a
   *   mistake of ours and closes with 1011.
   */
  decode(message: Message): In | Promise<In>;
}
