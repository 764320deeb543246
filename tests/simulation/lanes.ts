/**
 * How applications read: every lane of a connection, and of the classes that stand before one.
 *
 * @module
 */
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { StreamedMessage, WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { concat } from "../_support/bytes.ts";
import type { Seat } from "./seat.ts";

/** Reads a connection to its end, or until the application leaves. It throws what the lane throws. */
export async function readAll(seat: Seat, socket: WebSocketConnection): Promise<void> {
  switch (seat.options.plan.lane) {
    case "for await":
    case "callbacks":
      for await (const message of socket) if (await takes(seat, message)) return;
      return;
    case "readable":
      return await readStream(seat, socket.readable, (message) => takes(seat, message));
    case "batches":
      return await readStream(seat, socket.batches, async (batch) => {
        for (const message of batch) if (await takes(seat, message)) return true;
        return false;
      });
    case "messages":
      for await (const message of socket.messages()) if (await takes(seat, await wholeOf(message))) return;
      return;
    case "nothing":
      await socket.closed;
  }
}

/** Reads a stream in the same way. */
export async function readStream<Chunk>(
  seat: Seat,
  stream: ReadableStream<Chunk>,
  take: (chunk: Chunk) => Promise<boolean>,
): Promise<void> {
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    if (!await take(next.value)) continue;
    return void seat.options.world.follow(`${seat.name}.cancel()`, reader.cancel()).catch(() => {});
  }
}

/** Takes a message; whether the application leaves after it. */
export async function takes(seat: Seat, message: Message): Promise<boolean> {
  const busy = seat.take(message);
  if (busy !== undefined) await busy;
  if (seat.options.plan.leavesAt !== seat.listening.count) return false;
  seat.untidy = true;
  return true;
}

async function wholeOf(message: StreamedMessage): Promise<Message> {
  if (message.type === "text") {
    let text = "";
    for await (const part of message.readable) text += part;
    return text;
  }
  const parts: Uint8Array[] = [];
  for await (const part of message.readable) parts.push(part);
  return concat(parts);
}
