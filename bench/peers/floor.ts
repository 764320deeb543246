// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * The floor: what Deno's sockets cost, with no WebSocket at all. After the handshake each `--request N` bytes that arrive,
 * whatever they are, are answered with one canned message of `--payload N` bytes, `--text` or not, in fragments of `--fragment N`,
 * all that one read completed in one write. A close frame is answered with one.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { letters, repeat, replyFrame } from "../frames.ts";

const { values } = parseArgs({
  options: {
    request: { type: "string", default: "38" },
    payload: { type: "string", default: "32" },
    text: { type: "boolean", default: false },
    fragment: { type: "string" },
  },
});
const requestSize = Number(values.request);
const fragment = values.fragment === undefined ? undefined : Number(values.fragment);
const reply = replyFrame(letters(Number(values.payload), { text: values.text, fragment }));

const READ = 256 * 1024;
/** As many replies as one read can complete. */
const replies = repeat(reply, Math.ceil(READ / requestSize) + 1);

/** The load generator's close frame, and the answer. */
const CLOSE = { request: 8, reply: Uint8Array.of(0x88, 0x02, 0x03, 0xe8) };

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(`listening on ${listener.addr.port}`);
for await (const conn of listener) serve(conn).catch(() => {}).finally(() => conn.close());

async function serve(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  let partial = await shakeHands(conn);
  let buffer = new Uint8Array(1024); // what an idle connection needs, and more as soon as a read fills it
  for (let count: number | null = 0; count !== null; count = await conn.read(buffer)) {
    if (count === buffer.length && count < READ) buffer = new Uint8Array(4 * count);
    const bytes = partial + count;
    if (partial === 0 && count === CLOSE.request && buffer[0] === 0x88) {
      await conn.write(CLOSE.reply);
      return;
    }
    partial = bytes % requestSize;
    const answer = replies.subarray(0, (bytes - partial) / requestSize * reply.length);
    for (let at = 0; at < answer.length;) at += await conn.write(at === 0 ? answer : answer.subarray(at));
  }
}

/** Returns the number of bytes that came after the request. */
async function shakeHands(conn: Deno.TcpConn): Promise<number> {
  const buffer = new Uint8Array(4096);
  let head = "";
  while (!head.includes("\r\n\r\n")) {
    const count = await conn.read(buffer);
    if (count === null) throw new Error("No request");
    head += new TextDecoder("latin1").decode(buffer.subarray(0, count));
  }
  const [, key] = /^sec-websocket-key: *(\S+)/im.exec(head) ?? [];
  const accept = new Uint8Array(
    await crypto.subtle.digest("SHA-1", new TextEncoder().encode(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)),
  );
  await conn.write(new TextEncoder().encode(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept.toBase64()}\r\n\r\n`,
  ));
  return head.length - head.indexOf("\r\n\r\n") - 4;
}
