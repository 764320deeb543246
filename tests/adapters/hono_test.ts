import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect, HandshakeError } from "../../mod.ts";
import { upgradeWebSocket } from "../../lib/adapters/hono.ts";
import { deno, denoOutput } from "../_support/child.ts";
import { within } from "../_support/deadline.ts";
import { soon } from "../_support/wait.ts";

for (const server of ["serve", "Deno.serve", "@hono/node-server"]) {
  Deno.test(`upgradeWebSocket in an application of Hono on ${server}: routes, middleware, events, subprotocols, refusals`, async () => {
    const permissions = ["--allow-net=127.0.0.1", "--allow-env", "--allow-read"];
    const run = ["run", "--no-prompt", "--quiet", "--no-check", ...permissions];
    await using child = deno(...run, "tests/adapters/_hono.ts", server);
    const [, port] = await within(child.said(/listening on (\d+)/), 60_000, "The start, download included,");
    const page = async (path: string) => await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    assertEquals(await page("/"), "Hono is here");
    assertEquals(await page("/echo/ann"), "no WebSocket was asked for");

    const url = `ws://127.0.0.1:${port}`;
    const socket = await connect(`${url}/echo/ann`, { protocols: ["b", "a"] });
    assertEquals([socket.protocol, socket.headers.get("x-frame-options")], ["b", "SAMEORIGIN"]);
    const messages = socket[Symbol.asyncIterator]();
    const next = async () => (await soon(messages.next(), "A message")).value;
    assertEquals(await next(), "open ann b /echo/ann");
    for (const message of ["hello", new Uint8Array(3), "blob", new Uint8Array(3)]) await socket.send(message);
    assertEquals([await next(), await next(), await next(), await next()], [
      "hello 1",
      "ArrayBuffer 3 1",
      "blob 1",
      "Blob undefined 1",
    ]);
    await socket.close(4001, "enough");
    await within(child.said(/closed: 4001 enough true 3/), 5_000, "onClose");

    const inside = await connect(`${url}/inside`);
    assertEquals((await soon(inside.closed, "The end")).closeCode, 4000);
    const broken = await connect(`${url}/echo/bob`);
    await broken.send("throw");
    assertEquals((await soon(broken.closed, "The end")).closeCode, 1011);
    await within(child.said(/error event: Error: thrown on purpose\nclosed: /), 5_000, "onError");

    assertEquals((await assertRejects(() => connect(`${url}/nowhere`), HandshakeError)).status, 404);
    const foreign = connect(`${url}/echo/eve`, { headers: { Origin: "https://evil.example" } });
    assertEquals((await assertRejects(() => foreign, HandshakeError)).status, 403);
  });
}

Deno.test("the types of Hono's routes, contexts and events are compatible", async () => {
  const { code, stderr } = await denoOutput("check", "examples/hono.ts");
  assertEquals(code, 0, stderr);
});

Deno.test("a malformed subprotocol is the client's error, not the application's", async () => {
  const fields = { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Protocol": "a b" };
  const raw = new Request("http://127.0.0.1/", { headers: { ...fields, Host: "127.0.0.1" } });
  const response = await upgradeWebSocket({ req: { raw } }, {});
  assertEquals(Math.floor(response.status / 100), 4);
  assertMatch(await response.text(), /./);
});
