import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ConnectionError, LimitError, MessageError } from "../../mod.ts";
import { connectedPair } from "../../lib/testing/connected_pair.ts";
import { type AnswerInfo, RequestError, type Requests, requests } from "../../lib/typed/mod.ts";
import { until } from "../_support/wait.ts";
import { COUNT, schema } from "./_schemas.ts";

/** Promises that `answer` returns, for a test to settle, and the signals that it was given. */
function heldAnswers() {
  const held: { asked: unknown; signal: AbortSignal; answer: (value: unknown) => void }[] = [];
  const answer = (asked: unknown, { signal }: AnswerInfo) =>
    new Promise((resolve) => void held.push({ asked, signal, answer: resolve }));
  return { held, answer };
}

Deno.test("responses are matched to their requests in any order, in both directions at once", async () => {
  await using pair = await connectedPair();
  const { held, answer } = heldAnswers();
  const client = requests(pair.client, { answer: (asked) => `client: ${asked}` });
  const server = requests(pair.server, { answer });
  const [one, two] = [client.request("one"), client.request("two")];
  assertStrictEquals(await server.request("who"), "client: who");
  await until(() => held.length === 2, "Two requests");
  assertEquals([held.map(({ asked }) => asked), client.pending], [["one", "two"], 2]);
  held[1]!.answer(2);
  assertStrictEquals(await two, 2);
  held[0]!.answer(undefined);
  assertStrictEquals(await one, null);
  assertStrictEquals(client.pending, 0);
});

Deno.test("a request and an answer that JSON cannot hold are our mistake, and the connection goes on", async () => {
  await using pair = await connectedPair();
  const errors: unknown[] = [];
  const values: unknown[] = [() => 1, Symbol("s"), { toJSON: () => undefined }];
  requests(pair.server, {
    answer: (at) => typeof at === "number" ? values[at] : at,
    onError: (error) => errors.push(error),
  });
  const client = requests(pair.client);
  for (const at of values.keys()) {
    assertStrictEquals((await assertRejects(() => client.request(at), RequestError)).message, "Internal error");
  }
  assertEquals(errors.map((error) => error instanceof TypeError), [true, true, true]);
  for (const value of values) assertThrows(() => void client.request(value), TypeError, "as JSON");
  assertEquals([await client.request({ ask: [undefined] }), client.pending], [{ ask: [null] }, 0]);
});

Deno.test("a handler may send requests before it responds", async () => {
  await using pair = await connectedPair();
  const server: Requests = requests(pair.server, { answer: async () => `Hello ${await server.request("name")}` });
  assertStrictEquals(await requests(pair.client, { answer: () => "Ada" }).request("welcome"), "Hello Ada");
});

Deno.test("a RequestError is sent to the peer, any other error goes to onError and is an internal one", async () => {
  await using pair = await connectedPair();
  const errors: unknown[] = [];
  const bug = new Error("password=1234");
  requests(pair.server, {
    answer(asked) {
      if (asked === "bug") throw bug;
      if (asked === "bigint") return 1n;
      throw new RequestError("Not allowed");
    },
    onError: (error) => errors.push(error),
  });
  const client = requests(pair.client);
  assertStrictEquals((await assertRejects(() => client.request(1), RequestError)).message, "Not allowed");
  assertStrictEquals((await assertRejects(() => client.request("bug"), RequestError)).message, "Internal error");
  assertStrictEquals((await assertRejects(() => client.request("bigint"), RequestError)).message, "Internal error");
  assertStrictEquals(errors[0], bug);
  assert(errors.length === 2 && errors[1] instanceof TypeError);
});

Deno.test("without an answer function every request gets an error", async () => {
  await using pair = await connectedPair();
  requests(pair.server);
  await assertRejects(() => requests(pair.client).request(1), RequestError, "not answered here");
});

Deno.test("schemas check requests and responses", async () => {
  await using pair = await connectedPair();
  requests(pair.server, { askedSchema: COUNT, answer: ({ n }) => ({ n: Number(n * 2n) }) });
  const client = requests(pair.client, { answerSchema: COUNT });
  assertStrictEquals((await client.request({ n: 4 })).n, 8n);
  await assertRejects(() => client.request({}), RequestError, "does not match its schema: n: Expected");
  const picky = schema<unknown, never>(() => ({ issues: [{ message: "Never right" }] }));
  await using other = await connectedPair();
  requests(other.server, { answer: () => 1 });
  const error = await assertRejects(() => requests(other.client, { answerSchema: picky }).request(1), MessageError);
  assertEquals(error.message, "The answer does not match its schema: Never right");
  assertStrictEquals(other.client.readyState, 1);
});

Deno.test("at its deadline a request rejects, the peer's signal is aborted, and a late response is ignored", async () => {
  await using pair = await connectedPair();
  const { held, answer } = heldAnswers();
  requests(pair.server, { answer });
  const client = requests(pair.client, { requestTimeout: 20 });
  const error = await assertRejects(() => client.request(1), DOMException);
  assertEquals([error.name, error.message], ["TimeoutError", "There was no answer within 20 ms"]);
  await until(() => held[0]?.signal.aborted === true, "The peer's signal");
  held[0]!.answer("late");
  const next = client.request(2, { timeout: 60_000 });
  await until(() => held.length === 2, "The next request");
  held[1]!.answer("in time");
  assertEquals([await next, client.pending], ["in time", 0]);
});

Deno.test("a signal cancels a request with its reason, before and after it was sent", async () => {
  await using pair = await connectedPair();
  const { held, answer } = heldAnswers();
  requests(pair.server, { answer });
  const client = requests(pair.client);
  const reason = new Error("enough");
  const stop = new AbortController();
  const request = client.request(1, { signal: stop.signal });
  await until(() => held.length === 1, "The request");
  stop.abort(reason);
  assertStrictEquals(await assertRejects(() => request), reason);
  await until(() => held[0]!.signal.aborted, "The peer's signal");
  assertStrictEquals(await assertRejects(() => client.request(2, { signal: stop.signal })), reason);
  assertEquals([client.pending, held.length], [0, 1]);
});

Deno.test("the end of the connection rejects all pending requests, and aborts all running handlers", async () => {
  for (const lose of ["close", "abort"] as const) {
    await using pair = await connectedPair();
    const { held, answer } = heldAnswers();
    requests(pair.server, { answer });
    const client = requests(pair.client);
    const waiting = [client.request(1), client.request(2)];
    await until(() => held.length === 2, "Two requests");
    if (lose === "close") void pair.server.close();
    else pair.server.abort();
    for (const request of waiting) await assertRejects(() => request, ConnectionError, "ended before the answer");
    await until(() => held.every(({ signal }) => signal.aborted), "The signals");
    assertStrictEquals(client.pending, 0);
    await assertRejects(() => client.request(3), DOMException);
  }
});

Deno.test("waiting requests are limited: by maxPendingRequests here, by maxRunningRequests there", async () => {
  await using pair = await connectedPair();
  const { held, answer } = heldAnswers();
  requests(pair.server, { answer, maxRunningRequests: 2 });
  const client = requests(pair.client, { maxPendingRequests: 4 });
  const all = [1, 2, 3, 4].map((n) => client.request(n));
  const error = await assertRejects(() => client.request(5), LimitError);
  assertEquals([error.limit, error.max], ["maxPendingRequests", 4]);
  await assertRejects(() => all[2]!, RequestError, "More than 2 requests at a time");
  await assertRejects(() => all[3]!, RequestError, "More than 2 requests at a time");
  for (const { asked, answer } of held) answer(asked);
  assertEquals(await Promise.all(all.slice(0, 2)), [1, 2]);
});

Deno.test("a peer that sends requests and does not read refusals is disconnected with 1008", async () => {
  await using pair = await connectedPair({ server: { highWaterMark: 1 } });
  const { answer } = heldAnswers();
  requests(pair.server, { answer, maxRunningRequests: 3 });
  for (let id = 1; id <= 5_000 && pair.client.readyState === 1; id++) {
    await pair.client.send(JSON.stringify({ id, ask: 1 })).catch(() => {});
  }
  const reading = Array.fromAsync(pair.client);
  assertStrictEquals((await pair.client.closed).closeCode, 1008);
  await reading;
});

Deno.test("the messages match the documentation, and others close with 1008 or 1007", async () => {
  await using pair = await connectedPair();
  requests(pair.server, { answer: (asked) => asked });
  const heard = pair.client[Symbol.asyncIterator]();
  const say = async (text: string) => {
    await pair.client.send(text);
    return (await heard.next()).value;
  };
  assertStrictEquals(await say(`{"id":7,"ask":"x"}`), `{"id":7,"answer":"x"}`);
  await pair.client.send(`{"id":99,"cancel":true}`); // of a request that is answered already
  await pair.client.send(`{"id":1,"answer":1}`); // of a request that there was not
  assertStrictEquals(await say(`{"id":7,"ask":[null]}`), `{"id":7,"answer":[null]}`);
  for (const [text, code] of [["[]", 1008], [`{"id":"1","ask":1}`, 1008], [`{"id":1}`, 1008], ["{", 1007]] as const) {
    await using other = await connectedPair();
    requests(other.server);
    await other.client.send(text);
    assertStrictEquals((await other.client.closed).closeCode, code, text);
  }
});

Deno.test("two pending requests with the same number: the second gets an error", async () => {
  await using pair = await connectedPair();
  const { held, answer } = heldAnswers();
  requests(pair.server, { answer });
  await pair.client.send(`{"id":1,"ask":1}`);
  await pair.client.send(`{"id":1,"ask":2}`);
  const heard = pair.client[Symbol.asyncIterator]();
  assertStrictEquals((await heard.next()).value, `{"id":1,"error":"Request 1 is being answered already"}`);
  assertEquals(held.map(({ asked }) => asked), [1]);
});

Deno.test("unknown options and values without a JSON form throw", async () => {
  await using pair = await connectedPair();
  assertThrows(
    () => Reflect.apply(requests, undefined, [pair.client, { timeout: 1 }]),
    TypeError,
    "requests() has no option",
  );
  const client = requests(pair.client);
  assertThrows(() => void client.request(1n), TypeError);
  assertThrows(() => void client.request(1, { timeout: -1 }), RangeError, "timeout");
  assertStrictEquals(client.pending, 0);
});
