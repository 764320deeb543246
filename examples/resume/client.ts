// deno-lint-ignore-file no-console -- an example prints
// Uploads a file to server.ts, and continues after a lost connection: `reconnecting` opens the next connection, and `onConnect`
// asks how much the server has. To continue in another run, pass the id that it prints.
//
//   deno run --allow-net --allow-read examples/resume/client.ts FILE [ws://127.0.0.1:8080] [id]

import { reconnecting, shouldReconnect, type WebSocketConnection } from "@sluice/websocket";
import { createHash } from "node:crypto";

const [path, url = "ws://127.0.0.1:8080", id = crypto.randomUUID()] = Deno.args;
if (path === undefined) {
  console.error("Which file?");
  Deno.exit(2);
}
console.log(`The id is ${id}`);
const { size } = await Deno.stat(path);

const connection = reconnecting(url, {
  delay: { first: 500, most: 30_000 },
  onConnect: upload,
  // 4000 is the server's for a mistake of ours: the same would happen again.
  shouldReconnect: (info) => info.closeCode !== 4000 && shouldReconnect(info),
});
const { closeCode, reason, error } = await connection.closed;
if (closeCode !== 1000) {
  console.log(`Closed with ${closeCode}: ${reason || error}`);
  Deno.exitCode = 1;
}

/** One connection's part of it. If the connection is lost, this ends, and the next one begins anew. */
async function upload(socket: WebSocketConnection): Promise<void> {
  const reports = socket[Symbol.asyncIterator]();
  const next = async (): Promise<{ stored: number; sha256?: string }> => {
    const { value, done } = await reports.next();
    if (done) throw new Error("The server closed the connection");
    return JSON.parse(String(value));
  };
  await socket.send(JSON.stringify({ id, size }));
  let { stored, sha256 } = await next();
  console.log(`From ${stored}`);
  const sending = send(socket, stored);
  sending.catch((error) => socket.abort(error)); // a file that cannot be read ends the connection
  while (sha256 === undefined) {
    ({ stored, sha256 } = await next());
    console.log(`${stored} of ${size} bytes`);
  }
  await sending;
  console.log(sha256 === await hashOf() ? "They are the same" : "They are not the same");
  await socket.close();
}

async function send(socket: WebSocketConnection, from: number): Promise<void> {
  using file = await Deno.open(path!);
  await file.seek(from, Deno.SeekMode.Start);
  const buffer = new Uint8Array(64 * 1024);
  for (let count = await file.read(buffer); count !== null; count = await file.read(buffer)) {
    await socket.send(buffer.subarray(0, count)); // waits while the server does not read; then the buffer may be used again
  }
}

async function hashOf(): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of (await Deno.open(path!)).readable) hash.update(chunk);
  return hash.digest("hex");
}
