/**
 * The server of the fan-out soak: who connects to `/room` subscribes, with the last messages first; what comes from `/control` is
 * published, but for `stats`, which is answered.
 *
 * @module
 */
import { createHub } from "../../lib/hub/mod.ts";
import { serve } from "../../mod.ts";

/** What the server says of itself. */
export interface FanoutStats {
  /** Subscribers of the room. */
  subscribers: number;
  /** Messages given to subscribers, each as often as there were any. */
  delivered: number;
  /** Messages dropped, and subscribers disconnected, because they were slow. There should be none. */
  dropped: number;
  disconnected: number;
  /** Resident memory in bytes. */
  rss: number;
}

if (import.meta.main) {
  const hub = createHub({ history: { messages: 8 } });
  const stats = (): FanoutStats => {
    const { delivered, dropped, disconnected } = hub.stats;
    return { subscribers: hub.count("room"), delivered, dropped, disconnected, rss: Deno.memoryUsage().rss };
  };
  // The clients are too simple to answer pings.
  serve({ hostname: "127.0.0.1", port: 0, hub, pingInterval: 0, onError() {}, onListen }, {
    open(socket) {
      if (socket.url.endsWith("/room")) socket.subscribe("room", { history: 8 });
    },
    message(socket, text) {
      if (text === "stats") socket.send(JSON.stringify(stats()));
      else hub.publish("room", text);
    },
  });
}

function onListen(addr: Deno.Addr): void {
  // deno-lint-ignore no-console -- the soak reads it
  console.log(`listening on ${"port" in addr ? addr.port : ""}`);
}
