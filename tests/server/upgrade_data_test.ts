/**
 * What TypeScript knows of `socket.data`. The type checker is the test; what runs says that the values are as typed.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { connect, type ServeOptions } from "../../mod.ts";
import { upgradeRequest } from "../../lib/server/deno_serve.ts";
import { accept } from "../../lib/server/accept.ts";
import { serve } from "../../lib/server/serve.ts";
import { serveNode } from "../../lib/node/serve_node.ts";
import { serveHttp2 } from "../../lib/http2/serve_http2.ts";
import { acceptNode } from "../../lib/node/accept_node.ts";
import { acceptHttp2 } from "../../lib/http2/accept_http2.ts";
import { loadHandlers } from "../../lib/handlers/handler_directory.ts";
import { memoryPair } from "../../lib/testing/memory_pair.ts";
import { overlook, RETURNED_AT_ONCE } from "../_support/printed.ts";

overlook(RETURNED_AT_ONCE);

interface User {
  readonly name: string;
}
const HERE = { hostname: "127.0.0.1", port: 0 };
const user = (path: string): User => ({ name: path.slice(1) });

/** A type is exactly this. */
type Same<One, Other> = (<T>() => T extends One ? 1 : 2) extends (<T>() => T extends Other ? 1 : 2) ? true : false;
const same = <_Is extends true>() => {};

Deno.test("serve infers the type of data from upgrade, and the data is there", async () => {
  const names: string[] = [];
  await using server = serve({ ...HERE, upgrade: ({ path }) => ({ data: user(path) }) }, {
    open(socket) {
      same<Same<typeof socket.data, User>>();
      names.push(socket.data.name);
    },
  });
  for (const { data } of server.connections) same<Same<typeof data, User | undefined>>();
  await (await connect(`${server.url}/Ann`)).close();
  assertEquals(names, ["Ann"]);
});

Deno.test("an upgrade that may refuse, or that is async, still attaches data; optional data has an optional type", async () => {
  const seen: unknown[] = [];
  const maybe = Math.random() < 2;
  await using refusing = serve({
    ...HERE,
    upgrade: async ({ path }) => {
      await Promise.resolve();
      return maybe ? { data: user(path) } : new Response("No\n", { status: 403 });
    },
  }, (socket) => {
    same<Same<typeof socket.data, User>>();
    seen.push(socket.data.name);
  });
  await using optional = serve({ ...HERE, upgrade: ({ path }) => maybe ? { data: user(path) } : {} }, (socket) => {
    same<Same<typeof socket.data, User | undefined>>();
    // @ts-expect-error it may be missing
    seen.push(socket.data.name);
  });
  await using silent = serve({ ...HERE, upgrade: ({ path }) => maybe ? { data: user(path) } : undefined }, (socket) => {
    same<Same<typeof socket.data, User | undefined>>();
    seen.push(socket.data?.name);
  });
  for (const { url } of [refusing, optional, silent]) await (await connect(`${url}/Bob`)).closed;
  assertEquals(seen, ["Bob", "Bob", "Bob"]);
});

Deno.test("without upgrade, or without data, the application may attach anything later", async () => {
  await using plain = serve(HERE, (socket) => {
    same<Same<typeof socket.data, unknown>>();
    socket.data = 1;
  });
  await using headers = serve({ ...HERE, upgrade: () => ({ headers: { "X-A": "b" } }) }, (socket) => {
    same<Same<typeof socket.data, unknown>>();
    socket.data = "one";
  });
  for (const { url } of [plain, headers]) assertEquals((await (await connect(url)).closed).closeCode, 1000);
});

Deno.test("serve<Data> still works", async () => {
  const options: ServeOptions<User> = { ...HERE, upgrade: () => {} };
  await using given = serve<User>(options, (socket) => {
    same<Same<typeof socket.data, User | undefined>>();
  });
  await using without = serve<User>(HERE, { open: (socket) => void (socket.data = { name: "Ann" }) });
  await using withUpgrade = serve<User>({ ...HERE, upgrade: () => ({ data: { name: "Ann" } }) }, (socket) => {
    assertEquals(socket.data?.name, "Ann");
  });
  for (const { url } of [given, without, withUpgrade]) await (await connect(url)).close();
});

Deno.test("accept and connect infer the type of the given data", async () => {
  const [near, far] = memoryPair();
  const [server, client] = await Promise.all([
    accept(near, { upgrade: () => ({ data: user("/Ann") }) }),
    connect("ws://localhost/", { conn: far, data: 5 }),
  ]);
  same<Same<typeof server.data, User>>();
  same<Same<typeof client.data, number>>();
  assertEquals([server.data.name, client.data + 1], ["Ann", 6]);
  await Promise.all([server.close(), client.close()]);
});

Deno.test("the other entry points infer it too", () => {
  // Never called: the types are the test.
  const checked = async (request: Request, server: never, event: never) => {
    upgradeRequest(request, { data: user("/Ann") }, (socket) => {
      same<Same<typeof socket.data, User>>();
    });
    upgradeRequest(request, {}, (socket) => {
      same<Same<typeof socket.data, unknown>>();
    });
    serveNode(server, { upgrade: () => ({ data: 1 }) }, (socket) => {
      same<Same<typeof socket.data, number>>();
    });
    serveHttp2(server, { upgrade: () => ({ data: 1 }) }, (socket) => {
      same<Same<typeof socket.data, number>>();
    });
    const one = await acceptNode(event, { upgrade: () => ({ data: 1 }) });
    same<Same<typeof one.data, number>>();
    const other = await acceptHttp2(event, { upgrade: () => ({ data: 1 }) });
    same<Same<typeof other.data, number>>();
    const { upgrade, handler } = await loadHandlers({ root: "." });
    serve({ upgrade }, handler);
  };
  assertEquals(typeof checked, "function");
});
