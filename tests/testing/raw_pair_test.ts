import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import { fakeTime } from "../../lib/testing/fake_time.ts";
import { closeFrame, text } from "../../lib/testing/raw_frame.ts";
import { fieldOf } from "../../lib/testing/raw_handshake.ts";
import { rawClient, rawServer } from "../../lib/testing/raw_pair.ts";
import { settle, soon } from "../../lib/testing/wait.ts";

Deno.test("a raw client is connected to a server, which takes the options of accept", async () => {
  await using raw = await rawClient({
    server: { perMessageDeflate: true, upgrade: ({ path }) => ({ data: path, headers: { "X-Room": "7" } }) },
    fields: { "Sec-WebSocket-Extensions": "permessage-deflate" },
    line: "GET /chat HTTP/1.1",
  });
  assertEquals([raw.server.data, fieldOf(raw.head, "X-Room")], ["/chat", "7"]);
  await raw.peer.send("c1 87 00 00 00 00 f2 48 cd c9 c9 07 00"); // RFC 7692 §7.2.3.1
  assertEquals((await raw.server[Symbol.asyncIterator]().next()).value, "Hello");
  await raw.server.send("a".repeat(2_000));
  assertEquals((await raw.peer.readFrame()).rsv, 4);
});

Deno.test("a raw server is connected to a client, which takes the options of connect", async () => {
  await using raw = await rawServer({
    url: "ws://example.com/chat",
    client: { protocols: ["a", "b"], data: 7 },
    fields: { "Sec-WebSocket-Protocol": "b" },
  });
  assertStringIncludes(raw.head, "GET /chat HTTP/1.1\r\nHost: example.com\r\n");
  assertEquals([raw.client.protocol, raw.client.data], ["b", 7]);
  const closing = raw.client.close();
  await raw.peer.expectClose(1000);
  await raw.peer.send(closeFrame(1000));
  raw.peer.close();
  assertEquals((await closing).wasClean, true);
});

Deno.test("a refusal is thrown, and the connection is cleaned up", async () => {
  using time = fakeTime();
  const forbidden = { upgrade: () => new Response("no", { status: 403 }) };
  const refused = await assertRejects(() => rawClient({ server: forbidden }), HandshakeError);
  assertEquals(refused.status, 403);
  const wrong = { fields: { "Sec-WebSocket-Accept": "wrong" } };
  await assertRejects(() => rawServer(wrong), HandshakeError, "Sec-WebSocket-Accept");
  await assertRejects(
    () => rawServer({ line: "HTTP/1.1 503 Busy", fields: { "Content-Length": "0" } }),
    HandshakeError,
    "503",
  );
  await assertRejects(() => rawServer({ url: "no url" }), DOMException, "no url");
  await assertRejects(() => rawClient({ server: { maxMessageBytes: -1 } }), RangeError, "maxMessageBytes");
  await settle();
  assertEquals(time.timers, 0);
});

Deno.test("disposing drops both ends at once, also under a stopped clock", async () => {
  using time = fakeTime();
  const raw = await rawClient({ capacity: 100 });
  const sending = raw.server.send("x".repeat(100_000)).catch((error: Error) => error.name);
  await soon(raw[Symbol.asyncDispose](), "The end");
  assertEquals([await sending, (await raw.server.closed).closeCode, time.timers], ["ConnectionError", 1006, 0]);
});

Deno.test("a peer that does not read makes send wait until it reads", async () => {
  await using raw = await rawClient({ server: { highWaterMark: 1_000 }, capacity: 1_000 });
  let sent = false;
  const sending = raw.server.send("x".repeat(5_000)).then(() => sent = true);
  await settle();
  assertEquals(sent, false);
  await raw.peer.expect(text("x".repeat(5_000)));
  await soon(sending, "The send");
});
