import { assert, assertEquals, assertRejects } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import { connectedPair } from "../../lib/testing/connected_pair.ts";
import { fakeTime } from "../../lib/testing/fake_time.ts";
import { settle, soon } from "../../lib/testing/wait.ts";
import { flip } from "../_support/toy_extensions.ts";

/** The next message. */
async function next(messages: AsyncIterable<unknown>): Promise<unknown> {
  return (await soon(messages[Symbol.asyncIterator]().next(), "A message")).value;
}

Deno.test("a pair exchanges messages both ways, and closes cleanly when it is disposed", async () => {
  let ends;
  {
    await using pair = await connectedPair();
    ends = [pair.client, pair.server];
    await pair.client.send("hello");
    await pair.server.send(Uint8Array.of(1, 2));
    assertEquals([await next(pair.server), await next(pair.client)], ["hello", Uint8Array.of(1, 2)]);
    assert(await pair.client.ping() >= 0);
  }
  for (const { closed } of ends) assertEquals((await closed).wasClean, true);
});

Deno.test("the handshake is real: the URL, subprotocols, header fields, data and extensions of both sides", async () => {
  const extensions = [flip()];
  await using pair = await connectedPair({
    url: "wss://example.com/chat?room=1",
    server: {
      protocols: ["b"],
      perMessageDeflate: true,
      extensions,
      upgrade: ({ query }, { extensions }) => ({
        data: [query, extensions.length],
        headers: { "X-Served-By": "test" },
      }),
    },
    client: { protocols: ["a", "b"], perMessageDeflate: true, extensions, headers: { Cookie: "a=1" }, data: 7 },
  });
  const { client, server } = pair;
  assertEquals([client.url, server.url], ["wss://example.com/chat?room=1", "wss://example.com/chat?room=1"]);
  assertEquals([client.protocol, server.protocol, client.data, server.data], ["b", "b", 7, ["room=1", 2]]);
  assertEquals([server.headers.get("cookie"), client.headers.get("x-served-by")], ["a=1", "test"]);
  assertEquals(client.extensions, server.extensions);
  await client.send("x".repeat(5_000));
  assertEquals(await next(server), "x".repeat(5_000));
});

Deno.test("any error that ends the handshake is thrown, and leaves nothing behind", async () => {
  using time = fakeTime();
  const forbidden = () => connectedPair({ server: { upgrade: () => new Response("no", { status: 403 }) } });
  assertEquals((await assertRejects(forbidden, HandshakeError)).status, 403);
  const bug = await assertRejects(() =>
    connectedPair({ server: { upgrade: () => Promise.reject(new Error("a bug")) } })
  );
  assertEquals(bug instanceof HandshakeError && String(bug.cause), "Error: a bug");
  await assertRejects(() => connectedPair({ url: "no url" }), DOMException, "no url");
  await assertRejects(() => connectedPair({ server: { maxMessageBytes: -1 } }), RangeError, "maxMessageBytes");
  await assertRejects(() => connectedPair({ client: { maxHeaderCount: 1 } }), HandshakeError, "more than 1 fields");
  await settle();
  assertEquals(time.timers, 0);
});

Deno.test("a pair that is never read can be disposed at once, full of messages, under a stopped clock", async () => {
  using time = fakeTime();
  const pair = await connectedPair({ capacity: 1_000 });
  const sends = [pair.client, pair.server].map((end) => end.send("x".repeat(500_000)).catch(() => {}));
  await settle();
  await soon(Promise.resolve(pair[Symbol.asyncDispose]()), "The end");
  await Promise.all(sends);
  assertEquals([(await pair.client.closed).wasClean, time.timers], [true, 0]);
});

Deno.test("a reader that stops reading stops the writer at the other end: memory is as limited as on a network", async () => {
  const mark = { highWaterMark: 1_000 };
  await using pair = await connectedPair({ server: mark, client: mark, capacity: 1_000 });
  let sent = 0;
  const sending = (async () => {
    for (; sent < 100; sent++) await pair.client.send("x".repeat(1_000));
  })();
  await settle();
  assert(sent < 10, `${sent} were sent`);
  let received = 0;
  for await (const _ of pair.server) if (++received === 100) break;
  await sending;
});
