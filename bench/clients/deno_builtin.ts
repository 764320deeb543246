/**
 * Deno's `WebSocket`.
 *
 * @module
 */
import { count, outstanding, payload, url } from "./counting.ts";

const socket = new WebSocket(url);
socket.binaryType = "arraybuffer";
socket.onopen = () => {
  for (let sent = 0; sent < outstanding; sent++) socket.send(payload);
};
socket.onmessage = () => {
  count();
  socket.send(payload);
};
