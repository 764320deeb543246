// deno-lint-ignore-file no-console -- an example prints
// The shortest server: it sends every message back.
//
//   deno run --allow-net examples/echo.ts [port]

import { serve } from "@sluice/websocket";

serve({ port: Number(Deno.args[0] ?? 8080), hostname: "127.0.0.1", onListen }, async (socket) => {
  for await (const message of socket) await socket.send(message);
});

function onListen(addr: Deno.Addr): void {
  if ("port" in addr) console.log(`Echoing on ws://127.0.0.1:${addr.port}`);
}
