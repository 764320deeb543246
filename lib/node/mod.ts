/**
 * WebSockets on a `node:http` or `node:https` server, in Deno and in Node. Express and Fastify use such a server.
 *
 * @example Express
 * ```ts ignore
 * import { createServer } from "node:http";
 * import express from "npm:express@^5";
 * import { serveNode } from "@sluice/websocket/node";
 *
 * const app = express();
 * const server = createServer(app);
 * serveNode(server, {}, { message: (socket, data) => void socket.send(data) });
 * server.listen(8080);
 * ```
 *
 * @example Fastify
 * ```ts ignore
 * import fastify from "npm:fastify@^5";
 * import { serveNode } from "@sluice/websocket/node";
 *
 * const app = fastify();
 * serveNode(app.server, {}, { message: (socket, data) => void socket.send(data) });
 * await app.listen({ port: 8080 });
 * ```
 *
 * @module
 */
export { acceptNode, type UpgradeEvent } from "./accept_node.ts";
export { nodeConnection, type SocketFacts } from "../transport/node_connection.ts";
export {
  type AnyUpgradeAnswer,
  type ConnectionOf,
  type DataIn,
  type DataOf,
  type WithUpgrade,
} from "../server/upgrade_data.ts";
export {
  type NodeUpgrades,
  serveNode,
  type ServeNodeOptions,
  type UpgradeListener,
  type UpgradeServer,
} from "./serve_node.ts";
