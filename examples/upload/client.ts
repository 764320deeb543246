// deno-lint-ignore-file no-console -- an example prints
// Uploads a file to server.ts, prints its progress, and checks that the file arrived unchanged.
//
//   deno run --allow-net --allow-read examples/upload/client.ts FILE [ws://127.0.0.1:8080/upload]

import { connect } from "@sluice/websocket";
import { createHash } from "node:crypto";

const [path, url = "ws://127.0.0.1:8080/upload"] = Deno.args;
if (path === undefined) {
  console.error("Which file?");
  Deno.exit(2);
}
using file = await Deno.open(path);
const { size } = await file.stat();
const hash = createHash("sha256");

await using socket = await connect(url);
await socket.send(JSON.stringify({ name: path.split(/[/\\]/).at(-1), size }));
// Both at once: while the chunks go out, the reports come in.
const sending = send();
sending.catch((error) => socket.abort(error)); // a file that cannot be read ends the loop; a connection that is over has ended it
try {
  for await (const message of socket) {
    const { stored, sha256 } = JSON.parse(String(message));
    console.log(`${stored} of ${size} bytes`);
    if (sha256 === undefined) continue;
    await sending;
    console.log(sha256 === hash.digest("hex") ? "They are the same" : "They are not the same");
    await socket.close();
  }
} catch (error) {
  // A server that refuses a file does not wait for the rest. Then the end is not clean, but its last message counts.
  if ((await socket.closed).closeCode === 1006) throw error;
}
const { closeCode, reason } = await socket.closed;
if (closeCode !== 1000) {
  console.log(`Closed with ${closeCode}: ${reason}`);
  Deno.exitCode = 1;
}

async function send(): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let count = await file.read(buffer); count !== null; count = await file.read(buffer)) {
    const chunk = buffer.subarray(0, count);
    hash.update(chunk);
    await socket.send(chunk); // waits while the server does not read; then the buffer may be used again
  }
}
