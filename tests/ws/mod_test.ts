import { assertEquals } from "@std/assert";
import ws, * as named from "../../lib/ws/mod.ts";

Deno.test("the default export is WebSocket with the others as its properties, as ws exports it", () => {
  assertEquals(ws, named.WebSocket);
  assertEquals([ws.WebSocket, ws.WebSocketServer, ws.Server, ws.createWebSocketStream], [
    named.WebSocket,
    named.WebSocketServer,
    named.WebSocketServer,
    named.createWebSocketStream,
  ]);
  assertEquals(named.Server, named.WebSocketServer);
});
