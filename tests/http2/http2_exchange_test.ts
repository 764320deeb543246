import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConnectionError } from "../../lib/errors.ts";
import { http2Exchange, outgoing, pairs } from "../../lib/http2/http2_exchange.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import type { Exchange } from "../../lib/server/exchange.ts";
import { utf8 } from "../_support/frames.ts";
import { soon } from "../_support/wait.ts";
import { answered, bodyOf, connectHeaders, listenHttp2, rawSession } from "./_support.ts";

/** A server whose next stream is an exchange, and a client's session with it. */
async function exchanging() {
  const server = createServer({ settings: { enableConnectProtocol: true } });
  const exchange = Promise.withResolvers<Exchange>();
  server.on("stream", (stream: ServerHttp2Stream, _: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
    exchange.resolve(http2Exchange({ stream, rawHeaders }, DEFAULT_LIMITS));
  });
  const { port, [Symbol.asyncDispose]: stop } = await listenHttp2(server);
  const session = await rawSession(port);
  return {
    port,
    session,
    exchange: soon(exchange.promise, "The stream"),
    async [Symbol.asyncDispose]() {
      await session[Symbol.asyncDispose]();
      await stop();
    },
  };
}

Deno.test("an exchange over HTTP/2 parses the request, and is accepted with 200 and without a key", async () => {
  await using setup = await exchanging();
  const { session, port } = setup;
  const stream = session.request(
    connectHeaders(port, { cookie: ["a=1", "b=2"], "x-two": ["1", "2"], "sec-websocket-protocol": "chat" }),
    { endStream: false },
  );
  const exchange = await setup.exchange;
  assertEquals(exchange.remoteAddr?.transport, "tcp");
  assertEquals(exchange.secure, false);
  const head = await exchange.readHead();
  assertEquals(head.fields.filter(([name]) => name === "host" || name === "cookie"), [
    ["host", `127.0.0.1:${port}`],
    ["cookie", "a=1; b=2"],
  ]);
  const opening = head.check({ secure: false });
  assert("request" in opening);
  const { request } = opening;
  assertEquals([request.url, request.protocols], [`ws://127.0.0.1:${port}/chat?x=1`, ["chat"]]);
  assertEquals(request.headers.get("x-two"), "1, 2");
  const complete = await opening.complete();
  const { transport, first } = await complete.accept({
    protocol: "chat",
    headers: [["set-cookie", "a=1"], ["set-cookie", "b=2"]],
  });
  assertEquals(first.length, 0);
  const answer = await answered(stream);
  assertEquals(Object.keys(answer), [":status", "sec-websocket-protocol", "set-cookie", "date"]);
  assertEquals([answer[":status"], answer["sec-websocket-protocol"], answer["set-cookie"]], [200, "chat", [
    "a=1",
    "b=2",
  ]]);
  stream.write("up");
  assertEquals(await soon(transport.read(), "A read"), utf8("up"));
  transport.close();
});

Deno.test("a refusal over HTTP/2 has its status, its fields and its body, and ends the stream", async () => {
  for (const [status, body] of [[403, "No\n"], [204, ""]] as const) {
    await using setup = await exchanging();
    const stream = setup.session.request(connectHeaders(setup.port), { endStream: false });
    const exchange = await setup.exchange;
    const refused = exchange.refuse({ status, headers: { "X-Why": "so", Connection: "close" }, body: utf8(body) });
    const answer = await answered(stream);
    assertEquals([answer[":status"], answer["x-why"], answer["connection"]], [status, "so", undefined]);
    assertEquals(await bodyOf(stream), body);
    stream.end();
    await soon(refused, "The end");
  }
});

Deno.test("a closed stream cannot be accepted, and refusing it has no effect", async () => {
  await using setup = await exchanging();
  const stream = setup.session.request(connectHeaders(setup.port), { endStream: false });
  const exchange = await setup.exchange;
  const opening = (await exchange.readHead()).check({ secure: false });
  assert("request" in opening);
  const complete = await opening.complete();
  exchange.drop();
  await soon(new Promise((resolve) => stream.once("close", resolve).once("error", () => {})), "The end of the stream");
  await assertRejects(async () => await complete.accept({}), ConnectionError, "lost during the handshake");
  await soon(exchange.refuse({ status: 503, body: utf8("Late\n") }), "The refusal");
});

Deno.test("header fields are pairs here, and a list and a record in node:http2", () => {
  assertEquals(pairs(["a", "1", "b", "2", "a", "3"]), [["a", "1"], ["b", "2"], ["a", "3"]]);
  assertEquals(outgoing([["a", "1"], ["b", "2"], ["a", "3"], ["a", "4"]]), { a: ["1", "3", "4"], b: "2" });
});
