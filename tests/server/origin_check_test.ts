import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import { accept, serve } from "../../mod.ts";
import { originCheck } from "../../lib/server/acceptor.ts";
import { upgradeRequest } from "../../lib/server/deno_serve.ts";
import { connPair } from "../_support/pair.ts";
import { RawPeer, requestText } from "../_support/raw_peer.ts";
import { utf8 } from "../_support/frames.ts";

/** What `console.warn` is given meanwhile. */
async function warned(work: () => unknown): Promise<string[]> {
  const lines: string[] = [];
  const { warn } = console;
  Object.assign(globalThis.console, { warn: (line: string) => void lines.push(line) });
  try {
    await work();
  } finally {
    Object.assign(globalThis.console, { warn });
  }
  return lines;
}

const asks = (origin: string | undefined, host = "localhost:8000") => ({ origin, host });

Deno.test("a refused page is logged once, with the option that would allow it", async () => {
  const lines = await warned(() => {
    for (const policy of [undefined, undefined, ["https://example.com"]]) {
      assertThrows(() => originCheck(policy)(asks("http://localhost:5173")), HandshakeError);
    }
    assertThrows(() => originCheck(["https://example.com"])(asks("http://localhost:5174")), HandshakeError);
  });
  assertEquals(lines.length, 2);
  assertStringIncludes(lines[0]!, 'origins: ["http://localhost:5173"]');
  assertStringIncludes(lines[0]!, "the request's Host, localhost:8000: if a proxy changed that");
  assert(!lines[1]!.includes("proxy"), lines[1]);
  assertStringIncludes(lines[1]!, 'origins: ["http://localhost:5174"]');
  originCheck(["http://localhost:5173"])(asks("http://localhost:5173")); // the line is right
});

Deno.test("a function's decisions, and origins that no list can name, are not logged", async () => {
  const lines = await warned(() => {
    assertThrows(() => originCheck(() => false)(asks("http://decided.test")), HandshakeError);
    assertThrows(() => originCheck()(asks("http://A b\x1b[31m")), HandshakeError);
    assertThrows(() => originCheck()(asks("null")), HandshakeError);
  });
  assertEquals(lines, []);
});

Deno.test("every way to accept logs it", async () => {
  const refused = async (origin: string, conn: RawPeer) => {
    await conn.send(utf8(requestText({ Origin: origin })));
    await conn.readText();
    conn.close();
  };
  const lines = await warned(async () => {
    const server = serve({ port: 0, hostname: "127.0.0.1" }, {});
    await refused("http://serve.test", await RawPeer.dial(Number(new URL(server.url).port)));
    await server.shutdown();
    const [near, far] = connPair();
    const accepting = accept(near).catch(() => {});
    await refused("http://accept.test", new RawPeer(far, "client"));
    await accepting;
    const headers = {
      Host: "127.0.0.1",
      Origin: "http://deno.test",
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version": "13",
    };
    assertEquals(upgradeRequest(new Request("http://127.0.0.1/", { headers }), {}, {}).status, 403);
  });
  assertEquals(lines.map((line) => line.split(" ")[3]), [
    "http://serve.test",
    "http://accept.test",
    "http://deno.test",
  ]);
});

Deno.test("only a limited number of origins is logged", async () => {
  const lines = await warned(() => {
    for (let i = 0; i < 100; i++) assertThrows(() => originCheck()(asks(`http://a${i}.test`)), HandshakeError);
  });
  assertEquals(lines.length < 16, true);
});
