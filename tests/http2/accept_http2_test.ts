import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { assertEquals, assertRejects } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import { acceptHttp2 } from "../../lib/http2/accept_http2.ts";
import type { StreamEvent } from "../../lib/http2/http2_exchange.ts";
import { soon } from "../_support/wait.ts";
import { answered, connectHeaders, listenHttp2, opening, rawSession } from "./_support.ts";

/** A server, and its next stream. */
async function asked(): Promise<{ event: Promise<StreamEvent>; port: number } & AsyncDisposable> {
  const event = Promise.withResolvers<StreamEvent>();
  const server = createServer({ settings: { enableConnectProtocol: true } });
  server.on("stream", (stream: ServerHttp2Stream, _: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
    event.resolve({ stream, rawHeaders });
  });
  return { event: soon(event.promise, "The stream"), ...await listenHttp2(server) };
}

Deno.test("one stream is accepted by hand, with the application's data", async () => {
  await using setup = await asked();
  await using session = await opening(`http://127.0.0.1:${setup.port}`);
  const client = session.connect("/chat?x=1", { protocols: ["a", "b"], data: "ours" });
  const socket = await acceptHttp2(await setup.event, { upgrade: () => ({ protocol: "b", data: 42 }) });
  assertEquals([socket.url, socket.role, socket.data, socket.protocol], [
    `ws://127.0.0.1:${setup.port}/chat?x=1`,
    "server",
    42,
    "b",
  ]);
  assertEquals([(await client).protocol, (await client).data], ["b", "ours"]);
  const closed = socket.close(4001, "done");
  assertEquals((await soon((await client).closed, "The end")).closeCode, 4001);
  assertEquals((await closed).wasClean, true);
});

Deno.test("H9: a refusal is sent, and thrown", async () => {
  await using setup = await asked();
  await using session = await rawSession(setup.port);
  const stream = session.request(connectHeaders(setup.port, { "sec-websocket-version": "12" }), { endStream: false });
  const refused = assertRejects(async () => await acceptHttp2(await setup.event), HandshakeError, "must be 13");
  const answer = await answered(stream);
  assertEquals([answer[":status"], answer["sec-websocket-version"], answer["upgrade"]], [400, "13", undefined]);
  stream.close();
  assertEquals((await refused).status, 400);
});

Deno.test("H23: a hook that takes too long is aborted, and the client gets 503", async () => {
  await using setup = await asked();
  await using session = await opening(`http://127.0.0.1:${setup.port}`);
  const refused = assertRejects(() => session.connect("/"), HandshakeError);
  const hanging = Promise.withResolvers<void>();
  const error = await assertRejects(
    async () => await acceptHttp2(await setup.event, { handshakeTimeout: 20, upgrade: () => hanging.promise }),
    HandshakeError,
  );
  assertEquals([error.status, (await refused).status], [503, 503]);
  hanging.resolve();
});

Deno.test("invalid options throw, and the stream stays the caller's", async () => {
  await using setup = await asked();
  await using session = await rawSession(setup.port);
  const stream = session.request(connectHeaders(setup.port), { endStream: false });
  const event = await setup.event;
  await assertRejects(() => acceptHttp2(event, { maxMessageBytes: 0 }), RangeError);
  event.stream.respond({ ":status": 500 }, { endStream: true });
  assertEquals((await answered(stream))[":status"], 500);
});

Deno.test("one stream has one response: accepting it twice is a TypeError", async () => {
  await using setup = await asked();
  await using session = await opening(`http://127.0.0.1:${setup.port}`);
  const client = session.connect("/");
  const event = await setup.event;
  const accepting = acceptHttp2(event);
  await assertRejects(() => acceptHttp2(event), TypeError, "belongs to another");
  await (await accepting).close();
  await (await client).closed;
});
