import { assertEquals, assertInstanceOf, assertLessOrEqual, assertRejects } from "@std/assert";
import { LimitError } from "../../../lib/errors.ts";
import { permessageDeflate } from "../../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { type Frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import { counting } from "../../_support/bytes.ts";
import { utf8 } from "../../_support/frames.ts";
import { PAYLOADS } from "../../_support/payloads.ts";
import { ping } from "../../_support/raw_peer.ts";
import { settle, until } from "../../_support/wait.ts";
import { end } from "../../extensions/_support.ts";
import { compressed, deflated, NO_TAKEOVER } from "../../extensions/permessage_deflate/_support.ts";
import { next, part, readerOfNext } from "../_streamed.ts";
import { closed, open } from "../_support.ts";

const { TEXT, BINARY, CONTINUATION } = Opcode;

Deno.test("a message that is read while it arrives may be larger, slower and in more fragments than one in memory", async () => {
  const { connection, peer } = open({ maxMessageBytes: 10, maxFragments: 3, messageTimeout: 1 });
  connection.messages();
  await peer.send(part(BINARY, counting(100)));
  const { chunk } = await readerOfNext(connection);
  await chunk();
  await settle();
  await peer.send(...Array.from({ length: 9 }, () => part(CONTINUATION, counting(100))));
  for (let length = 0; length < 900;) length += (await chunk())!.length;
  assertEquals(connection.readyState, 1);
  connection.abort();
});

Deno.test("F9: maxStreamedMessageBytes is checked on the header: 1009 before any byte beyond it", async () => {
  const { connection, peer } = open({ role: "client", maxStreamedMessageBytes: 5 });
  connection.messages();
  await peer.send("02 05 01 02 03 04 05", "80 01");
  const { reader, chunk } = await readerOfNext(connection);
  assertEquals(await chunk(), counting(5, 1));
  assertEquals([...(await peer.readFrame()).payload.subarray(0, 2)], [1009 >> 8, 1009 & 255]);
  peer.close();
  const error = await assertRejects(() => reader.read(), LimitError);
  assertEquals(error.limit, "maxStreamedMessageBytes");
});

Deno.test("bytes from before messages() count against maxStreamedMessageBytes at once", async () => {
  const { connection, peer } = open({ role: "client", maxStreamedMessageBytes: 5 });
  await peer.send("02 06 01 02 03 04 05 06");
  await settle();
  connection.messages();
  assertEquals([...(await peer.readFrame()).payload.subarray(0, 2)], [1009 >> 8, 1009 & 255]);
  peer.close();
  assertInstanceOf((await closed(connection)).error, LimitError);
});

Deno.test("F8, F12: limits on empty fragments and on pings still apply", async () => {
  const floods: [string, Frame[]][] = [
    ["maxEmptyFragments", Array.from({ length: 4 }, (_, i) => part(i === 0 ? TEXT : CONTINUATION, utf8("")))],
    ["maxPingsPerSecond", Array.from({ length: 10 }, () => ping())],
  ];
  for (const [limit, frames] of floods) {
    const { connection, peer } = open({ maxEmptyFragments: 2, maxPingsPerSecond: 4 });
    connection.messages();
    await peer.send(...frames);
    await until(() => connection.readyState !== 1, "The failure");
    peer.close();
    const { error } = await closed(connection);
    assertInstanceOf(error, LimitError);
    assertEquals(error.limit, limit);
  }
});

for (const header of [NO_TAKEOVER, ""]) {
  Deno.test(`compressed messages come as they arrive; parameters: "${header}"`, async () => {
    const extension = permessageDeflate({ serverContextTakeover: header === "", clientContextTakeover: header === "" });
    const { socket, peer } = await end("server", `permessage-deflate${header === "" ? "" : `; ${header}`}`, {
      extensions: [extension],
      maxMessageBytes: 1000,
    });
    socket.messages();
    const content = PAYLOADS["English-like text"]!(64 * 1024).toString();
    const payload = deflated(utf8(content));
    for (let round = 0; round < 2; round++) {
      const cuts = [payload.subarray(0, 7_000), payload.subarray(7_000, 7_001), payload.subarray(7_001)];
      const [first, ...more] = compressed(cuts);
      await peer.send(first!);
      const { type, reader } = await readerOfNext(socket);
      assertEquals(type, "text");
      await peer.send(...more);
      let got = "";
      for (let step = await reader.read(); !step.done; step = await reader.read()) got += step.value;
      assertEquals(got, content);
    }
    socket.abort();
  });
}

Deno.test("D1: inflating produces no more than one step, however little of it is read", async () => {
  const { socket, peer } = await end("server", `permessage-deflate; ${NO_TAKEOVER}`, {
    extensions: [permessageDeflate({ maxRatio: Infinity })],
  });
  socket.messages();
  const bomb = deflated(new Uint8Array(64 * 1024 * 1024));
  const sending = peer.send(...compressed([bomb], BINARY));
  sending.catch(() => {}); // the peer is stopped
  const { readable } = await next(socket);
  await settle();
  const { bytesIn = 0 } = socket.extensionProcessors[0]?.stats ?? {};
  assertLessOrEqual(bytesIn, 2 * 16 * 1024 * 1032);
  let length = 0;
  for await (const chunk of readable) length += chunk.length;
  assertEquals(length, 64 * 1024 * 1024);
  await sending;
  socket.abort();
});

Deno.test("D1: maxRatio still protects against bombs", async () => {
  const { socket, peer } = await end("server", `permessage-deflate; ${NO_TAKEOVER}`, {
    extensions: [permessageDeflate()],
  });
  socket.messages();
  const reading = (async () => {
    for await (const _ of (await next(socket)).readable);
  })();
  reading.catch(() => {}); // it is awaited below
  const sending = peer.send(...compressed([deflated(new Uint8Array(8 * 1024 * 1024))], BINARY));
  assertEquals([...(await peer.readFrame()).payload.subarray(0, 2)], [1009 >> 8, 1009 & 255]);
  await sending;
  peer.close();
  const error = await assertRejects(() => reading, LimitError);
  assertEquals(error.limit, "maxRatio");
});
