/**
 * The load generator's connections: frames that were encoded once go out in blocks, replies are counted by their bytes.
 * Nothing is parsed and nothing is allocated for a message.
 *
 * @module
 */
import { type Message, repeat, replyFrame, requestFrame } from "./frames.ts";
import { close, connectTo, createPoll, discard, receive, sendAll, tryReceive, trySend } from "./sockets.ts";

/** One connection. */
interface Line {
  readonly fd: number;
  /** Takes what has arrived, and returns how many replies that completed. */
  readonly countReplies: () => number;
  /** Bytes still to send. */
  owed: number;
  /** Where in the block the next byte stands. */
  at: number;
  /** Whether the socket takes no more. */
  full: boolean;
}

/** Many connections. */
export interface Lines extends Disposable {
  /** Sends the message `count` times on a line. */
  send(line: number, count: number): void;
  /** Runs until `performance.now()` says so, and tells of the replies that arrived on each line. */
  run(until: number, replied: (line: number, count: number) => void): void;
  /** Tells of the replies that are there now. */
  poll(replied: (line: number, count: number) => void): void;
}

/** What is offered, by what is sent. A client that may keep its context need not use it: frames that were encoded once do not. */
const OFFERS = {
  alone: "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n",
  takeover: "Sec-WebSocket-Extensions: permessage-deflate\r\n",
} as const;

/** A block is at most so many frames and bytes: what one system call sends. */
const BLOCK = { frames: 64, bytes: 4 * 1024 * 1024 };

/** Milliseconds after which a server that answers nothing has failed. */
const STALLED = 5_000;

/** The request that opens a connection. */
export function requestHead(port: number, deflate?: Message["deflate"]): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(
    `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${
        deflate ? OFFERS[deflate] : ""
      }\r\n`,
  );
}

/** Connects, shakes hands, and returns the socket. */
export function openLine(port: number, message: Message): number {
  const fd = connectTo(port);
  sendAll(fd, requestHead(port, message.deflate));
  const buffer = new Uint8Array(4096);
  let head = "";
  while (!head.endsWith("\r\n\r\n")) head += new TextDecoder().decode(buffer.subarray(0, receive(fd, buffer)));
  if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(`The server answered ${head.split("\r\n")[0]}`);
  if (message.deflate && !/permessage-deflate/i.test(head)) throw new Error("The server does not deflate");
  if (message.deflate === "takeover" && /no_context/i.test(head)) throw new Error("The server keeps no context");
  return fd;
}

/** Sends the message once, checks that it is echoed, and returns the size of the reply. */
export function echoOnce(fd: number, message: Message, request: Uint8Array<ArrayBuffer>): number {
  sendAll(fd, request);
  const expected = replyFrame({ ...message, fragment: undefined });
  const buffer = new Uint8Array(expected.length + 64);
  let have = 0;
  let size = 2;
  while (have < size) {
    have += receive(fd, buffer.subarray(have));
    // How well a server deflates, only its answer tells: one of less than 64 KiB.
    const code = buffer[1]! & 0x7f;
    size = !message.deflate ? expected.length : code < 126 ? 2 + code : 4 + (buffer[2]! << 8 | buffer[3]!);
  }
  const echoed = message.deflate ? (buffer[0]! & 0x40) !== 0 : sameBytes(buffer.subarray(0, have), expected);
  if (!echoed || have !== size) throw new Error("The server answered something else than it was sent");
  return size;
}

/** A close frame of a client, with code 1000 (RFC 6455 §5.5.1): its key is zeros. */
export const CLOSE_FRAME: Uint8Array<ArrayBuffer> = Uint8Array.of(0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8);

/** Ends a connection on which nothing is under way with the closing handshake. */
export function closeLine(fd: number): void {
  sendAll(fd, CLOSE_FRAME);
  const buffer = new Uint8Array(16);
  receive(fd, buffer);
  if (buffer[0] !== 0x88) throw new Error("The server did not answer the close frame");
  close(fd);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

/** Counts replies of one size by their bytes: the kernel need not even copy them. */
function sizeCounter(fd: number, size: number): () => number {
  let partial = 0;
  return () => {
    const bytes = partial + discard(fd);
    partial = bytes % size;
    return (bytes - partial) / size;
  };
}

const ARRIVED = new Uint8Array(256 * 1024);

/** Counts replies by their headers: frames of less than 64 KiB. */
function frameCounter(fd: number): () => number {
  const head: number[] = [];
  let left = 0;
  return () => {
    const length = tryReceive(fd, ARRIVED);
    let frames = 0;
    for (let at = 0; at < length;) {
      if (left > 0) {
        const step = Math.min(left, length - at);
        at += step;
        left -= step;
        if (left === 0) frames++;
        continue;
      }
      head.push(ARRIVED[at++]!);
      if (head.length < 2 || (head[1] === 126 && head.length < 4)) continue;
      left = head[1] === 126 ? head[2]! << 8 | head[3]! : head[1]!;
      head.length = 0;
    }
    return frames;
  };
}

/** Opens so many lines; on the first one the message was echoed once, alone. */
export function openLines(port: number, count: number, message: Message): Lines {
  const request = requestFrame(message);
  const block = repeat(request, Math.max(1, Math.min(BLOCK.frames, Math.floor(BLOCK.bytes / request.length))));
  const poll = createPoll();
  const lines: Line[] = [];
  // Deflated with what came before, the same message has a different size each time.
  const counterOf = (fd: number) => message.deflate === "takeover" ? frameCounter(fd) : sizeCounter(fd, replySize);
  let replySize = 0;
  for (let id = 0; id < count; id++) {
    const fd = openLine(port, message);
    if (id === 0) replySize = echoOnce(fd, message, request);
    lines.push({ fd, countReplies: counterOf(fd), owed: 0, at: 0, full: false });
    poll.add(fd, id);
  }

  const flush = (line: Line, id: number): void => {
    while (line.owed > 0) {
      const length = Math.min(line.owed, block.length - line.at);
      const sent = trySend(line.fd, line.at === 0 ? block : block.subarray(line.at), length);
      line.owed -= sent;
      line.at = (line.at + sent) % block.length;
      if (sent < length) {
        if (!line.full) poll.wantsToSend(line.fd, id, line.full = true);
        return;
      }
    }
    // Every message is sent from the front, so that the next ones are one call.
    line.at = 0;
    if (line.full) poll.wantsToSend(line.fd, id, line.full = false);
  };

  const ready = (id: number, replied: (line: number, count: number) => void): void => {
    const line = lines[id]!;
    if (line.full) flush(line, id);
    const replies = line.countReplies();
    if (replies > 0) replied(id, replies);
  };

  return {
    send(id, times) {
      const line = lines[id]!;
      line.owed += times * request.length;
      if (!line.full) flush(line, id);
    },
    run(until, replied) {
      let heard = performance.now();
      const hear = (id: number, replies: number): void => {
        heard = performance.now();
        replied(id, replies);
      };
      for (let now = heard; now < until; now = performance.now()) {
        if (now - heard > STALLED) throw new Error(`The server answered nothing for ${STALLED} ms`);
        poll.wait(Math.ceil(Math.min(until - now, 100)), (id) => ready(id, hear));
      }
    },
    poll: (replied) => poll.wait(0, (id) => ready(id, replied)),
    [Symbol.dispose]() {
      for (const { fd } of lines) close(fd);
      poll.close();
    },
  };
}
