// deno-lint-ignore-file no-console -- a benchmark prints
// npm:ws on Node: an echo server, with `--deflate` one that compresses as ours does, without context takeover.
// The folder that has `ws` installed is the first argument.
const { createRequire } = require("node:module");
const { WebSocketServer } = createRequire(`${process.argv[2]}/package.json`)("ws");

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
  socket.on("message", (data, binary) => socket.send(data, { binary }));
  socket.on("error", () => {});
});
