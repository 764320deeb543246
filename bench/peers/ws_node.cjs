// deno-lint-ignore-file no-console -- a benchmark prints
// npm:ws on Node. Echo, with `--deflate` compressed as ours is, without context takeover, or with `--fanout` every message to
// every connection. The folder that has `ws` installed is the first argument.
const { createRequire } = require("node:module");
const { WebSocketServer, WebSocket } = createRequire(`${process.argv[2]}/package.json`)("ws");

const fanOut = process.argv.includes("--fanout");
const perMessageDeflate = process.argv.includes("--deflate") && {
  threshold: 0,
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  zlibDeflateOptions: { level: 1 },
};
const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate }, () => {
  console.log(`listening on ${server.address().port}`);
});
server.on("connection", (socket) => {
  socket.on("message", (data, binary) => {
    if (!fanOut) return socket.send(data, { binary });
    for (const each of server.clients) if (each.readyState === WebSocket.OPEN) each.send(data, { binary });
  });
  socket.on("error", () => {});
});
