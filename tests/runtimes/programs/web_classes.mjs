// deno-lint-ignore-file no-console -- the test reads it
// The classes of the WHATWG's, which neither Node 20 nor Bun has both of.
import assert from "node:assert/strict";
import { WebSocket, WebSocketStream } from "@sluice/websocket";

const [url] = process.argv.slice(2);

const stream = new WebSocketStream(url, { protocols: ["chat"] });
const { readable, writable, protocol } = await stream.opened;
assert.equal(protocol, "chat");
const writer = writable.getWriter();
const reader = readable.getReader();
await writer.write("größer");
assert.equal((await reader.read()).value, "größer");
stream.close({ closeCode: 4000, reason: "done" });
assert.deepEqual(await stream.closed, { closeCode: 4000, reason: "" });

const socket = new WebSocket(url, "chat");
const events = [];
socket.binaryType = "arraybuffer";
socket.onopen = () => {
  events.push("open");
  socket.send("text");
  socket.send(Uint8Array.of(1, 2));
};
socket.onmessage = ({ data }) => {
  events.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
  if (events.length === 3) socket.close(1000, "bye");
};
const { code, reason, wasClean } = await new Promise((resolve) => socket.addEventListener("close", resolve));
assert.deepEqual([...events, code, reason, wasClean], ["open", "text", [1, 2], 1000, "", true]);

const failing = new WebSocket(`${url}/missing`);
const failure = await new Promise((resolve) => failing.onerror = resolve);
assert.match(failure.message, /404/);
console.log("ok");
