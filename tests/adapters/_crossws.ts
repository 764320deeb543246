/**
 * An application of h3 with WebSockets of crossws on our adapter, as a process of its own, on the server that the argument names. It is
 * run without the lock file, and names its packages where Deno does not look.
 *
 * @module
 */
import { serve } from "../../mod.ts";
import crossws, { type CrosswsMessage, type CrosswsPeer } from "../../lib/adapters/crossws.ts";
import { fromFetch } from "../../lib/adapters/fetch.ts";
import { serveNode } from "../../lib/node/mod.ts";

// deno-lint-ignore no-explicit-any -- a package that is named at run time has no types
const load = (specifier: string): Promise<any> => import(specifier);
// deno-lint-ignore no-console -- the test reads it
const say = (text: string) => console.log(text);

const { defineWebSocketHandler, H3, toNodeHandler } = await load("npm:h3@^2.0.8");
const { defineHooks } = await load("npm:crossws@^0.4.17");
const app = new H3();
app.get("/", () => "h3 is here");
app.get(
  "/rooms/**",
  defineWebSocketHandler(defineHooks({
    upgrade(request: Request) {
      if (request.url.endsWith("/closed")) throw new Response("closed\n", { status: 403 });
      if (request.url.endsWith("/away")) return new Response("away\n", { status: 410 });
      return { headers: { "x-room": "1" }, protocol: "v2", namespace: "rooms", context: { room: "lobby" } };
    },
    open(peer: CrosswsPeer) {
      peer.subscribe("news");
      peer.send({
        room: peer.context.room,
        peers: peer.peers.size,
        address: peer.remoteAddress,
        namespace: peer.namespace,
      });
      peer.publish("news", `${peer.request.url.split("/").at(-1)} is here`);
    },
    async message(peer: CrosswsPeer, message: CrosswsMessage) {
      if (message.text() === "throw") throw new Error("thrown on purpose");
      if (message.text() === "leave") peer.unsubscribe("news");
      if (message.text() === "all") ws.publish("news", new Uint8Array(2));
      if (message.text() === "end") peer.close(4000, "end");
      await Promise.resolve();
      peer.send(typeof message.rawData === "string" ? message.text() : message.arrayBuffer());
    },
    close: (_: CrosswsPeer, { code, reason }: { code: number; reason: string }) => say(`closed: ${code} ${reason}`),
    error: (_: CrosswsPeer, error: Error) => say(`error: ${error.message}`),
  })),
);

const ws = crossws({ fetch: (request) => app.fetch(request) });
const hostname = "127.0.0.1";
const onError = () => {}; // what is thrown on purpose
switch (Deno.args[0]) {
  case "serve": {
    const { handler, ...fromH3 } = fromFetch(ws.fetch);
    const onListen = (addr: object) => "port" in addr ? say(`listening on ${addr.port}`) : undefined;
    serve({ port: 0, hostname, onListen, onError, ...fromH3 }, handler);
    break;
  }
  case "Deno.serve": {
    const ours = crossws({ fetch: (request) => app.fetch(request), platform: { onError } });
    Object.assign(ws, ours);
    Deno.serve(
      { port: 0, hostname, onListen: ({ port }) => say(`listening on ${port}`) },
      async (request, info) =>
        request.headers.has("upgrade") ? await ours.handleUpgrade(request, info) : await app.fetch(request),
    );
    break;
  }
  case "node:http": {
    const { createServer } = await import("node:http");
    const server = createServer(toNodeHandler(app));
    const { upgrade, handler } = fromFetch(ws.fetch);
    serveNode(server, { upgrade, onError }, handler);
    server.listen(0, hostname, () => {
      const address = server.address();
      if (address !== null && typeof address === "object") say(`listening on ${address.port}`);
    });
  }
}
