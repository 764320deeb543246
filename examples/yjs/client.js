// deno-lint-ignore-file no-console -- an example prints
// A client to server.js: it adds a line to the document, and prints the document whenever it changes, until it is stopped. Start
// several: each has the lines of all. What is added while the server is away arrives when it is back.
//
//   deno run --allow-net --allow-env examples/yjs/client.js ws://127.0.0.1:8080 [line]

import { WebSocket } from "@sluice/websocket/ws";
import { WebsocketProvider } from "npm:y-websocket@2";
import * as Y from "npm:yjs@13";

const [url, line] = Deno.args;
const doc = new Y.Doc();
const lines = doc.getArray("lines");
lines.observe(() => console.log(lines.toArray().join(" | ")));
const provider = new WebsocketProvider(url, "shopping", doc, { WebSocketPolyfill: WebSocket });
provider.on("status", ({ status }) => console.log(status));
if (line !== undefined) lines.push([line]);
