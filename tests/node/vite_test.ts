import { assertEquals, assertRejects } from "@std/assert";
import { connect, HandshakeError, serve } from "../../mod.ts";
import { deno } from "../_support/child.ts";
import { within } from "../_support/deadline.ts";
import { overlook } from "../_support/printed.ts";
import { soon } from "../_support/wait.ts";

overlook(/^A page of http:\/\/127\.0\.0\.1/);

Deno.test("in Vite's development server our WebSockets work beside its own, and behind its proxy the page's origin counts", async () => {
  const echo = {
    message: (socket: { send(data: string | Uint8Array): unknown }, data: string | Uint8Array) =>
      void socket.send(data),
  };
  const root = await Deno.makeTempDir({ prefix: "sluice-vite-" });
  await using _root = { [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }) };
  await using closed = serve({ hostname: "127.0.0.1", port: 0 }, echo);
  const run = ["run", "--no-prompt", "--quiet", "--no-lock", "--no-check", "--allow-all"];
  await using child = deno(...run, "tests/node/_vite.ts", closed.url.replace("ws", "http"), root);
  const [, port, token] = await within(child.said(/listening on (\d+) (\S+)/), 60_000, "The start, download included,");
  const origin = `http://127.0.0.1:${port}`;
  const url = origin.replace("http", "ws");
  const page = { Origin: origin };
  const answer = async (target: string, protocols: string[] = [], message?: string) => {
    const socket = await connect(target, { headers: page, protocols });
    if (message !== undefined) await socket.send(message);
    const { value } = await soon(socket[Symbol.asyncIterator]().next(), "An answer");
    await socket.close();
    return value;
  };
  assertEquals(await answer(`${url}/?token=${token}`, ["vite-hmr"]), '{"type":"connected"}');
  assertEquals(await answer(`${url}/chat`, [], "hello"), "hello");
  const foreign = connect(`${url}/chat`, { headers: { Origin: "http://127.0.0.1:1" } });
  assertEquals((await assertRejects(() => foreign, HandshakeError)).status, 403);

  // Vite's proxy: as it is the host stays the page's; `changeOrigin` changes the host alone; `rewriteWsOrigin` the origin too.
  assertEquals(await answer(`${url}/same`, [], "hello"), "hello");
  await assertRejects(() => connect(`${url}/changed`, { headers: page }));
  assertEquals(await answer(`${url}/rewritten`, [], "hello"), "hello");
});
