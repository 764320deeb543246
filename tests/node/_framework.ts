/**
 * A server of Express or Fastify with our WebSockets on `/echo`, as a process of its own: `tests/node/_framework.ts Express`. It
 * is run without the lock file, and names its package where Deno does not look: with these hundred packages in the lock file
 * `deno task serve` would first download them all.
 *
 * @module
 */
import { createServer, type Server } from "node:http";
import { serveNode } from "../../lib/node/mod.ts";

/** What both frameworks give here: a server that listens and answers `GET /hello` with `hello`. */
const FRAMEWORKS: Record<string, () => Promise<Server>> = {
  async Express() {
    const { default: express } = await load("npm:express@^5.1.0");
    const app = express();
    app.get("/hello", (_: unknown, response: { send(text: string): void }) => response.send("hello"));
    const server = createServer(app);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return server;
  },
  async Fastify() {
    const { default: fastify } = await load("npm:fastify@^5.6.0");
    const app = fastify();
    app.get("/hello", () => "hello");
    await app.listen({ host: "127.0.0.1", port: 0 });
    return app.server;
  },
};

// deno-lint-ignore no-explicit-any -- a package that is named at run time has no types
function load(specifier: string): Promise<any> {
  return import(specifier);
}

const server = await FRAMEWORKS[Deno.args[0] ?? ""]!();
serveNode(server, { takes: ({ url }) => url === "/echo" }, { message: (socket, data) => void socket.send(data) });
const address = server.address();
// deno-lint-ignore no-console -- the test reads it
if (address !== null && typeof address === "object") console.log(`listening on ${address.port}`);
