/**
 * A worker whose sockets may ask who it is, speak to everybody on every worker, and crash it.
 *
 * @module
 */
import { serve } from "../../lib/server/serve.ts";
import { startWorker } from "../../lib/workers/mod.ts";

startWorker((listen, { index, broker }) => {
  const hubs = broker();
  const server = serve({ ...listen, pingInterval: 0 }, {
    message(socket, data) {
      if (data === "who") return socket.send(`${index}`);
      if (data === "crash") return void setTimeout(() => Promise.reject(new Error("crash")));
      everybody(data);
      hubs.publish({ topic: "all", data });
    },
  });
  const everybody = (data: string | Uint8Array<ArrayBuffer>) => {
    for (const socket of server.connections) void socket.send(data);
  };
  hubs.attach({ receive: ({ data }) => everybody(data) });
  hubs.subscribe("all");
  return server;
});
