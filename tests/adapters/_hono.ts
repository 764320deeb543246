/**
 * An application of Hono with one WebSocket of ours, as a process of its own, on the server that the argument names. It is run without
 * the lock file, and names its packages where Deno does not look.
 *
 * @module
 */
import { serve } from "../../mod.ts";
import { fromFetch } from "../../lib/adapters/fetch.ts";
import { upgradeWebSocket } from "../../lib/adapters/hono.ts";
import { serveNode } from "../../lib/node/mod.ts";
import type { Address } from "../../lib/transport/transport.ts";

// deno-lint-ignore no-explicit-any -- a package that is named at run time has no types
const load = (specifier: string): Promise<any> => import(specifier);
// deno-lint-ignore no-console -- the test reads it
const say = (text: string) => console.log(text);

const { Hono } = await load("npm:hono@^4.13.0");
const { secureHeaders } = await load("npm:hono@^4.13.0/secure-headers");
const { cors } = await load("npm:hono@^4.13.0/cors");
const app = new Hono();
app.use(secureHeaders(), cors({ origin: "https://app.example" }));
app.get("/", (context: { text(text: string): Response }) => context.text("Hono is here"));
app.get(
  "/echo/:name",
  upgradeWebSocket<{ req: { raw: Request; param(name: string): string } }>((context) => ({
    onOpen: (event, ws) => void ws.send(`${event.type} ${context.req.param("name")} ${ws.protocol} ${ws.url.pathname}`),
    onMessage({ data }, ws) {
      if (data === "blob") ws.binaryType = "blob";
      else if (data === "throw") throw new Error("thrown on purpose");
      void ws.send(
        `${typeof data === "string" ? data : `${data.constructor.name} ${Object(data).byteLength}`} ${ws.readyState}`,
      );
    },
    onError: (event) => say(`error event: ${Reflect.get(event, "message")}`),
    onClose: ({ code, reason, wasClean }, ws) => say(`closed: ${code} ${reason} ${wasClean} ${ws.readyState}`),
  })),
  (context: { text(text: string): Response }) => context.text("no WebSocket was asked for"),
);
app.get(
  "/inside",
  async (context: { req: { raw: Request } }) =>
    await upgradeWebSocket(context, { onOpen: (_, ws) => ws.close(4000, "inside") }),
);

const hostname = "127.0.0.1";
const listening = (addr: Address | { port: number }) => "port" in addr ? say(`listening on ${addr.port}`) : undefined;
const onError = () => {}; // what is thrown on purpose
switch (Deno.args[0]) {
  case "serve": {
    const { handler, ...fromHono } = fromFetch(app.fetch);
    serve({ port: 0, hostname, onListen: listening, onError, ...fromHono }, handler);
    break;
  }
  case "Deno.serve":
    Deno.serve({ port: 0, hostname, onListen: listening }, app.fetch);
    break;
  case "@hono/node-server": {
    const { upgrade, handler } = fromFetch(app.fetch);
    const node = await load("npm:@hono/node-server@^2.1.0");
    serveNode(node.serve({ fetch: app.fetch, port: 0, hostname }, listening), { upgrade, onError }, handler);
  }
}
