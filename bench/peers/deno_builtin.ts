// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * The peer that Deno users have: `Deno.upgradeWebSocket`. Echo, or with `--fanout` every message to every connection.
 *
 * @module
 */
const fanOut = Deno.args.includes("--fanout");
const sockets = new Set<WebSocket>();

Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: ({ port }) => console.log(`listening on ${port}`),
}, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  socket.onerror = () => {};
  if (fanOut) {
    socket.onopen = () => void sockets.add(socket);
    socket.onclose = () => void sockets.delete(socket);
    socket.onmessage = ({ data }) => {
      for (const each of sockets) if (each.readyState === WebSocket.OPEN) each.send(data);
    };
  } else {
    socket.onmessage = ({ data }) => socket.send(data);
  }
  return response;
});
