/**
 * The reply that a control frame requires (RFC 6455 §5.5).
 *
 * @module
 */
import { type Frame, frame, Opcode } from "../frames/frame.ts";

/**
 * Returns the reply that a control frame requires. In your own pipeline, pass it to `MessageEncoderStream.control`.
 *
 * @example Answer a ping
 * ```ts
 * import { frame, Opcode } from "@sluice/websocket/frames";
 * import { controlReply } from "@sluice/websocket/pipeline";
 * import { assertEquals } from "@std/assert";
 *
 * const ping = frame(Opcode.PING, new TextEncoder().encode("are you there"));
 * assertEquals(controlReply(ping), frame(Opcode.PONG, ping.payload));
 * ```
 *
 * @param received The control frame.
 * @returns A pong with the ping's payload (§5.5.3), a close frame with the received code (§5.5.1), or `undefined`.
 */
export function controlReply(received: Frame): Frame | undefined {
  if (received.opcode === Opcode.PING) return frame(Opcode.PONG, received.payload);
  // "When sending a Close frame in response, the endpoint typically echos the status code it received."
  if (received.opcode === Opcode.CLOSE) return frame(Opcode.CLOSE, received.payload.slice(0, 2));
  return undefined;
}
