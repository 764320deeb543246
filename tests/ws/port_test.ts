import { createServer } from "node:http";
import { assert, assertEquals } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { attachTo, openHttp } from "../../lib/ws/port.ts";
import { WebSocketServer } from "../../lib/ws/mod.ts";
import { soon } from "../_support/wait.ts";
import { next } from "./_support.ts";

Deno.test("without a host it listens on IPv4, and on IPv6 if available", async () => {
  const server = new WebSocketServer({ port: 0 });
  await next(server, "listening");
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  for (const host of ["127.0.0.1", ...(address.family === "IPv6" ? ["[::1]"] : [])]) {
    await using _socket = await connect(`ws://${host}:${address.port}`);
  }
  await soon(new Promise((closed) => server.close(closed)), "The end of the server");
});

Deno.test("openHttp, as outside Deno: ordinary requests get 426, upgrades are passed on, close() releases the port", async () => {
  const listening = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const upgrades: unknown[] = [];
  const port = openHttp({ port: 0, host: "127.0.0.1", backlog: 7 }, {
    onListening: () => listening.resolve(),
    onError: (error) => listening.reject(error),
    onClose: () => closed.resolve(),
    onUpgrade: ({ url }, socket) => {
      upgrades.push(url);
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    },
  });
  await listening.promise;
  const address = port.address();
  assert(typeof address === "object" && address !== null);
  const response = await fetch(`http://127.0.0.1:${address.port}/`, { headers: { Connection: "close" } });
  assertEquals([response.status, await response.text()], [426, "Upgrade Required"]);
  await connect(`ws://127.0.0.1:${address.port}/here`).catch(() => {});
  assertEquals(upgrades, ["/here"]);
  port.close();
  await soon(closed.promise, "The end of the port");
});

Deno.test("attachTo restores the listeners of a given server", () => {
  const server = createServer();
  const nothing = () => {};
  const owner = { onListening: nothing, onError: nothing, onClose: nothing, onUpgrade: nothing };
  const counts = () => ["upgrade", "error", "listening"].map((event) => server.listenerCount(event));
  const [before] = [counts()];
  const port = attachTo(server, owner);
  assertEquals(counts(), before.map((count) => count + 1));
  assertEquals(port.address(), null);
  port.close();
  assertEquals(counts(), before);
});
