import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { connect, ConnectionError, LimitError, MessageError, reconnecting, serve, WebSocketError } from "../../mod.ts";
import { upgradeRequest } from "../../lib/server/deno_serve.ts";
import { connectedPair } from "../../lib/testing/connected_pair.ts";
import { json, typed, type TypedHandler, typedHandler } from "../../lib/typed/mod.ts";
import { until } from "../_support/wait.ts";
import { COUNT, LATE_COUNT } from "./_schemas.ts";

const codec = json(COUNT);

/** The rest of what comes. */
async function rest<Value>(values: AsyncIterable<Value>): Promise<Value[]> {
  const all: Value[] = [];
  for await (const value of values) all.push(value);
  return all;
}

for (const [name, schema] of Object.entries({ "at once": COUNT, later: LATE_COUNT })) {
  Deno.test(`values come in order by for await and by readable, validated ${name}, and the loop can be left`, async () => {
    await using pair = await connectedPair();
    const [sender, reader] = [typed(pair.client, json(schema)), typed(pair.server, json(schema))];
    for (let n = 0; n < 5; n++) void sender.send({ n });
    for await (const { n } of reader) {
      assertStrictEquals(n, 0n);
      break;
    }
    for await (const { n } of reader) {
      assertStrictEquals(n, 1n);
      break;
    }
    void sender.close(4000, "done");
    assertEquals(await rest(reader.readable), [{ n: 2n }, { n: 3n }, { n: 4n }]);
    assertEquals(await reader.closed, { closeCode: 4000, reason: "done", wasClean: true });
  });
}

Deno.test("writable sends values; closing it closes with 1000, and aborting it with the code of a WebSocketError", async () => {
  await using pair = await connectedPair();
  const writer = typed(pair.client, codec).writable.getWriter();
  await writer.write({ n: 1 });
  assertEquals((await typed(pair.server, codec)[Symbol.asyncIterator]().next()).value, { n: 1n });
  await writer.close();
  assertStrictEquals((await pair.server.closed).closeCode, 1000);

  await using other = await connectedPair();
  await typed(other.client, codec).writable.abort(new WebSocketError("enough", { closeCode: 4001, reason: "enough" }));
  assertEquals(await other.server.closed, { closeCode: 4001, reason: "enough", wasClean: true });

  await using third = await connectedPair();
  await typed(third.client, codec).readable.cancel("enough");
  assertStrictEquals((await third.server.closed).closeCode, 1000);
});

Deno.test("readable pipes into writable, and ends with the connection", async () => {
  await using pair = await connectedPair();
  const echo = typed(pair.server, json());
  const piped = echo.readable.pipeTo(echo.writable);
  const client = typed(pair.client, json());
  await client.send(["hello"]);
  assertEquals((await client[Symbol.asyncIterator]().next()).value, ["hello"]);
  await client.close();
  await piped;
});

Deno.test("a message that the codec refuses closes with its code on either end, and the reader gets the error", async () => {
  for (const [text, closeCode] of [["{", 1007], [`{"n":"7"}`, 1008], ["[".repeat(65), 1008]] as const) {
    for (const [from, to] of [["client", "server"], ["server", "client"]] as const) {
      await using pair = await connectedPair();
      const reader = typed(pair[to], codec);
      await pair[from].send(`{"n":1}`);
      await pair[from].send(text);
      await pair[from].send(`{"n":2}`);
      const values: unknown[] = [];
      const error = await assertRejects(async () => {
        for await (const value of reader) values.push(value);
      }, WebSocketError);
      assert(error instanceof MessageError || error instanceof LimitError);
      assertEquals([error.closeCode, values], [closeCode, [{ n: 1n }]]);
      const info = await pair[from].closed;
      assertEquals([info.closeCode, info.reason], [closeCode, error.reason]);
      assertStrictEquals((await pair[to].closed).error, error);
      assertEquals(await rest(reader), []); // what came behind it is not delivered
    }
  }
});

Deno.test("an error in the codec closes with 1011 and reveals nothing", async () => {
  await using pair = await connectedPair();
  const bug = new Error("bug");
  const reader = typed(pair.server, {
    encode: String,
    decode() {
      throw bug;
    },
  });
  await pair.client.send("hello");
  assertStrictEquals(await assertRejects(() => rest(reader)), bug);
  const { closeCode, reason } = await pair.client.closed;
  assertEquals([closeCode, reason], [1011, ""]);
});

Deno.test("a lost connection throws its error out of the loop and errors the streams", async () => {
  await using pair = await connectedPair();
  const reader = typed(pair.server, codec);
  const writer = reader.writable.getWriter();
  const lost = assertRejects(() => writer.closed, ConnectionError);
  pair.client.abort();
  await assertRejects(() => rest(reader), ConnectionError);
  await lost;
});

Deno.test("send encodes at the call, throws there for an invalid value, and rejects when the connection is closed", async () => {
  await using pair = await connectedPair();
  const sender = typed(pair.client, json());
  const value = { n: 1 };
  const sent = sender.send(value);
  value.n = 2;
  await sent;
  assertEquals((await typed(pair.server, json())[Symbol.asyncIterator]().next()).value, { n: 1 });
  assertThrows(() => void sender.send(undefined), TypeError, "as JSON");
  await sender.close();
  const error = await assertRejects(() => sender.send(1), DOMException);
  assertStrictEquals(error.name, "InvalidStateError");
});

/** Runs a typed handler on a server, and what it said, in order. */
async function served(
  handler: (said: unknown[]) => TypedHandler<{ n: bigint }, { n: number }>,
  texts: readonly string[],
) {
  const said: unknown[] = [];
  const errors: unknown[] = [];
  const here = { port: 0, hostname: "127.0.0.1", onError: (error: unknown) => errors.push(error) };
  await using server = serve(here, typedHandler(codec, handler(said)));
  await using socket = await connect(server.url);
  const answers = typed(socket, json());
  for (const text of texts) await socket.send(text);
  const heard = await rest(answers);
  const { closeCode } = await socket.closed;
  await server.shutdown();
  return { said, errors, heard, closeCode };
}

const callbacks = (said: unknown[]): TypedHandler<{ n: bigint }, { n: number }> => ({
  open: (peer) => void said.push("open", peer.connection.role),
  async message(peer, { n }) {
    await peer.send({ n: Number(n) + 1 });
    if (n === 3n) await peer.close(4000);
  },
  error: (_, error) => void said.push(error instanceof WebSocketError && error.closeCode),
  close: (peer, { closeCode, wasClean }) =>
    void said.push("close", ...(wasClean ? [closeCode] : []), peer.connection.readyState),
});

Deno.test("typed callbacks get values and a typed connection, in order", async () => {
  const { said, errors, heard, closeCode } = await served(callbacks, [`{"n":1}`, `{"n":3}`]);
  assertEquals([said, errors, closeCode], [["open", "server", "close", 4000, 3], [], 4000]);
  assertEquals(heard, [{ n: 2 }, { n: 4 }]);
});

Deno.test("a message that typed callbacks refuse fails the connection with its code: error and close are called, onError is not", async () => {
  const { said, errors, heard, closeCode } = await served(callbacks, [`{"n":1}`, `{"n":null}`, `{"n":3}`]);
  assertEquals([heard, closeCode], [[{ n: 2 }], 1008]);
  assertEquals([said, errors], [["open", "server", 1008, "close", 3], []]);
});

Deno.test("an error in the codec goes to onError in every way of reading, and closes with 1011", async () => {
  const bug = new Error("bug");
  const broken = {
    encode: String,
    decode(): never {
      throw bug;
    },
  };
  for (const handler of [{ message() {} }, async (peer: AsyncIterable<unknown>) => void await rest(peer)]) {
    const errors: unknown[] = [];
    const here = { port: 0, hostname: "127.0.0.1", onError: (error: unknown) => errors.push(error) };
    await using server = serve(here, typedHandler(broken, handler));
    await using socket = await connect(server.url);
    await socket.send("hello");
    assertStrictEquals((await socket.closed).closeCode, 1011);
    await server.shutdown();
    assertEquals(errors, [bug]);
  }
});

Deno.test("a typed function holds the connection, and may skip a refused message", async () => {
  const { errors, heard, closeCode } = await served(() => async (peer) => {
    for await (const { n } of peer) await peer.send({ n: Number(n) });
  }, [`{"n":1}`, "{"]);
  assertEquals([heard, closeCode, errors], [[{ n: 1 }], 1007, []]);
});

Deno.test("reconnecting works like any connection, and a message that the codec refuses ends it for good", async () => {
  let clients = 0;
  await using server = serve({ port: 0, hostname: "127.0.0.1" }, async (socket) => {
    await socket.send(`{"n":${++clients}}`);
    if (clients === 1) return socket.abort();
    await socket.send("{");
    await socket.closed;
  });
  const peer = typed(reconnecting(server.url, { delay: { first: 1 } }), codec);
  const values: unknown[] = [];
  const error = await assertRejects(async () => {
    for await (const value of peer) values.push(value);
  }, MessageError);
  assertEquals([error.closeCode, values], [1007, [{ n: 1n }, { n: 2n }]]);
  await peer.closed;
  assertStrictEquals(peer.connection.state, "closed");
  await until(() => server.connections.size === 0, "The end of the server's connection");
  assertStrictEquals(clients, 2);
});

Deno.test("a typed handler serves the connections of Deno.serve too", async () => {
  const said: unknown[] = [];
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) =>
    upgradeRequest(
      request,
      { onError: (error) => said.push(error) },
      typedHandler(codec, {
        message: (peer, { n }) => peer.send({ n: Number(n) + 1 }),
        error: (_, error) => void said.push(error instanceof MessageError && error.closeCode),
        close: () => void said.push("close"),
      }),
    ));
  const socket = await connect(`ws://127.0.0.1:${server.addr.port}`);
  await socket.send(`{"n":1}`);
  const messages = socket[Symbol.asyncIterator]();
  assertEquals((await messages.next()).value, `{"n":2}`);
  await socket.send("{");
  assertStrictEquals((await socket.closed).closeCode, 1007);
  await until(() => said.length === 2, "The end");
  assertEquals(said, [1007, "close"]);
});

Deno.test("an invalid connection, codec or handler throws", () => {
  const call = (callee: typeof typed | typeof typedHandler, ...args: unknown[]) =>
    Reflect.apply(callee, undefined, args);
  assertThrows(() => call(typed, {}, codec), TypeError, "the connection of typed()");
  assertThrows(() => call(typedHandler, {}, {}), TypeError, "the codec of typedHandler()");
  assertThrows(() => call(typedHandler, codec), TypeError, "typedHandler() needs a handler");
  assertThrows(() => call(typedHandler, codec, { onMessage() {} }), TypeError, `did you mean "message"`);
});
