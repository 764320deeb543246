/**
 * Vite's development server, as a process of its own: with WebSockets of ours on `/chat` beside those of its own, and with proxies to the
 * server whose address is the first argument. The second is an empty folder. It is run without the lock file, and names its package where Deno does not look.
 *
 * @module
 */
import type { UpgradeServer } from "../../lib/node/mod.ts";
import { serveNode } from "../../lib/node/mod.ts";

// deno-lint-ignore no-explicit-any -- a package that is named at run time has no types
const { createServer }: any = await import(["npm:vite", "^7.0.0"].join("@"));

const [target, root] = Deno.args;
const vite = await createServer({
  configFile: false,
  root,
  logLevel: "error",
  optimizeDeps: { noDiscovery: true },
  server: {
    host: "127.0.0.1",
    port: 0,
    proxy: {
      "/same": { target, ws: true },
      "/changed": { target, ws: true, changeOrigin: true },
      "/rewritten": { target, ws: true, changeOrigin: true, rewriteWsOrigin: true },
    },
  },
  plugins: [{
    name: "chat",
    configureServer({ httpServer }: { httpServer: UpgradeServer }) {
      serveNode(httpServer, { takes: ({ url }) => url === "/chat" }, {
        message: (socket, data) => void socket.send(data),
      });
    },
  }],
});
await vite.listen();
const { port } = vite.httpServer.address();
// deno-lint-ignore no-console -- the test reads it
console.log(`listening on ${port} ${vite.config.webSocketToken}`);
