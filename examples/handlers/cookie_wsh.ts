// Counts a client's visits in a cookie that the handshake sets, and tells it the number.
//
//   deno task serve
//   deno task connect ws://127.0.0.1:8080/cookie

import type { HandlerRequest } from "@sluice/websocket/handlers";

export function doExtraHandshake(request: HandlerRequest): void {
  request.responseHeaders.append("Set-Cookie", `visits=${visits(request) + 1}; Path=/; SameSite=Strict; HttpOnly`);
}

export async function transferData(request: HandlerRequest): Promise<void> {
  await request.stream.sendMessage(`Visit ${visits(request) + 1}`);
}

function visits({ headers }: HandlerRequest): number {
  const cookies = (headers.get("cookie") ?? "").split(";").map((cookie) => cookie.trim());
  const value = cookies.find((cookie) => cookie.startsWith("visits="))?.slice("visits=".length);
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) : 0;
}
