// Not run: `tsc --strict` checks it against the declarations of the package and of `@types/node`.
import { createServer } from "node:http";
import { connect as connectSession, createSecureServer } from "node:http2";
import { createServer as createTcpServer } from "node:net";
import { accept } from "@sluice/websocket";
import { redisBroker } from "@sluice/websocket/hub/redis";
import { connectHttp2, serveHttp2 } from "@sluice/websocket/http2";
import { acceptNode, nodeConnection, serveNode } from "@sluice/websocket/node";

const server = createServer();
const upgrades = serveNode<string>(server, { takes: ({ url }) => url === "/" }, {
  message: (socket, data) => void socket.send(data),
});
server.on("upgrade", (request, socket, head) => void acceptNode({ request, socket, head }));
void upgrades.shutdown();
void serveHttp2(createSecureServer(), {}, { message: (socket, data) => socket.send(data) });
void [connectHttp2, connectSession, redisBroker()];
createTcpServer((socket) => void accept(nodeConnection(socket)));
