// Lets in only pages of this machine, and refuses everybody else with 403, programs that send no Origin among them.
// The server's own option `origins` was checked before.
//
//   deno task serve
//   deno task connect --header 'Origin: http://127.0.0.1:8080' ws://127.0.0.1:8080/origin_check

import type { HandlerRequest } from "@sluice/websocket/handlers";

const HOSTS = ["localhost", "127.0.0.1", "[::1]"];

export function doExtraHandshake(request: HandlerRequest): void {
  const hostname = URL.parse(request.origin ?? "")?.hostname ?? "";
  if (!HOSTS.includes(hostname)) request.refuse(403, "Only pages of this machine may connect");
}

export async function transferData({ origin, stream }: HandlerRequest): Promise<void> {
  await stream.sendMessage(`Welcome, ${origin}`);
}
