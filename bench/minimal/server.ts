// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * The least server of ours, out of `./server`.
 *
 * @module
 */
import { serve } from "../../lib/server/mod.ts";

serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: (addr) => console.log(`listening on ${"port" in addr ? addr.port : ""}`),
}, { message: (socket, data) => void socket.send(data) });
