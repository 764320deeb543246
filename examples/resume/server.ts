// deno-lint-ignore-file no-console -- an example prints
// Uploads that continue after a lost connection. The received part of a file is kept as `.part`. A client that reconnects gets
// the size of that, and sends the rest. client.ts reconnects automatically.
//
//   deno run --allow-net --allow-read=/tmp --allow-write=/tmp examples/resume/server.ts [port] [/tmp]
//
// One connection for one file:
//
//   → {"id": "0f…", "size": 1234567}                  text: an id from the client, a UUID
//   ← {"stored": 262144}                              the bytes that are stored: send from there
//   → the bytes after it, at most 64 KiB in a message
//   ← {"stored": 524288}                              at each 256 KiB
//   ← {"stored": 1234567, "sha256": "9f86d081…"}      at the end; the server closes with 1000
//
// A client that knows an id can continue its file, so ids are secrets.

import { serve, type WebSocketConnection, WebSocketError } from "@sluice/websocket";
import { json, type StandardSchema } from "@sluice/websocket/typed";
import { createHash } from "node:crypto";

const MAX_FILE_BYTES = 1024 ** 3;
const MAX_CHUNK_BYTES = 64 * 1024;
const REPORT_BYTES = 256 * 1024;
/** Parts that no client has continued for so long are removed, because they fill the disk. */
const MAX_PART_AGE = 24 * 60 * 60 * 1000;

const [port = "8080", folder = "/tmp"] = Deno.args;

interface Head {
  readonly id: string;
  readonly size: number;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const isHead = (value: unknown): value is Head =>
  typeof value === "object" && value !== null && "id" in value && typeof value.id === "string" && UUID.test(value.id) &&
  "size" in value && Number.isSafeInteger(value.size) && Number(value.size) >= 0 &&
  Number(value.size) <= MAX_FILE_BYTES;

const HEAD: StandardSchema<Head> = {
  "~standard": {
    version: 1,
    vendor: "example",
    validate: (value) => isHead(value) ? { value } : { issues: [{ message: `Expected a UUID and a size` }] },
  },
};
const head = json(HEAD);

/** Who writes to which file. */
const writers = new Map<string, WebSocketConnection>();

await removeOldParts();
setInterval(removeOldParts, MAX_PART_AGE / 24);

serve({
  port: Number(port),
  hostname: "127.0.0.1",
  maxMessageBytes: MAX_CHUNK_BYTES,
  onListen(addr) {
    if ("port" in addr) console.log(`Upload to ws://127.0.0.1:${addr.port}`);
  },
  onError(error) {
    if (!(error instanceof WebSocketError)) console.error(error); // a sender's mistake is no news here
  },
}, async (socket) => {
  const messages = socket[Symbol.asyncIterator]();
  const first = await messages.next();
  if (first.done) return;
  const { id, size } = await head.decode(first.value);
  // A client that was cut off may be back before the server has noticed: the new connection counts.
  const before = writers.get(id);
  writers.set(id, socket);
  before?.abort();
  await before?.closed;
  try {
    await store(socket, messages, { id, size });
  } finally {
    if (writers.get(id) === socket) writers.delete(id);
  }
});

async function store(
  socket: WebSocketConnection,
  messages: AsyncIterator<string | Uint8Array<ArrayBuffer>>,
  { id, size }: Head,
): Promise<void> {
  const [whole, part] = [`${folder}/${id}`, `${folder}/${id}.part`];
  const report = (progress: object) => socket.send(JSON.stringify(progress));
  if (!await exists(whole)) {
    using file = await Deno.open(part, { append: true, create: true });
    let { size: stored } = await file.stat();
    if (stored > size) throw mistake(`More than ${size} bytes are here already`);
    await report({ stored });
    for (let reported = stored; stored < size;) {
      const { value: chunk, done } = await messages.next();
      if (done) return; // it goes on another time
      if (typeof chunk === "string" || chunk.length === 0) throw mistake("Expected bytes of the file");
      if (stored + chunk.length > size) throw mistake(`File is more than its ${size} bytes`);
      for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
      stored += chunk.length;
      if (stored - reported < REPORT_BYTES || stored === size) continue;
      reported = stored;
      await report({ stored });
    }
    await file.sync(); // the answer promises that it is there
    await Deno.rename(part, whole);
    console.log(`${id} is whole`);
  }
  await report({ stored: size, sha256: await hashOf(whole) });
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of (await Deno.open(path)).readable) hash.update(chunk);
  return hash.digest("hex");
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}

async function removeOldParts(): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith(".part") || !UUID.test(name.slice(0, -".part".length))) continue;
    const { mtime } = await Deno.stat(`${folder}/${name}`);
    if (mtime !== null && Date.now() - mtime.getTime() > MAX_PART_AGE) await Deno.remove(`${folder}/${name}`);
  }
}

/** Whatever a handler throws closes the connection; this says to the sender why. */
function mistake(reason: string): WebSocketError {
  return new WebSocketError(reason, { closeCode: 4000, reason });
}
