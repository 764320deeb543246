import { assertEquals, assertStringIncludes } from "@std/assert";
import { isUpgradeDropped } from "../../lib/handshake/server_handshake.ts";
import { noticeDroppedUpgrade } from "../../lib/server/dropped_upgrade.ts";
import { serve } from "../../mod.ts";
import { RawPeer, requestText } from "../_support/raw_peer.ts";
import { utf8 } from "../_support/frames.ts";

const KEY: [string, string] = ["sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="];
const UPGRADE: [string, string] = ["upgrade", "websocket"];
const CONNECTION: [string, string] = ["connection", "keep-alive, Upgrade"];

Deno.test("a request with a key but without Upgrade, Connection or HTTP/1.1 has passed a proxy that drops them", () => {
  const heads: [version: string, fields: [string, string][], dropped: boolean][] = [
    ["HTTP/1.1", [KEY, UPGRADE, CONNECTION], false],
    ["HTTP/1.1", [], false],
    ["HTTP/1.1", [UPGRADE, CONNECTION], false], // hixie-75 and HTTP/2 have no key
    ["HTTP/1.1", [KEY], true],
    ["HTTP/1.1", [KEY, UPGRADE], true],
    ["HTTP/1.1", [KEY, CONNECTION], true],
    ["HTTP/1.0", [KEY, UPGRADE, CONNECTION], true],
  ];
  for (const [version, fields, dropped] of heads) assertEquals(isUpgradeDropped({ version, fields }), dropped);
});

Deno.test("the server prints once which lines the proxy needs, with the option http and without it", async () => {
  const lines: string[] = [];
  const { warn } = console;
  Object.assign(globalThis.console, { warn: (line: string) => void lines.push(line) });
  try {
    for (const http of [undefined, () => new Response("page")]) {
      const server = serve({ port: 0, hostname: "127.0.0.1", ...(http && { http }) }, {});
      const peer = await RawPeer.dial(Number(new URL(server.url).port));
      await peer.send(utf8(requestText({ Upgrade: undefined, Connection: "close" })));
      assertStringIncludes(await peer.readText(), http ? "page" : "426");
      peer.close();
      await server.shutdown();
    }
    noticeDroppedUpgrade({ version: "HTTP/1.0", fields: [KEY] });
  } finally {
    Object.assign(globalThis.console, { warn });
  }
  assertEquals(lines.length, 1);
  assertStringIncludes(lines[0]!, "proxy_set_header Upgrade $http_upgrade;");
});
