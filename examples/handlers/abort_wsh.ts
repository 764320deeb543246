// Drops the connection with no close frame, at the first message or where the client closes: the client sees 1006.
//
//   deno task serve
//   deno task connect ws://127.0.0.1:8080/abort

import type { HandlerRequest } from "@sluice/websocket/handlers";

export async function transferData(request: HandlerRequest): Promise<void> {
  if (await request.stream.receiveMessage() !== null) request.abort("The client asked for it");
}

export function passiveClosingHandshake(request: HandlerRequest): void {
  request.abort("The client hoped for an answer");
}
