/**
 * Messages of the sizes where the framing changes, which show a byte that is out of place.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { assertBytes } from "./bytes.ts";
import { soon } from "./wait.ts";

const MiB = 1024 * 1024;

/** Sizes on both sides of each length encoding (RFC 6455 §5.2), one larger than any buffer, and the default limit itself. */
export const SIZES: readonly number[] = [0, 1, 125, 126, 65_535, 65_536, MiB, 16 * MiB];

/** A text of `size` bytes in UTF-8, most of its characters three bytes long. */
export function textOfSize(size: number): string {
  return "€".repeat(Math.floor(size / 3)) + "x".repeat(size % 3);
}

/** `size` bytes in which no two blocks of 256 or 65 536 are alike, so that a piece out of place shows. */
export function bytesOfSize(size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(size).map((_, i) => i ^ (i >> 8) ^ (i >> 16));
}

/** A text and a binary message of each size. */
export function* messages(sizes: readonly number[] = SIZES): Generator<string | Uint8Array<ArrayBuffer>> {
  for (const size of sizes) {
    yield textOfSize(size);
    yield bytesOfSize(size);
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

/** Sends messages of many sizes to an echo, a ping, and closes. */
export async function playEcho(socket: WebSocketConnection): Promise<void> {
  const replies = socket[Symbol.asyncIterator]();
  for (const message of messages([0, 1, 126, 65_536, MiB])) {
    void socket.send(message);
    assertMessage((await soon(replies.next(), "A reply")).value, message);
  }
  await soon(socket.ping(), "A pong");
  const { closeCode, reason, wasClean } = await soon(socket.close(4321, "done"), "The end");
  assertEquals({ closeCode, reason, wasClean }, { closeCode: 4321, reason: "", wasClean: true });
}
