import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import type { RequestFraming } from "../../lib/handshake/http_body.ts";
import { transportOf } from "../../lib/transport/transport.ts";
import { Inflow, RequestBody } from "../../lib/server/request_body.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { utf8 } from "../_support/frames.ts";
import { connPair } from "../_support/pair.ts";

function body(framing: RequestFraming, first = "", invite?: () => Promise<void>) {
  const [near, far] = connPair();
  const inflow = new Inflow(transportOf(near), utf8(first));
  return { body: new RequestBody(inflow, { framing, bodyTimeout: 1_000, invite }), inflow, far };
}

const text = (stream: ReadableStream<Uint8Array> | null) => new Response(stream).text();

Deno.test("a body is read to its end, and the bytes behind it are left for the next request", async () => {
  const chunked = body("chunked", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\nGET /");
  assertEquals(await text(chunked.body.stream), "abc");
  assertEquals(await chunked.body.finish(), true);
  assertEquals(new TextDecoder().decode((await chunked.inflow.read())!), "GET /");
  const none = body(0, "GET /");
  assertEquals([none.body.stream, await none.body.finish()], [null, true]);
});

Deno.test("an unread body is skipped, up to a limit", async () => {
  const little = body(4, "bodyGET /");
  assertEquals(await little.body.finish(), true);
  assertEquals(new TextDecoder().decode((await little.inflow.read())!), "GET /");
  const much = body(1_000_000);
  void (async () => {
    for (let i = 0; i < 100; i++) await much.far.write(new Uint8Array(10_000));
  })().catch(() => {});
  assertEquals(await much.body.finish(), false);
});

Deno.test("a body that ends early, or is malformed, is the client's error, and its reader gets it", async () => {
  const cut = body(10, "part");
  await cut.far.closeWrite();
  const error = await assertRejects(() => text(cut.body.stream), ConnectionError, "in the middle of the body");
  assertStrictEquals(cut.body.failure, error);
  assertEquals(await cut.body.finish(), false);

  const bad = body("chunked", "x\r\n");
  assertEquals((await assertRejects(() => text(bad.body.stream), HandshakeError)).status, 400);

  const lost = body(10, "part");
  lost.far.reset();
  await assertRejects(() => text(lost.body.stream), ConnectionError, "was lost");
});

Deno.test("a body that arrives a byte at a time is dropped after bodyTimeout, whatever arrives in between", async () => {
  using time = new FakeTime();
  const { body: slow, far } = body(1_000);
  const reading = assertRejects(() => text(slow.stream), HandshakeError, "1000 ms");
  for (let i = 0; i < 4; i++) {
    await time.advance(250);
    await far.write(utf8("x"));
  }
  assertEquals((await reading).status, 408);
  assertInstanceOf(slow.failure, HandshakeError);
});

Deno.test("a client that waits for 100 Continue gets it when the body is read, and otherwise its connection ends", async () => {
  let invitations = 0;
  const invite = () => Promise.resolve(void invitations++);
  const read = body(4, "", invite);
  await read.far.write(utf8("body"));
  assertEquals([await text(read.body.stream), invitations, await read.body.finish()], ["body", 1, true]);
  assertEquals([await body(4, "", invite).body.finish(), invitations], [false, 1]);
});

Deno.test("reading a body after the response has ended throws", async () => {
  const { body: late } = body(4, "body");
  const { stream } = late;
  await late.finish();
  await assertRejects(() => text(stream), ConnectionError, "was answered before");
});
