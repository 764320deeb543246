import { assertEquals, assertLessOrEqual, assertThrows } from "@std/assert";
import { defer } from "../../../lib/async.ts";
import { deflateFrame } from "../../../lib/extensions/deflate_frame.ts";
import type { Extension, ExtensionProcessor } from "../../../lib/extensions/extension.ts";
import { acceptExtensions, openExtensions } from "../../../lib/extensions/negotiation.ts";
import { permessageDeflate } from "../../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { deflateBytes, inflateBytes } from "../../../lib/extensions/permessage_deflate/zlib.ts";
import { parseExtensions } from "../../../lib/handshake/extension_header.ts";
import { serve } from "../../../lib/server/serve.ts";
import { fromHex } from "../../_support/bytes.ts";
import { requestText } from "../../_support/raw_peer.ts";
import { until } from "../../_support/wait.ts";
import { contextOf } from "../_support.ts";
import { compressed, NO_TAKEOVER, openCodec, params, TAKEOVER, textOf } from "./_support.ts";

/** What the contexts of one connection take that keeps both. */
const KEPT = deflateBytes({ windowBits: 15, memLevel: 8 }) + inflateBytes(15);

Deno.test("contextBudget is checked and counted in the same turn: pending handshakes count until they fail", () => {
  const extension = permessageDeflate({ ...TAKEOVER, contextBudget: 2 * KEPT });
  const accept = () => acceptExtensions(parseExtensions(["permessage-deflate"]), [extension])[0]!;
  const waiting = [accept(), accept(), accept()];
  assertEquals(waiting.map(({ params }) => params), [[], [], params(NO_TAKEOVER)]);
  assertEquals(extension.contextBytes, 2 * KEPT);
  const codec = waiting[0]!.open(contextOf("server"));
  assertEquals(extension.contextBytes, 2 * KEPT);
  for (const processor of waiting) processor.release?.();
  for (const processor of waiting) processor.release?.();
  assertEquals(extension.contextBytes, KEPT, "the one that was opened keeps its place");
  codec.release?.();
  assertEquals(extension.contextBytes, 0);
});

Deno.test("an extension that conflicts with another one, or cannot be opened, leaves the budget unchanged", () => {
  const extension = permessageDeflate({ ...TAKEOVER, contextBudget: 2 * KEPT });
  const rival: Extension = { ...deflateFrame(), name: "rival" };
  assertEquals(acceptExtensions(parseExtensions(["rival, permessage-deflate"]), [rival, extension]).length, 1);
  assertEquals(extension.contextBytes, 0);
  const processor = acceptExtensions(parseExtensions(["permessage-deflate"]), [extension])[0]!;
  const broken: ExtensionProcessor = {
    name: "broken",
    params: [],
    open() {
      throw new Error("broken");
    },
  };
  assertThrows(() => openExtensions([processor, broken], contextOf("server")), Error, "broken");
  assertEquals(extension.contextBytes, 0);
});

Deno.test("200 simultaneous clients hold at most contextBudget, whether their handshakes succeed or fail", async () => {
  const deflate = permessageDeflate({ ...TAKEOVER, contextBudget: 3 * KEPT });
  const all = defer<void>();
  let asked = 0;
  const server = serve({
    port: 0,
    hostname: "127.0.0.1",
    extensions: [deflate],
    async upgrade(request, info) {
      if (++asked === 200) all.resolve();
      await all.promise;
      assertLessOrEqual(deflate.contextBytes, 3 * KEPT);
      if (request.path === "/refused") return new Response(null, { status: 403 });
      if (request.path === "/plain") info.extensions.splice(0);
      return {};
    },
  }, async (socket) => void await socket.closed);
  const paths = ["", "refused", "plain"];
  const { host, hostname, port } = new URL(server.url);
  const fields = { "Host": host, "Sec-WebSocket-Extensions": "permessage-deflate" };
  const answers = await Promise.all(Array.from({ length: 200 }, async (_, i) => {
    const conn = await Deno.connect({ hostname, port: Number(port) });
    await conn.write(new TextEncoder().encode(requestText(fields, `GET /${paths[i % 3]} HTTP/1.1`)));
    const answer = new Uint8Array(1024);
    const count = await conn.read(answer) ?? 0;
    return { conn, status: new TextDecoder().decode(answer.subarray(9, Math.min(12, count))) };
  }));
  assertLessOrEqual(deflate.contextBytes, 3 * KEPT);
  assertEquals(answers.filter(({ status }) => status === "101").length, 133);
  for (const { conn } of answers) conn.close();
  await until(() => deflate.contextBytes === 0, "The end of all");
  await server.shutdown();
  assertEquals(deflate.contextBytes, 0);
});

Deno.test("a client beyond contextBudget requests no takeover, and keeps no context of its own", () => {
  const extension = permessageDeflate({ contextBudget: 1 });
  assertEquals(extension.offer()[0], params(`${NO_TAKEOVER}; client_max_window_bits`));
  const processor = extension.confirm([]);
  const codec = processor.open(contextOf("client"));
  assertEquals(extension.contextBytes, inflateBytes(15), "what the server keeps all the same");
  codec.release?.();
  assertEquals(extension.contextBytes, 0);
});

Deno.test("beyond contextBudget new connections get no takeover, until others have ended", () => {
  const extension = permessageDeflate({ ...TAKEOVER, contextBudget: 2 * KEPT });
  const open = () => openCodec("server", { extension, header: "client_max_window_bits" });
  const kept = [open(), open()];
  assertEquals(kept.map(({ processor }) => processor.params), [[], []]);
  const third = open();
  assertEquals(third.processor.params, params(NO_TAKEOVER));
  assertEquals(extension.contextBytes, 2 * KEPT);
  // It works all the same.
  assertEquals(textOf(third.decode(compressed([fromHex("f248cdc9c90700")]))), "Hello");
  kept[0]!.release();
  third.release();
  assertEquals(extension.contextBytes, KEPT);
  assertEquals(open().processor.params, []);
  assertEquals(
    openCodec("server", { options: { ...TAKEOVER, contextBudget: KEPT - 1 }, header: "" }).extension.contextBytes,
    0,
  );
});
