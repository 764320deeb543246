// Sends every message back, and speaks the subprotocol "echo" where the client asks for it.
//
//   deno task serve
//   deno task connect ws://127.0.0.1:8080/echo

import type { HandlerRequest } from "@sluice/websocket/handlers";

export function doExtraHandshake(request: HandlerRequest): void {
  if (request.requestedProtocols.includes("echo")) request.protocol = "echo";
}

export async function transferData({ stream }: HandlerRequest): Promise<void> {
  for await (const message of stream) await stream.sendMessage(message);
}
