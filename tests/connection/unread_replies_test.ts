import { assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { ConnectionError } from "../../lib/errors.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import { fakeTime } from "../../lib/testing/fake_time.ts";
import { rawClient } from "../../lib/testing/raw_pair.ts";
import { binary } from "../_support/raw_peer.ts";

const SERVER = { pingInterval: 20_000, pongTimeout: 10_000 };

/** Handlers that reply with more than the peer takes, in each way to read. */
const LANES: Record<string, WebSocketHandler> = {
  "a callback that returns the promise of its reply": { message: (socket, data) => socket.send(data) },
  "an asynchronous callback": {
    message: async (socket, data) => {
      await socket.send(data);
    },
  },
  "for await": async (socket) => {
    for await (const message of socket) await socket.send(message);
  },
  "a pipe": (socket) => socket.readable.pipeTo(socket.writable),
};

for (const [lane, handler] of Object.entries(LANES)) {
  Deno.test(`a peer that sends and reads nothing is dropped after pingInterval and pongTimeout: ${lane}`, async () => {
    using time = fakeTime();
    await using raw = await rawClient({ server: SERVER, handler, onError: () => {} });
    void (async () => {
      for (let i = 0; i < 64; i++) await raw.peer.send(binary(new Uint8Array(60_000)));
    })().catch(() => {}); // it is stopped by the replies that it does not read
    await time.advance(20_000);
    assertEquals(raw.server.readyState, 1);
    await time.advance(50_000);
    const { closeCode, error } = await raw.server.closed;
    assertEquals(closeCode, 1006);
    assertInstanceOf(error, ConnectionError);
    assertStringIncludes(error.message, "The peer ");
  });
}
