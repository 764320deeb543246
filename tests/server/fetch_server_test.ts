import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { connect, HandshakeError } from "../../mod.ts";
import { fetchServer, type FetchServerOptions } from "../../lib/server/deno_serve.ts";
import { deno } from "../_support/child.ts";
import { within } from "../_support/deadline.ts";
import { overlook } from "../_support/printed.ts";
import { soon } from "../_support/wait.ts";

overlook(/^A page of https:\/\/evil\.example/);

/** `Deno.serve` with such an object, and what it reports. */
function start(options: FetchServerOptions<string> = {}) {
  const reports: unknown[] = [];
  const onError = (error: unknown) => void reports.push(error);
  const { fetch } = fetchServer<string>({ pingInterval: 0, onError, ...options }, {
    message: (socket, data) => void socket.send(`${socket.data} ${data}`),
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, fetch);
  return {
    reports,
    url: `ws://127.0.0.1:${server.addr.port}`,
    page: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => soon(server.shutdown(), "The end of Deno.serve"),
  };
}

Deno.test("an object with fetch has pages and WebSockets, decided by upgrade and http as in serve", async () => {
  await using server = start({
    protocols: ["v1"],
    http: ({ url }, { remoteAddr }) => new Response(`${new URL(url).pathname} for ${JSON.stringify(remoteAddr)}`),
    upgrade: ({ path, query }, { remoteAddr }) =>
      path === "/chat"
        ? { data: `${query} ${remoteAddr?.transport}`, protocol: "v2", headers: { "X-Room": "1" } }
        : new Response("No room\n", { status: 404 }),
  });
  const page = await (await fetch(`${server.page}/hello`)).text();
  assertStringIncludes(page, '/hello for {"transport":"tcp","hostname":"127.0.0.1"');
  await using socket = await connect(`${server.url}/chat?ann`, { protocols: ["v1", "v2"] });
  assertEquals([socket.protocol, socket.headers.get("x-room")], ["v2", "1"]);
  await socket.send("hello");
  assertEquals((await socket[Symbol.asyncIterator]().next()).value, "ann tcp hello");
  const refused = await assertRejects(() => connect(`${server.url}/other`), HandshakeError);
  assertEquals([refused.status, new TextDecoder().decode(refused.body)], [404, "No room\n"]);
  assertEquals(server.reports, []);
});

Deno.test("an object with fetch refuses by the usual rules, and answers 426 if there are no pages", async () => {
  await using server = start({
    upgrade({ path }) {
      if (path === "/locked") throw new HandshakeError("Locked\n", { status: 401 });
    },
  });
  const response = await fetch(server.page);
  assertEquals([response.status, response.headers.get("upgrade")], [426, "websocket"]);
  await response.body?.cancel();
  const foreign = connect(server.url, { headers: { Origin: "https://evil.example" } });
  assertEquals((await assertRejects(() => foreign, HandshakeError)).status, 403);
  assertEquals((await assertRejects(() => connect(`${server.url}/locked`), HandshakeError)).status, 401);
  await (await connect(server.url)).close();
  assertEquals(server.reports, []);
});

Deno.test("errors of upgrade and http, and invalid return values of upgrade, are 500 and go to onError", async () => {
  const broken = new Error("broken");
  const refusal = new HandshakeError("not mine", { status: 401 });
  await using server = start({
    http() {
      throw refusal;
    },
    upgrade({ path }) {
      if (path === "/throws") throw broken;
      return { data: "", ...{ protocols: "v1" } };
    },
  });
  const response = await fetch(server.page);
  assertEquals([response.status, await response.text()], [500, "Internal Server Error\n"]);
  for (const path of ["/throws", "/option"]) {
    assertEquals((await assertRejects(() => connect(`${server.url}${path}`), HandshakeError)).status, 500);
  }
  assertEquals(server.reports.slice(0, 2), [refusal, broken]);
  assertStringIncludes(String(server.reports[2]), 'no option "protocols"');
});

Deno.test("invalid options of fetchServer throw at the call", () => {
  assertThrows(() => fetchServer({ maxMessageBytes: 0 }, {}), RangeError);
  // @ts-expect-error: the platform has no such option
  assertThrows(() => fetchServer({ perMessageDeflate: true }, {}), TypeError, "perMessageDeflate");
  // @ts-expect-error: there is no handler
  assertThrows(() => fetchServer({}), TypeError, "needs a handler");
});

Deno.test("deno serve starts a module whose default export is such an object", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sluice-serve-" });
  try {
    const entry = new URL("../../lib/server/deno_serve.ts", import.meta.url).href;
    await Deno.writeTextFile(
      `${folder}/server.ts`,
      `import { fetchServer } from "${entry}";
       const server = fetchServer({ http: () => new Response("Hello\\n") }, {
         message: (socket, data) => void socket.send(data),
       });
       export default { ...server, onListen: ({ port }) => console.log("port " + port) } satisfies Deno.ServeDefaultExport;`,
    );
    const args = ["serve", "--no-prompt", "--quiet", "--no-check", "--host=127.0.0.1", "--port=0"];
    await using child = deno(...args, `${folder}/server.ts`);
    const [, port] = await within(child.said(/port (\d+)/), 30_000, "The start of deno serve");
    assertEquals(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "Hello\n");
    await using socket = await connect(`ws://127.0.0.1:${port}/`);
    await socket.send("hello");
    assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
