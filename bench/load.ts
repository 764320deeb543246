/**
 * A load generator cheap enough not to be the limit: frames are encoded once, replies are counted in bytes.
 *
 * @module
 */

import { constants, deflateRawSync } from "node:zlib";

/** What to send. */
export interface Load {
  /** The port of the echo server on 127.0.0.1. */
  port: number;
  /** Connections. */
  connections: number;
  /** Messages under way on each. */
  outstanding: number;
  /** Bytes of a message's payload. */
  size: number;
  /** Whether messages are text. */
  text?: boolean;
  /** Sends this payload instead, deflated: RFC 7692 without context takeover. */
  deflate?: Uint8Array<ArrayBuffer>;
  /** Milliseconds before counting begins: the servers' code is compiled by then. */
  warmup: number;
  /** Milliseconds of counting. */
  duration: number;
}

const FRAMES_IN_BLOCK = 64;

/** Drives the load and returns the messages echoed per second. */
export async function drive(load: Load): Promise<number> {
  const { connections, outstanding, warmup, duration } = load;
  const request = clientFrame(load);
  const offer = load.deflate === undefined
    ? ""
    : "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n";
  const block = new Uint8Array(request.length * Math.min(FRAMES_IN_BLOCK, outstanding));
  for (let at = 0; at < block.length; at += request.length) block.set(request, at);
  let echoed = 0;
  let running = true;

  const conns = await Promise.all(Array.from({ length: connections }, () => open(load.port, offer)));
  // What a server answers has always the same size; how well it deflates, its first answer tells.
  const replySize = load.deflate === undefined ? request.length - 4 : await firstReply(conns[0]!, request);

  const send = async (conn: Deno.TcpConn, count: number) => {
    for (let left = count * request.length; left > 0;) {
      const bytes = block.subarray(0, Math.min(left, block.length));
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
      left -= bytes.length;
    }
  };
  const run = async (conn: Deno.TcpConn) => {
    const buffer = new Uint8Array(256 * 1024);
    let partial = 0;
    await send(conn, outstanding);
    while (running) {
      const count = await conn.read(buffer);
      if (count === null) throw new Error("The server closed a connection");
      partial += count;
      const complete = Math.floor(partial / replySize);
      partial -= complete * replySize;
      echoed += complete;
      // Not awaited: a server that waits for its replies to be read must not wait for ever.
      if (running && complete > 0) send(conn, complete).catch(() => {});
    }
  };
  const all = Promise.allSettled(conns.map(run));
  await new Promise((resolve) => setTimeout(resolve, warmup));
  const before = echoed;
  const started = performance.now();
  await new Promise((resolve) => setTimeout(resolve, duration));
  const rate = (echoed - before) / (performance.now() - started) * 1000;
  running = false;
  for (const conn of conns) conn.close();
  await all;
  return rate;
}

/** Sends one message and returns the size of the frame that comes back. */
async function firstReply(conn: Deno.TcpConn, request: Uint8Array): Promise<number> {
  await conn.write(request);
  const buffer = new Uint8Array(64 * 1024);
  let have = 0;
  for (;;) {
    have += await conn.read(buffer.subarray(have)) ?? 0;
    const code = buffer[1]! & 0x7f;
    const size = code < 126 ? 2 + code : 4 + (buffer[2]! << 8 | buffer[3]!);
    if (have >= size) return size;
  }
}

/** Connects and shakes hands. */
async function open(port: number, offer: string): Promise<Deno.TcpConn> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  await conn.write(new TextEncoder().encode(
    `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${offer}\r\n`,
  ));
  const byte = new Uint8Array(1);
  let head = "";
  while (!head.endsWith("\r\n\r\n")) {
    if (await conn.read(byte) === null) throw new Error("The server closed during the handshake");
    head += String.fromCharCode(byte[0]!);
  }
  if (offer !== "" && !/permessage-deflate/i.test(head)) throw new Error("The server does not deflate");
  if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(`The server answered ${head.split("\r\n")[0]}`);
  return conn;
}

/** One masked frame, encoded here so that the load does not depend on what is measured. */
function clientFrame({ size: given, text = false, deflate }: Load): Uint8Array<ArrayBuffer> {
  const key = [0x12, 0x34, 0x56, 0x78];
  const plain = deflate ?? Uint8Array.from({ length: given }, (_, i) => 97 + i % 26);
  const sent = deflate === undefined
    ? plain
    : deflateRawSync(plain, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
  const size = sent.length;
  const extended = size < 126 ? [] : size < 65_536 ? [size >>> 8, size & 255] : [0, 0, 0, 0, ...uint32(size)];
  const code = size < 126 ? size : size < 65_536 ? 126 : 127;
  const first = (text ? 0x81 : 0x82) | (deflate === undefined ? 0 : 0x40);
  const payload = Uint8Array.from(sent, (byte, i) => byte ^ key[i & 3]!);
  return Uint8Array.from([first, 0x80 | code, ...extended, ...key, ...payload]);
}

function uint32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}
