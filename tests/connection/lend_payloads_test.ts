import { assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { serve } from "../../lib/server/serve.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { assertBytes, counting } from "../_support/bytes.ts";
import { soon } from "../_support/wait.ts";
import { overlook, RETURNED_AT_ONCE } from "../_support/printed.ts";

overlook(RETURNED_AT_ONCE);

const SIZES = [0, 1, 125, 126, 5000, 16_383, 16_384, 65_535, 65_536, 300_000, 2_000_000];

/** Reads so many messages. */
async function take(socket: WebSocketConnection, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of socket) {
    messages.push(message);
    if (messages.length === count) break;
  }
  return messages;
}

for (const lendPayloads of [false, true]) {
  const lent = lendPayloads ? "lent" : "given";

  Deno.test(`payloads that are ${lent} are echoed intact at every size, one by one and all at once`, async () => {
    await using server = serve({ port: 0, hostname: "127.0.0.1", lendPayloads }, {
      message: (socket, data) => void socket.send(data),
    });
    await using socket = await connect(server.url);
    for (let round = 0; round < 3; round++) {
      for (const size of SIZES) {
        void socket.send(counting(size, round));
        const [echo] = await soon(take(socket, 1), `The echo of ${size} bytes`);
        assertBytes(echo as Uint8Array, counting(size, round));
      }
      for (const size of SIZES) void socket.send(counting(size, size));
      const echoes = await soon(take(socket, SIZES.length), "The echoes");
      echoes.forEach((echo, i) => assertBytes(echo as Uint8Array, counting(SIZES[i]!, SIZES[i]!)));
    }
  });

  Deno.test(`payloads that are ${lent} are echoed twice, in part and to other connections, and none corrupts another`, async () => {
    const others: WebSocketConnection[] = [];
    await using server = serve({ port: 0, hostname: "127.0.0.1", lendPayloads }, {
      open: (socket) => void others.push(socket),
      message(socket, data) {
        if (typeof data === "string") return;
        socket.send(data);
        socket.send(data.subarray(10));
        socket.send(data.subarray(0, data.length - 10));
        for (const other of others) if (other !== socket) other.send(data);
        socket.send(data);
      },
    });
    await using near = await connect(server.url);
    await using far = await connect(server.url);
    for (const size of [100, 20_000, 65_536, 200_000]) {
      for (let i = 0; i < 4; i++) void near.send(counting(size, i));
      const back = await soon(take(near, 16), `The echoes of ${size} bytes`);
      const over = await soon(take(far, 4), `The copies of ${size} bytes`);
      for (let i = 0; i < 4; i++) {
        const whole = counting(size, i);
        const expected = [whole, whole.subarray(10), whole.subarray(0, -10), whole];
        expected.forEach((bytes, at) => assertBytes(back[4 * i + at] as Uint8Array, bytes));
        assertBytes(over[i] as Uint8Array, whole);
      }
    }
  });
}

Deno.test("a lent payload that waits behind a message from a source is not overwritten", async () => {
  const { readable, writable } = new TransformStream<string, string>();
  await using server = serve({ port: 0, hostname: "127.0.0.1", lendPayloads: true }, {
    open: (socket) => void socket.send(readable),
    message: (socket, data) => void socket.send(data),
  });
  await using socket = await connect(server.url);
  const sizes = [100, 5000, 20_000, 200_000];
  for (const size of sizes) {
    await socket.send(counting(size, size));
    await socket.ping(); // the server has read it
  }
  await writable.close();
  const [first, ...echoes] = await soon(take(socket, 1 + sizes.length), "The echoes");
  assertEquals(first?.length, 0);
  echoes.forEach((echo, i) => assertBytes(echo as Uint8Array, counting(sizes[i]!, sizes[i]!)));
});

Deno.test("a callback that awaits gets copies of the messages behind the lent one", async () => {
  const seen: number[] = [];
  await using server = serve({ port: 0, hostname: "127.0.0.1", lendPayloads: true }, {
    async message(socket, data) {
      const bytes = data as Uint8Array;
      const first = bytes[0]!;
      await Promise.resolve();
      seen.push(first);
      if (seen.length === 100) socket.send("all");
    },
  });
  await using socket = await connect(server.url);
  for (let i = 0; i < 100; i++) void socket.send(new Uint8Array(500).fill(i));
  await soon(take(socket, 1), "The answer");
  assertEquals(seen, Array.from({ length: 100 }, (_, i) => i));
});

Deno.test("without lendPayloads a kept message is never overwritten, whatever comes after it", async () => {
  const kept: Uint8Array[] = [];
  await using server = serve({ port: 0, hostname: "127.0.0.1" }, {
    message(socket, data) {
      if (typeof data === "string") return void socket.send("all");
      kept.push(data);
    },
  });
  await using socket = await connect(server.url);
  const sizes = Array.from({ length: 400 }, (_, i) => (i * 7919) % 40_000);
  for (const [i, size] of sizes.entries()) await socket.send(counting(size, i));
  await socket.send("done");
  await soon(take(socket, 1), "The answer");
  kept.forEach((bytes, i) => assertBytes(bytes, counting(sizes[i]!, i)));
});

Deno.test("lent memory is reused: a callback that keeps a payload finds other bytes in it", async () => {
  const kept: Uint8Array[] = [];
  await using server = serve({ port: 0, hostname: "127.0.0.1", lendPayloads: true }, {
    message(socket, data) {
      kept.push(data as Uint8Array);
      socket.send("next");
    },
  });
  await using socket = await connect(server.url);
  for (let i = 0; i < 2; i++) {
    void socket.send(new Uint8Array(100).fill(i));
    await soon(take(socket, 1), "The answer");
  }
  assertStrictEquals(kept[0]!.buffer, kept[1]!.buffer);
  assertNotStrictEquals(kept[0]![0], 0);
});

Deno.test("with lendPayloads, only callbacks can read: the other ways throw", async () => {
  const thrown = Promise.withResolvers<void>();
  await using server = serve({ port: 0, hostname: "127.0.0.1", lendPayloads: true }, (socket) => {
    assertThrows(() => socket[Symbol.asyncIterator]().next(), TypeError, "only callbacks read");
    assertThrows(() => socket.messages(), TypeError, "only callbacks read");
    thrown.resolve();
  });
  await using _socket = await connect(server.url);
  await soon(thrown.promise, "The handler");
});
