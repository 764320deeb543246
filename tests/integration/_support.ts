/**
 * What the tests with foreign peers share: messages of the sizes where the framing changes, echo servers, child processes.
 *
 * @module
 */
import { assert } from "@std/assert";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { WebSocketHandler } from "../../lib/pipeline/sockets/handler.ts";
import { assertBytes } from "../_support/bytes.ts";
import { within } from "../_support/deadline.ts";
import { utf8 } from "../_support/frames.ts";

const MiB = 1024 * 1024;

/** Sizes on both sides of each length encoding (RFC 6455 §5.2), one larger than any buffer, and the default limit itself. */
export const SIZES: readonly number[] = [0, 1, 125, 126, 65_535, 65_536, MiB, 16 * MiB];

/** A text of `size` bytes in UTF-8, most of its characters three bytes long. */
export function textOf(size: number): string {
  return "€".repeat(Math.floor(size / 3)) + "x".repeat(size % 3);
}

/** `size` bytes in which no two blocks of 256 or 65 536 are alike, so that a piece out of place shows. */
export function bytesOf(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(size).map((_, i) => i ^ (i >> 8) ^ (i >> 16));
}

/** A text and a binary message of each size. */
export function* messages(sizes: readonly number[] = SIZES): Generator<string | Uint8Array<ArrayBuffer>> {
  for (const size of sizes) {
    yield textOf(size);
    yield bytesOf(size);
  }
}

/** Asserts that two messages are the same, and says which one is not rather than print megabytes. */
export function assertMessage(actual: Message | undefined, expected: Message): void {
  const what = `a ${typeof expected === "string" ? "text" : "binary"} message of length ${expected.length}`;
  assert(typeof actual === typeof expected, `Got ${typeof actual} for ${what}`);
  if (typeof expected !== "string" && typeof actual === "object") {
    assert(actual.length === expected.length, `Got length ${actual.length} for ${what}`);
    if (expected.length < 1024) assertBytes(actual, expected, what);
    else assert(actual.every((byte, i) => byte === expected[i]), `Got other bytes for ${what}`);
  } else {
    assert(actual === expected, `Got another text for ${what}`);
  }
}

/** The same application written in the two ways that a handler has. */
export const ECHO: Readonly<Record<"a function" | "callbacks", WebSocketHandler>> = {
  "a function": async (socket) => {
    for await (const message of socket) await socket.send(message);
  },
  callbacks: { message: (socket, data) => socket.send(data) },
};

/** Close codes of each range that both ends may send, the longest reason, and none at all. */
export const CLOSES: readonly { code?: number; reason?: string }[] = [
  {},
  { code: 1000 },
  { code: 1000, reason: "done" },
  { code: 3000, reason: "größer" },
  { code: 4999, reason: "é".repeat(61) + "x" },
];

/** Where a server on the loopback interface listens. */
export const LOOPBACK = { hostname: "127.0.0.1", port: 0 } as const;

/** The URL of a server. */
export function urlOf(addr: Deno.Addr, scheme = "ws"): string {
  assert("port" in addr && "hostname" in addr);
  return `${scheme}://${addr.hostname}:${addr.port}/`;
}

/** Opens a WebSocket over a bare TCP connection (RFC 6455 §4.1), which then does only what the test does with it. */
export async function openBare(addr: Deno.Addr): Promise<Deno.TcpConn> {
  const { hostname, port } = new URL(urlOf(addr));
  const conn = await Deno.connect({ hostname, port: Number(port) });
  await conn.write(utf8([
    "GET / HTTP/1.1",
    `Host: ${hostname}:${port}`,
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ].join("\r\n")));
  // A byte at a time, so that no frame is read along.
  const byte = new Uint8Array(1);
  let head = "";
  while (!head.endsWith("\r\n\r\n")) {
    assert(await conn.read(byte) !== null, `The connection ended after ${JSON.stringify(head)}`);
    head += String.fromCharCode(byte[0]!);
  }
  assert(head.startsWith("HTTP/1.1 101 "), head);
  return conn;
}

/** Runs this Deno with `args`, and returns what it wrote to its standard output. It fails if the child does. */
export async function runDeno(args: string[], options: Deno.CommandOptions & { ms?: number } = {}): Promise<string> {
  const { ms = 30_000, ...rest } = options;
  const child = new Deno.Command(Deno.execPath(), {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...rest,
    env: { NO_COLOR: "1", ...rest.env },
  }).spawn();
  const output = child.output();
  const text = new TextDecoder();
  try {
    const { code, stdout, stderr } = await within(output, ms, `deno ${args.join(" ")}`);
    assert(code === 0, `deno ${args.join(" ")} ended with ${code}:\n${text.decode(stderr)}`);
    return text.decode(stdout);
  } catch (error) {
    // It may be the child that is late.
    try {
      child.kill();
    } catch { /* it has ended */ }
    await output;
    throw error;
  }
}
