// Closes with the code and reason that the client sends ("4001 bye"), and echoes both where the client closes.
//
//   deno task serve
//   deno task connect ws://127.0.0.1:8080/close

import type { CloseReply, HandlerRequest } from "@sluice/websocket/handlers";

export async function transferData({ stream }: HandlerRequest): Promise<void> {
  const message = await stream.receiveMessage();
  if (typeof message !== "string") return;
  const [, code, reason = ""] = /^(\d{4})(?: (.*))?$/.exec(message) ?? [];
  await stream.closeConnection(code === undefined ? null : Number(code), reason);
}

export function passiveClosingHandshake({ closeCode, closeReason }: HandlerRequest): CloseReply {
  return [closeCode ?? 1000, closeReason ?? ""];
}
