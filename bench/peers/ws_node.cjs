// deno-lint-ignore-file no-console -- a benchmark prints
// npm:ws on Node. Echo, with `--deflate` compressed as ours is, `--takeover` or not, or with `--fanout` every message to
// every connection. The folder that has `ws` installed is the first argument.
const { createRequire } = require("node:module");
const { WebSocketServer, WebSocket } = createRequire(`${process.argv[2]}/package.json`)("ws");

const fanOut = process.argv.includes("--fanout");
const takeover = process.argv.includes("--takeover");
const perMessageDeflate = process.argv.includes("--deflate") && {
  threshold: 0,
  serverNoContextTakeover: !takeover,
  clientNoContextTakeover: !takeover,
  zlibDeflateOptions: { level: takeover ? 6 : 1 },
};
const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate }, () => {
  console.log(`listening on ${server.address().port}`);
});
server.on("connection", (socket) => {
  socket.on("message", (data, binary) => {
    // A text is given as a string by the others: so it is made one here too.
    if (!fanOut) return socket.send(binary ? data : data.toString(), { binary });
    for (const each of server.clients) if (each.readyState === WebSocket.OPEN) each.send(data, { binary });
  });
  socket.on("error", () => {});
});
