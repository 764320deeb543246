import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Answer, type AnswerTarget } from "../../lib/server/answer.ts";
import { utf8 } from "../_support/frames.ts";
import { settle } from "../_support/wait.ts";

/** What an answer is on the wire, and whether the connection goes on. */
async function written(
  response: unknown,
  { method = "GET", version = "HTTP/1.1", close = false }: Partial<AnswerTarget> & { method?: string } = {},
): Promise<{ head: string; body: string; goesOn: boolean }> {
  let text = "";
  const answer = await Answer.prepare(response, method);
  const goesOn = await answer.write({
    version,
    close,
    write: (bytes) => Promise.resolve(void (text += new TextDecoder().decode(bytes))),
  });
  const end = text.indexOf("\r\n\r\n");
  return { head: text.slice(0, end).toLowerCase(), body: text.slice(end + 4), goesOn };
}

/** A body whose pieces are not at hand. */
function streamed(...pieces: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      await settle();
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(utf8(piece));
    },
  }, { highWaterMark: 0 });
}

Deno.test("a body in memory has its length, and a stream is chunked", async () => {
  for (const body of ["hello", utf8("hello"), new URLSearchParams("hello=")]) {
    const { head, goesOn } = await written(new Response(body));
    assertMatch(head, /\r\ncontent-length: [56](\r|$)/);
    assert(goesOn && !head.includes("connection:") && head.includes("\r\ndate: "));
  }
  const stream = await written(new Response(streamed("hello", "", "you")));
  assertEquals([stream.body, stream.goesOn], ["5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n", true]);
  assertMatch(stream.head, /\r\ntransfer-encoding: chunked/);
  assertMatch((await written(new Response(null))).head, /\r\ncontent-length: 0/);
});

Deno.test("a stream to HTTP/1.0 ends with the connection", async () => {
  const { head, body, goesOn } = await written(new Response(streamed("hello")), { version: "HTTP/1.0", close: true });
  assertEquals([body, goesOn, head.includes("transfer-encoding"), head.includes("connection: close")], [
    "hello",
    false,
    false,
    true,
  ]);
});

Deno.test("a stream that has a Content-Length is sent with it", async () => {
  const { head, body } = await written(new Response(streamed("he", "llo"), { headers: { "Content-Length": "5" } }));
  assertEquals([body, head.includes("content-length: 5"), head.includes("chunked")], ["hello", true, false]);
});

Deno.test("the responses to HEAD, and 204 and 304, have no body: it is cancelled", async () => {
  for (const [status, method] of [[200, "HEAD"], [204, "GET"], [304, "GET"]] as const) {
    let cancelled = false;
    const stream = new ReadableStream({ cancel: () => void (cancelled = true) });
    const response = status === 200
      ? new Response(stream, { headers: { "Content-Length": "7" } })
      : new Response(null, { status });
    const { head, body, goesOn } = await written(response, { method });
    assertEquals([body, goesOn, cancelled], ["", true, status === 200]);
    assertEquals(head.includes("content-length: 7"), status === 200);
  }
});

Deno.test("an invalid response is detected before anything is written", async () => {
  const used = new Response("used");
  await used.text();
  const locked = new Response("locked");
  locked.body!.getReader();
  const length = (value: string) => ({ headers: { "Content-Length": value } });
  const bad: unknown[] = [
    undefined,
    null,
    "page",
    {},
    Response.error(),
    used,
    locked,
    new Response("sixsix", length("3")),
    new Response("six", length("6")),
    new Response(null, length("1")),
    new Response("six", length("3, 3")),
    new Response("six", length("x")),
    new Response("six", { headers: { "X-Control": "\x01" } }),
    { status: 200, statusText: "OK\r\nSet-Cookie: a=b", headers: new Headers(), body: null },
    Reflect.construct(Response, [
      new ReadableStream<unknown>({ start: (controller) => controller.enqueue("text") }),
    ]),
    new Response(new ReadableStream({ start: (controller) => controller.error(new TypeError("broken")) })),
  ];
  for (const response of bad) {
    await assertRejects(() => Answer.prepare(response, "GET"), Error, "", String(response));
  }
});

Deno.test("a stream that is not as long as its Content-Length cannot be completed", async () => {
  for (const pieces of [["hel"], ["hello", "you"]]) {
    const response = new Response(streamed(...pieces), { headers: { "Content-Length": "5" } });
    await assertRejects(() => written(response), TypeError, "Content-Length is 5");
  }
});

Deno.test("the head of a stream without data yet is sent at once", async () => {
  const heads: string[] = [];
  const answer = await Answer.prepare(new Response(new ReadableStream()), "GET");
  void answer.write({
    version: "HTTP/1.1",
    close: false,
    write: (bytes) => Promise.resolve(void heads.push(new TextDecoder().decode(bytes))),
  }).catch(() => {});
  await settle();
  assertEquals(heads.length, 1);
  answer.cancel("done");
});

Deno.test("a response may end the connection, and names its Upgrade", async () => {
  assert((await Answer.prepare(new Response("", { headers: { Connection: "x, Close" } }), "GET")).closes);
  const { head } = await written(new Response("", { status: 426, headers: { Upgrade: "websocket" } }));
  assertMatch(head, /\r\nconnection: upgrade/);
});

Deno.test("a Response of another class, as frameworks have them, is sent", async () => {
  const { status, headers, body, bodyUsed, statusText } = new Response("hello");
  assertEquals((await written({ status, headers, body, bodyUsed, statusText })).body, "hello");
});
