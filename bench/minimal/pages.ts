// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * A small page beside WebSockets of ours.
 *
 * @module
 */
import { serve } from "../../lib/server/mod.ts";

serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: (addr) => console.log(`listening on ${"port" in addr ? addr.port : ""}`),
  http: () => new Response("Hello\n"),
}, { message: (socket, data) => void socket.send(data) });
