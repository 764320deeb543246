import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { connect } from "../../../lib/client/connect.ts";
import { ProtocolError, WebSocketError } from "../../../lib/errors.ts";
import type { WebSocketConnection } from "../../../lib/connection/websocket_connection.ts";
import { upgradeRequest } from "../../../lib/server/deno_serve.ts";
import { connectedPair } from "../../../lib/testing/connected_pair.ts";
import { counting } from "../../_support/bytes.ts";
import { soon } from "../../_support/wait.ts";

/** Two ends of a connection, of which the first is read. */
interface Ends extends AsyncDisposable {
  readonly reader: WebSocketConnection;
  readonly other: WebSocketConnection;
}

const ENDS: Record<string, () => Promise<Ends>> = {
  "a server": async () => {
    const pair = await connectedPair();
    return { reader: pair.server, other: pair.client, [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose]() };
  },
  "a client": async () => {
    const pair = await connectedPair();
    return { reader: pair.client, other: pair.server, [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose]() };
  },
  "a connection of Deno.serve": async () => {
    const { promise, resolve } = Promise.withResolvers<WebSocketConnection>();
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request) =>
        upgradeRequest(request, {}, async (socket) => {
          resolve(socket);
          await socket.closed;
        }),
    );
    const other = await connect(`ws://127.0.0.1:${server.addr.port}`);
    return {
      reader: await promise,
      other,
      async [Symbol.asyncDispose]() {
        await other.close();
        await server.shutdown();
      },
    };
  },
};

for (const [end, make] of Object.entries(ENDS)) {
  Deno.test(`the bytes of ${end} are its binary messages, one chunk each, and end with the connection`, async () => {
    await using ends = await make();
    const { reader, other } = ends;
    const { bytes } = reader;
    assertStrictEquals(reader.bytes, bytes);
    const sizes = [3, 0, 70_000];
    for (const size of sizes) void other.send(counting(size));
    void other.close();
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    await soon(bytes.pipeTo(new WritableStream({ write: (chunk) => void chunks.push(chunk) })), "The end");
    assertEquals(chunks, sizes.map((size) => counting(size)));
  });

  Deno.test(`a text message on the bytes of ${end} closes with 1003, after the bytes before it`, async () => {
    await using ends = await make();
    const { reader, other } = ends;
    void other.send(counting(3));
    void other.send("text");
    const stream = reader.bytes.getReader();
    assertEquals((await soon(stream.read(), "The first chunk")).value, counting(3));
    const error = await assertRejects(() => soon(stream.read(), "The error"), ProtocolError);
    assertEquals(error.closeCode, 1003);
    assertEquals((await soon(other.closed, "The end")).closeCode, 1003);
    assertStrictEquals((await soon(reader.closed, "The end")).error, error);
  });
}

Deno.test("bytes are one way to read: they continue where another way stopped, and two ways cannot read at the same time", async () => {
  await using pair = await connectedPair();
  for (let i = 0; i < 3; i++) void pair.client.send(counting(1, i));
  for await (const message of pair.server) {
    assertEquals(message, counting(1));
    break;
  }
  const stream = pair.server.bytes.getReader();
  assertEquals((await soon(stream.read(), "A chunk")).value, counting(1, 1));
  await assertRejects(() => pair.server.batches.getReader().read(), TypeError, "Cannot read through batches");
});

Deno.test("cancelling the bytes closes the connection, with the code of a WebSocketError", async () => {
  await using pair = await connectedPair();
  await soon(pair.server.bytes.cancel(new WebSocketError("enough", { closeCode: 4001 })), "The cancellation");
  assertEquals((await pair.client.closed).closeCode, 4001);
});

Deno.test("the bytes error if the connection is lost", async () => {
  const pair = await connectedPair();
  const reading = pair.server.bytes.getReader().read();
  pair.client.abort();
  assertInstanceOf(await soon(reading.catch((error) => error), "The error"), WebSocketError);
});
