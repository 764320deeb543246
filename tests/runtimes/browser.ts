/**
 * What a page loads, bundled: the codec, in both ways of running it.
 *
 * @module
 */
import { FrameDecoderStream, FrameEncoderStream, FrameParser, pipeStages } from "@sluice/websocket/frames";
import { type Message, MessageAssembler, MessageDecoderStream, MessageEncoderStream } from "@sluice/websocket/messages";
export { acceptKey } from "@sluice/websocket/handshake";

/** Puts messages into frames and bytes, as `role` does, and gets them back, as the other end does. */
export async function roundTrip(role: "client" | "server", messages: Message[]): Promise<Message[]> {
  const outgoing = new MessageEncoderStream();
  const bytes = outgoing.readable.pipeThrough(new FrameEncoderStream({ role }));
  const back = role === "client"
    ? bytes.pipeThrough(new FrameDecoderStream({ role: "server" })).pipeThrough(new MessageDecoderStream())
    : bytes.pipeThrough(pipeStages(new FrameParser({ role: "client" }), new MessageAssembler()));
  const writer = outgoing.writable.getWriter();
  const written = writer.write(messages).then(() => writer.close());
  const reader = back.getReader();
  const received: Message[] = [];
  for (let next = await reader.read(); !next.done; next = await reader.read()) received.push(...next.value);
  await written;
  return received;
}
