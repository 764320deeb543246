/**
 * Compression with Chromium, whose pages get it without asking: a page of our server's own opens a WebSocket to it.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import {
  permessageDeflate,
  type PerMessageDeflateOptions,
} from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { serve } from "../../lib/server/serve.ts";
import { launch, NO_CHROMIUM } from "../_support/chromium.ts";
import { unless } from "../_support/needs.ts";
import { LOOPBACK, urlOf } from "./_support.ts";

const PAGE = "<!doctype html><title>Compression</title>";

/** In the page: what was agreed on, and whether everything that is sent comes back. */
const SCRIPT = `new Promise((resolve, reject) => {
  const socket = new WebSocket(location.href.replace("http", "ws"));
  socket.binaryType = "arraybuffer";
  const text = Array.from({ length: 40_000 }, (_, i) => i + " compressible ünïcödé ").join("");
  const noise = crypto.getRandomValues(new Uint8Array(65_536));
  const messages = [text, "", "small", noise, text, text.toUpperCase()];
  const answers = [];
  socket.onopen = () => messages.forEach((message) => socket.send(message));
  socket.onerror = () => reject(new Error("error"));
  socket.onclose = ({ code, reason }) => reject(new Error(code + " " + reason));
  socket.onmessage = ({ data }) => {
    if (answers.push(data) < messages.length) return;
    const same = answers.map((answer, i) => typeof answer === "string"
      ? answer === messages[i]
      : new Uint8Array(answer).every((byte, at) => byte === messages[i][at]));
    socket.onclose = ({ code, wasClean }) => resolve({ extensions: socket.extensions, length: text.length, same, code, wasClean });
    socket.close(1000);
  };
})`;

const NO_TAKEOVER = "server_no_context_takeover; client_no_context_takeover";

for (
  const [options, parameters] of [
    [{}, `; ${NO_TAKEOVER}`],
    [{ serverContextTakeover: true, clientContextTakeover: true }, ""],
    [
      { serverContextTakeover: true, clientContextTakeover: true, serverMaxWindowBits: 9, clientMaxWindowBits: 10 },
      "; server_max_window_bits=9; client_max_window_bits=10",
    ],
    [
      { serverMaxWindowBits: 8, clientMaxWindowBits: 8 },
      `; ${NO_TAKEOVER}; server_max_window_bits=8; client_max_window_bits=8`,
    ],
  ] satisfies [PerMessageDeflateOptions, string][]
) {
  Deno.test({
    ...unless(
      NO_CHROMIUM,
      `a page in Chromium and our server with ${JSON.stringify(options)} compress in both directions`,
    ),
    async fn() {
      const deflate = permessageDeflate(options);
      await using server = serve({
        ...LOOPBACK,
        extensions: [deflate],
        http: () => new Response(PAGE, { headers: { "Content-Type": "text/html; charset=utf-8" } }),
      }, { message: (socket, data) => socket.send(data) });
      await using browser = await launch();
      const page = await browser.open(urlOf(server.addr, "http"));
      const result = await page.evaluate(SCRIPT);
      assert(typeof result === "object" && result !== null && "length" in result);
      const { length, ...rest } = result;
      assertGreater(Number(length), 900_000);
      assertEquals(rest, {
        extensions: `permessage-deflate${parameters}`,
        same: [true, true, true, true, true, true],
        code: 1000,
        wasClean: true,
      });
      const { stats } = deflate;
      assertGreater(stats.messagesIn, 2);
      assertGreater(stats.messagesOut, 2);
      assertGreater(stats.bytesIn, 2 * stats.compressedIn);
      assertGreater(stats.bytesOut, 2 * stats.compressedOut);
    },
  });
}
