// Passes every text message on to everybody in the room: /chat?room=tea, or the lobby.
//
//   deno task serve
//   deno task connect ws://127.0.0.1:8080/chat?room=tea

import type { HandlerRequest } from "@sluice/websocket/handlers";

const rooms = new Map<string, Set<HandlerRequest>>();

export async function transferData(request: HandlerRequest): Promise<void> {
  const name = new URL(request.location).searchParams.get("room") ?? "lobby";
  const room = rooms.get(name) ?? new Set();
  rooms.set(name, room.add(request));
  try {
    tell(room, `${room.size} in ${name}`);
    for await (const message of request.stream) {
      if (typeof message === "string") tell(room, message);
    }
  } finally {
    room.delete(request);
    if (room.size === 0) rooms.delete(name);
    else tell(room, `${room.size} in ${name}`);
  }
}

// A slow client never delays the others: at the server's maxQueuedBytes it is disconnected.
function tell(room: Set<HandlerRequest>, message: string): void {
  for (const { stream } of room) void stream.sendMessage(message);
}
