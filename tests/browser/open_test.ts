import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { closeCodeFor, openInBrowser } from "../../lib/browser/open.ts";
import { ConnectionError, LimitError } from "../../lib/errors.ts";
import { resolveLimits } from "../../lib/limits.ts";
import { serve } from "../../lib/server/serve.ts";

const HERE = { port: 0, hostname: "127.0.0.1" };

function open(url: string, limits = {}, signal = new AbortController().signal) {
  return openInBrowser(url, { protocols: [], limits: resolveLimits(limits), data: "mine", signal });
}

Deno.test("a page closes with codes that pages may use: other codes are raised by 3000", () => {
  assertEquals([1000, 1001, 1003, 1007, 1008, 1013, 3000, 4999].map(closeCodeFor), [
    1000,
    4001,
    4003,
    4007,
    4008,
    4013,
    3000,
    4999,
  ]);
});

Deno.test("http and https URLs become ws and wss, and the connection has the properties of a client's", async () => {
  await using server = serve({ ...HERE, protocols: ["chat"] }, {
    message: (socket, data) => void socket.send(data),
  });
  const url = server.url.replace("ws", "http");
  const { signal } = new AbortController();
  const limits = resolveLimits();
  const socket = await openInBrowser(`${url}/a?b=c#d`, { protocols: "chat", limits, data: undefined, signal });
  assertEquals([socket.role, socket.url, socket.protocol], ["client", `${server.url}/a?b=c`, "chat"]);
  await socket.send("text");
  await socket.send(Uint8Array.of(1, 2));
  const messages = socket[Symbol.asyncIterator]();
  assertEquals([(await messages.next()).value, (await messages.next()).value], ["text", Uint8Array.of(1, 2)]);
  await assertRejects(() => socket.ping(), DOMException, "the browser's WebSocket has no ping");
  assertThrows(() => socket.tap(), DOMException, "the browser's WebSocket shows no frames");
  const { closeCode, wasClean } = await socket.close(1001);
  assertEquals([closeCode, wasClean], [4001, true]);
});

Deno.test("exceeding a limit closes with the limit's code in the page's range, and the error is a LimitError", async () => {
  await using server = serve(HERE, async (socket) => {
    await socket.send("x".repeat(11));
    const { closeCode } = await socket.closed;
    assertStrictEquals(closeCode, 4009);
  });
  const socket = await open(server.url, { maxMessageBytes: 10 });
  const { error } = await socket.closed;
  assert(error instanceof LimitError && error.limit === "maxMessageBytes");
  await server.shutdown();
});

Deno.test("a connection that does not open rejects with ConnectionError: refused, no server, or timed out", async () => {
  await using server = serve({ ...HERE, upgrade: () => new Response("No\n", { status: 403 }) }, {});
  await assertRejects(() => open(server.url), ConnectionError, "Cannot connect to ws://127.0.0.1:");
  using silent = Deno.listen(HERE);
  const accepted = silent.accept();
  await assertRejects(
    () => open(`ws://127.0.0.1:${silent.addr.port}`, { handshakeTimeout: 50 }),
    ConnectionError,
    "50 ms",
  );
  (await accepted).close();
});

Deno.test("a signal aborts the attempt with its reason", async () => {
  using silent = Deno.listen(HERE);
  const accepted = silent.accept();
  const stop = new AbortController();
  const opening = open(`ws://127.0.0.1:${silent.addr.port}`, {}, stop.signal);
  const conn = await accepted;
  const reason = new Error("enough");
  stop.abort(reason);
  assertStrictEquals(await assertRejects(() => opening), reason);
  conn.close();
});
