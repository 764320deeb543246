// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * The peer that Deno users have: `Deno.upgradeWebSocket`.
 *
 * @module
 */
Deno.serve({
  port: 0,
  hostname: "127.0.0.1",
  onListen: ({ port }) => console.log(`listening on ${port}`),
}, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => socket.send(data);
  socket.onerror = () => {};
  return response;
});
