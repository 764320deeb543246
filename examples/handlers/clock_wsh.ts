// Sends the time once a second, or every so many milliseconds (/clock?every=100), until the client closes.
//
//   deno task serve
//   deno task connect ws://127.0.0.1:8080/clock?every=100

import type { HandlerRequest } from "@sluice/websocket/handlers";

export async function transferData({ location, stream }: HandlerRequest): Promise<void> {
  const every = Number(new URL(location).searchParams.get("every")) || 1_000;
  const tick = () => void stream.sendMessage(new Date().toISOString());
  const timer = setInterval(tick, Math.max(every, 10));
  try {
    tick();
    // What the client says does not matter, but its close frame comes behind it.
    while (await stream.receiveMessage() !== null);
  } finally {
    clearInterval(timer);
  }
}
