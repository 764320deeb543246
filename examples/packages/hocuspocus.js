// deno-lint-ignore-file no-console -- an example prints
// Shared documents with Hocuspocus on the WebSocketServer of `./ws`. With `talk` two of its providers edit one document, and end.
//
//   deno run --allow-net --allow-env examples/packages/hocuspocus.js [port] [talk]

import process from "node:process";
import { WebSocket, WebSocketServer } from "@sluice/websocket/ws";
import { HocuspocusProvider, HocuspocusProviderWebsocket } from "npm:@hocuspocus/provider@2";
import { Hocuspocus } from "npm:@hocuspocus/server@2";

const hocuspocus = new Hocuspocus({ quiet: true });
const server = new WebSocketServer({ port: Number(process.argv[2] ?? 8080), host: "127.0.0.1" });
server.on("connection", (socket, request) => hocuspocus.handleConnection(socket, request));
server.once("listening", async () => {
  const url = `ws://127.0.0.1:${server.address().port}`;
  console.log(`Hocuspocus on ${url}`);
  if (process.argv[3] === "talk") await talk(url);
});

async function talk(url) {
  const open = async () => {
    const websocketProvider = new HocuspocusProviderWebsocket({ url, WebSocketPolyfill: WebSocket });
    const provider = new HocuspocusProvider({ websocketProvider, name: "page" });
    provider.attach?.(); // not all versions attach by themselves
    if (!provider.synced) await new Promise((done) => provider.on("synced", done));
    return provider.document.getText("shared");
  };
  const [ann, bob] = await Promise.all([open(), open()]);
  const arrived = new Promise((done) => bob.observe(() => done(String(bob))));
  ann.insert(0, "It rains");
  console.log(await arrived);
  process.exit();
}
