// deno-lint-ignore-file no-console -- an example prints
// Receives files over a WebSocket, and reports how much of them is written. No file is held in memory: the next message is read
// when the previous one is written, so a slow disk slows down the sender. page.html uploads from a browser, client.ts from a
// program.
//
//   deno run --allow-net --allow-read=examples/upload --allow-write=/tmp examples/upload/server.ts [port] [/tmp]
//
// A connection accepts one file after another:
//
//   → {"name": "photo.jpg", "size": 1234567}          text
//   → its bytes, at most 64 KiB in a message          binary
//   ← {"stored": 262144}                              at each 256 KiB
//   ← {"stored": 1234567, "sha256": "9f86d081…"}      at the end
//
// Any other message closes the connection with code 4000 and a reason.

import { type Message, serve, WebSocketError } from "@sluice/websocket";
import { createHash } from "node:crypto";

interface Head {
  readonly name: string;
  readonly size: number;
}

const MAX_FILE_BYTES = 1024 ** 3;
const MAX_CHUNK_BYTES = 64 * 1024;
/** A sender may wait for these, so they come by bytes and not by time: 256 KiB that came at once are reported too. */
const REPORT_BYTES = 256 * 1024;

const [port = "8080", folder = "/tmp"] = Deno.args;

serve({
  port: Number(port),
  hostname: "127.0.0.1",
  maxMessageBytes: MAX_CHUNK_BYTES,
  http,
  upgrade: ({ path }) => path === "/upload" ? {} : new Response("No WebSocket here\n", { status: 404 }),
  onListen(addr) {
    if ("port" in addr) console.log(`Open http://127.0.0.1:${addr.port}/`);
  },
  onError(error) {
    if (!(error instanceof WebSocketError)) console.error(error); // a sender's mistake is no news here
  },
}, async (socket) => {
  const messages = socket[Symbol.asyncIterator]();
  const report = (progress: object) => socket.send(JSON.stringify(progress));
  for (let first = await messages.next(); !first.done; first = await messages.next()) {
    const { name, size } = readHead(first.value);
    const path = await Deno.makeTempFile({ dir: folder, prefix: "upload-" });
    try {
      const sha256 = await store(messages, { path, size, report });
      console.log(`${JSON.stringify(name)} is ${path}`); // a name of the sender's is to be read, and is no path
      await report({ stored: size, sha256 });
    } catch (error) {
      await Deno.remove(path);
      throw error;
    }
  }
});

/** Writes a file of what comes next, and returns its hash. */
async function store(
  messages: AsyncIterator<Message>,
  { path, size, report }: { path: string; size: number; report(progress: object): Promise<void> },
): Promise<string> {
  using file = await Deno.open(path, { write: true });
  const hash = createHash("sha256");
  let stored = 0;
  let reported = 0;
  while (stored < size) {
    const { value: chunk, done } = await messages.next();
    if (done) throw mistake(`File ended after ${stored} of ${size} bytes`);
    if (typeof chunk === "string" || chunk.length === 0) throw mistake("Expected bytes of the file");
    if (stored + chunk.length > size) throw mistake(`File is more than its ${size} bytes`);
    hash.update(chunk);
    // A write may take a part. And `file.writable` would hold small ones back, of which a report must not tell.
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
    stored += chunk.length;
    if (stored - reported < REPORT_BYTES || stored === size) continue;
    reported = stored;
    await report({ stored });
  }
  return hash.digest("hex");
}

function readHead(message: Message): Head {
  let head: unknown;
  try {
    head = JSON.parse(String(message));
  } catch {
    // It is nothing.
  }
  if (!isHead(head)) throw mistake("Expected a name and a size as JSON");
  if (head.size > MAX_FILE_BYTES) throw mistake(`File of ${head.size} bytes is over ${MAX_FILE_BYTES}`);
  return head;
}

function isHead(value: unknown): value is Head {
  return typeof value === "object" && value !== null && "name" in value && typeof value.name === "string" &&
    "size" in value && typeof value.size === "number" && Number.isSafeInteger(value.size) && value.size >= 0;
}

/** Whatever a handler throws closes the connection; this says to the sender why. */
function mistake(reason: string): WebSocketError {
  return new WebSocketError(reason, { closeCode: 4000, reason });
}

/** Answers with the page, which may run only its own script and connect only to this server. */
async function http({ url }: Request): Promise<Response> {
  if (new URL(url).pathname !== "/") return new Response("Not found\n", { status: 404 });
  const page = await Deno.readTextFile(new URL("page.html", import.meta.url));
  const nonce = crypto.randomUUID();
  return new Response(page.replaceAll("{nonce}", nonce), {
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; ` +
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    },
  });
}
