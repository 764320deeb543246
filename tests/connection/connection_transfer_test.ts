import { assert, assertEquals } from "@std/assert";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { connect } from "../../lib/client/connect.ts";
import { serve } from "../../lib/server/serve.ts";
import { connectedPair } from "../../lib/testing/connected_pair.ts";
import { counting } from "../_support/bytes.ts";
import { binary, text } from "../_support/raw_peer.ts";
import { soon } from "../_support/wait.ts";
import { LANES, open } from "./_support.ts";

/** Takes a message's memory away, as `postMessage(message, [message.buffer])` does, and gives what arrives. */
function transfer(message: Message): Message {
  if (typeof message === "string") return message;
  return structuredClone(message, { transfer: [message.buffer] });
}

for (const role of ["server", "client"] as const) {
  for (const { name, read } of LANES) {
    Deno.test(`messages may be transferred on arrival, and the connection goes on: ${name} of a ${role}`, async () => {
      const { connection, peer } = open({ role });
      const got: Message[] = [];
      const reading = read(connection, (message) => void got.push(transfer(message)));
      const sizes = [0, 1, 100, 5000, 20_000];
      for (let round = 0; round < 3; round++) {
        await peer.send(...sizes.map((size) => binary(counting(size, round))), text("text"));
        await reading.received(6 * (round + 1));
      }
      for (const size of [20, 20, 20]) {
        await peer.send(binary(counting(size)));
        await reading.received(got.length);
      }
      await reading.received(21);
      const round = (first: number) => [...sizes.map((size) => counting(size, first)), "text"];
      assertEquals(got, [...round(0), ...round(1), ...round(2), ...Array(3).fill(counting(20))]);
      assertEquals([connection.readyState, connection.bufferedAmount], [1, 0]);
      connection.abort();
      await reading.ended;
    });
  }
}

Deno.test("a message whose memory was transferred with another one's fails clearly, and is never sent empty", async () => {
  for (const name of ["callbacks", "for await", "readable"]) {
    const lane = LANES.find((lane) => lane.name === name)!;
    const { connection, peer } = open();
    const got: Message[] = [];
    const reading = lane.read(connection, (message) => void got.push(transfer(message)));
    await peer.send(...Array.from({ length: 100 }, (_, i) => binary(counting(20, i))));
    const { error } = await soon(connection.closed, "The end");
    assert(error instanceof TypeError, String(error));
    assertEquals(error.message.split(":")[0], "Cannot hand on a message");
    assertEquals(got, [counting(20)]);
    await reading.ended;
    peer.close();
  }
});

Deno.test("the last of many messages may be transferred: later reads do not use its memory", async () => {
  await using server = serve({ port: 0, hostname: "127.0.0.1" }, async (socket) => {
    for await (const batch of socket.batches) for (const message of batch) void socket.send(message);
  });
  await using socket = await connect(server.url);
  let count = 0;
  for (let i = 0; i < 300; i++) void socket.send(counting(20, i));
  for await (const batch of socket.batches) {
    const last = batch.at(-1)!;
    assertEquals(batch, batch.map((_, i) => counting(20, count + i)));
    transfer(last);
    count += batch.length;
    if (count === 300) break;
  }
});

Deno.test("chunks of streamed messages may be transferred", async () => {
  await using pair = await connectedPair();
  for (let i = 0; i < 20; i++) void pair.client.send(counting(20, i));
  void pair.client.send(counting(300_000));
  const sums: number[][] = [];
  for await (const { type, readable } of pair.server.messages()) {
    assert(type === "binary");
    const bytes: number[] = [];
    for await (const chunk of readable) for (const byte of transfer(chunk)) bytes.push(Number(byte));
    sums.push(bytes);
    if (sums.length === 21) break;
  }
  assertEquals(sums.slice(0, 20), Array.from({ length: 20 }, (_, i) => [...counting(20, i)]));
  assertEquals(Uint8Array.from(sums[20]!), counting(300_000));
});

Deno.test("messages that are not compressed may be transferred on a connection with compression", async () => {
  const options = { perMessageDeflate: true };
  for (const compress of [true, false]) {
    await using pair = await connectedPair({ server: options, client: options });
    for (let i = 0; i < 5; i++) void pair.client.send(counting(2000, i), { compress });
    const got: Message[] = [];
    for await (const message of pair.server) {
      got.push(transfer(message));
      if (got.length === 5) break;
    }
    assertEquals(got, Array.from({ length: 5 }, (_, i) => counting(2000, i)));
    void pair.client.send("it goes on");
    assertEquals((await pair.server[Symbol.asyncIterator]().next()).value, "it goes on");
  }
});
