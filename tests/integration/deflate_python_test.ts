/**
 * Compression with Python's `websockets`, in both roles: CPython's zlib, whose windows are as small as was agreed on, 8 bits
 * included.
 *
 * @module
 */
import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { permessageDeflate } from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { serve } from "../../lib/server/serve.ts";
import { within } from "../_support/deadline.ts";
import { assertMessage } from "../_support/messages.ts";
import { unless } from "../_support/needs.ts";
import { PAYLOAD_SIZES, PAYLOADS } from "../_support/payloads.ts";
import { NO_PYTHON, python, pythonServer } from "./_python.ts";
import { LOOPBACK, urlOf } from "./_support.ts";

/** Options of `websockets`, by its names. */
interface PythonOptions {
  readonly server_no_context_takeover: boolean;
  readonly client_no_context_takeover: boolean;
  readonly server_max_window_bits?: number;
  readonly client_max_window_bits?: number | true;
}

type Windows = Pick<PythonOptions, "server_max_window_bits" | "client_max_window_bits">;

/** Every choice of context takeover with these windows. */
function combinations(windows: readonly Windows[]): PythonOptions[] {
  return [false, true].flatMap((server) =>
    [false, true].flatMap((client) =>
      windows.map((bits) => ({ server_no_context_takeover: server, client_no_context_takeover: client, ...bits }))
    )
  );
}

const OURS = { threshold: 0, serverContextTakeover: true, clientContextTakeover: true };

/** Sends every kind and size and asserts that it comes back. */
async function converse(socket: WebSocketConnection): Promise<void> {
  const received = socket[Symbol.asyncIterator]();
  for (const payload of Object.values(PAYLOADS)) {
    for (const size of PAYLOAD_SIZES) {
      const message = payload(size);
      await within(socket.send(message));
      assertMessage((await within(received.next())).value, message);
    }
  }
}

/** What is in force is what Python's side asked for. */
function assertAgreed(socket: WebSocketConnection, options: PythonOptions): void {
  const { extensions } = socket;
  assertEquals(extensions.includes("server_no_context_takeover"), options.server_no_context_takeover, extensions);
  assertEquals(extensions.includes("client_no_context_takeover"), options.client_no_context_takeover, extensions);
  for (const side of ["server_max_window_bits", "client_max_window_bits"] as const) {
    const bits = options[side];
    if (typeof bits === "number") assertStringIncludes(extensions, `${side}=${bits}`);
  }
}

Deno.test({
  ...unless(
    NO_PYTHON,
    `D5, D7: Python's websockets server echoes our client, with every combination of parameters`,
  ),
  async fn(t) {
    // Its zlib cannot deflate with 8 bits; ours can, and its window is then really that small.
    const all = combinations([
      {},
      { server_max_window_bits: 9, client_max_window_bits: 8 },
      { server_max_window_bits: 12, client_max_window_bits: 10 },
      { server_max_window_bits: 15, client_max_window_bits: 15 },
    ]);
    await using server = await pythonServer<number[]>("websockets_echo.py", "server", JSON.stringify(all));
    for (const [i, options] of all.entries()) {
      await t.step(JSON.stringify(options), async () => {
        const deflate = permessageDeflate(OURS);
        const socket = await within(connect(`ws://127.0.0.1:${server.ports[i]}/`, { extensions: [deflate] }));
        assertAgreed(socket, options);
        await converse(socket);
        assertEquals((await within(socket.close())).wasClean, true);
        assertGreater(deflate.stats.bytesIn, 2 * deflate.stats.compressedIn);
      });
    }
  },
});

Deno.test({
  ...unless(
    NO_PYTHON,
    `D5, D7: our server echoes clients of Python's websockets, with every combination of parameters`,
  ),
  async fn() {
    const all = combinations([
      {},
      { server_max_window_bits: 8, client_max_window_bits: true },
      { server_max_window_bits: 10, client_max_window_bits: 9 },
      { server_max_window_bits: 15, client_max_window_bits: 15 },
    ]);
    const deflate = permessageDeflate(OURS);
    const errors: unknown[] = [];
    let served = 0;
    await using server = serve(
      { ...LOOPBACK, extensions: [deflate], onError: (error) => errors.push(error) },
      async (socket) => {
        assertAgreed(socket, all[served++]!);
        await converse(socket);
      },
    );
    const calls = JSON.stringify(all.map((options) => [urlOf(server.addr), options]));
    const child = python("websockets_echo.py", "client", calls);
    const { success } = await within(child.output(), 60_000, "The clients");
    assertEquals(errors, []);
    assertEquals([success, served], [true, all.length]);
    assertGreater(deflate.stats.bytesIn, 2 * deflate.stats.compressedIn);
    assertEquals(deflate.contextBytes, 0);
  },
});
