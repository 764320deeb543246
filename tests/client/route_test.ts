import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { connect, ConnectionError, reconnecting, WebSocket, WebSocketStream } from "../../mod.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { routeOf } from "../../lib/client/route.ts";
import { memoryPair } from "../../lib/testing/mod.ts";

/** Options that exclude each other, with the URL and the error. */
const CONFLICTS: [given: string, url: string, options: ConnectOptions, why: string][] = [
  ["path and a ws+unix URL", "ws+unix:/run/a.sock", { path: "/run/b.sock" }, "both name a Unix socket"],
  ["proxy and path", "ws://a.test", { proxy: "http://p.test", path: "/run/a.sock" }, "Cannot use a proxy"],
  ["proxy and a ws+unix URL", "ws+unix:/run/a.sock", { proxy: "http://p.test" }, "Cannot use a proxy"],
];
for (const name of ["path", "proxy", "cert", "key", "serverName"] as const) {
  CONFLICTS.push([`conn and ${name}`, "wss://a.test", { ...withConn(), [name]: "x" }, `Cannot use ${name} together`]);
}
for (const name of ["caCerts", "alpnProtocols"] as const) {
  CONFLICTS.push([`conn and ${name}`, "wss://a.test", { ...withConn(), [name]: ["x"] }, `Cannot use ${name} together`]);
}
CONFLICTS.push(["conn and a ws+unix URL", "ws+unix:/run/a.sock", withConn(), "together with conn"]);

function withConn(): ConnectOptions {
  return { conn: memoryPair()[0] };
}

for (const [given, url, options, why] of CONFLICTS) {
  Deno.test(`${given} are a TypeError in connect, reconnecting, WebSocket and WebSocketStream`, async () => {
    assertThrows(() => routeOf(url, options), TypeError, why);
    await assertRejects(() => connect(url, options), TypeError, why);
    const { conn, ...rest } = options;
    if (conn === undefined) assertThrows(() => reconnecting(url, rest), TypeError, why);
    if (url.startsWith("ws+unix")) return; // not a URL of the web's classes
    assertThrows(() => new WebSocket(url, options), TypeError, why);
    const { protocols: _, ...streamOptions } = options;
    assertThrows(() => new WebSocketStream(url, streamOptions), TypeError, why);
  });
}

Deno.test("the proxy of the environment is allowed with conn and with a Unix socket, which do not need it", () => {
  assertEquals(routeOf("ws://a.test", { ...withConn(), proxy: "env" }).target.href, "ws://a.test/");
  const { target, proxyFor } = routeOf("ws+unix:/run/a.sock", { proxy: "env" });
  assertEquals([target.path, proxyFor(target)], ["/run/a.sock", undefined]);
});

Deno.test("reconnecting takes a ws+unix URL", async () => {
  const failed = Promise.withResolvers<unknown>();
  const connection = reconnecting("ws+unix:/nowhere/a.sock", {
    onState: ({ lastClose }) => {
      if (lastClose !== undefined) failed.resolve(lastClose.error);
    },
  });
  assert(await failed.promise instanceof ConnectionError);
  await connection.close();
});
