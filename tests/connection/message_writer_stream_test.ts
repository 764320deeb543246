import { assert, assertEquals, assertNotEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { MessageReaderStream } from "../../lib/connection/message_reader_stream.ts";
import { MessageWriterStream } from "../../lib/connection/message_writer_stream.ts";
import { openExtensions } from "../../lib/extensions/negotiation.ts";
import { permessageDeflate } from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import type { Role } from "../../lib/pipeline/frames/frame.ts";
import type { MessageData } from "../../lib/pipeline/messages/message.ts";
import { assertBytes, concat, counting } from "../_support/bytes.ts";
import { lines } from "../_support/frames.ts";
import { naiveBytes, naiveFrames } from "../_support/naive_frames.ts";
import { binary, close, ping, pong, text } from "../_support/raw_peer.ts";
import { runStream } from "../_support/stages.ts";

/** Messages on their way. */
const batchesOf = (...batches: MessageData[][]) => ReadableStream.from<readonly MessageData[]>(batches);

Deno.test("a MessageWriterStream writes each message as one frame, and a batch as one chunk", async () => {
  const batches: MessageData[][] = [["a", "", "é€"], [], [counting(300), new DataView(new ArrayBuffer(2))]];
  const frames = [[text("a"), text(""), text("é€")], [binary(counting(300)), binary(new Uint8Array(2))]];
  for (const [role, key] of [["server", undefined], ["client", [1, 2, 3, 4]]] as const) {
    const writer = new MessageWriterStream({ role, maskKey: () => 0x0102_0304 });
    const { output, error } = await runStream(batchesOf(...batches).pipeThrough(writer));
    assertStrictEquals(error, undefined);
    assertEquals(
      output.map((chunk) => encodeHex(chunk)),
      frames.map((batch) => encodeHex(Uint8Array.from(batch.flatMap((frame) => naiveBytes(frame, key))))),
    );
  }
});

Deno.test("a MessageWriterStream passes on a server's large payload uncopied and in order, and copies a client's", async () => {
  const large = counting(1000);
  for (const role of ["server", "client"] as const) {
    const writer = new MessageWriterStream({ role, highWaterMark: 1000 });
    const { output } = await runStream(batchesOf(["a", large, "b"]).pipeThrough(writer));
    assertEquals(output.some(({ buffer }) => buffer === large.buffer), role === "server");
    if (role === "server") assertEquals(output.map(({ length }) => length), [3 + 4, 1000, 3]);
    const { frames } = naiveFrames(concat(output), role === "server" ? "client" : "server");
    assertEquals(lines(frames), lines([text("a"), binary(counting(1000)), text("b")]));
    assertBytes(large, counting(1000));
  }
});

Deno.test("the chunks of a MessageWriterStream never change later", async () => {
  const batches = Array.from({ length: 100 }, (_, i) => [`${i} ${"x".repeat(i * 50)}`]);
  const { output } = await runStream(batchesOf(...batches).pipeThrough(new MessageWriterStream({ role: "server" })));
  assertEquals(output.length, 100);
  const { frames } = naiveFrames(concat(output), "client");
  assertEquals(lines(frames), lines(batches.map(([message]) => text(message!))));
});

Deno.test("a client's MessageWriterStream masks with fresh keys by default", async () => {
  const writer = new MessageWriterStream({ role: "client" });
  const { output } = await runStream(batchesOf(["Hello"], ["Hello"]).pipeThrough(writer));
  assertNotEquals(encodeHex(output[0]!), encodeHex(output[1]!)); // the same once in 2^32 runs
  for (const chunk of output) assertEquals(lines(naiveFrames(chunk, "server").frames), lines([text("Hello")]));
});

Deno.test("a MessageWriterStream sends control frames between two messages, and ends with a close frame", async () => {
  const writer = new MessageWriterStream({ role: "server" });
  const chunks = runStream(writer.readable);
  const sink = writer.writable.getWriter();
  await sink.write(["a"]);
  writer.control(pong("p"));
  await sink.write(["b"]);
  writer.control(ping());
  writer.control(close(1000));
  assertThrows(() => writer.control(pong("late")), TypeError);
  const { output, error } = await chunks;
  assertStrictEquals(error, undefined);
  const { frames } = naiveFrames(concat(output), "client");
  assertEquals(lines(frames), lines([text("a"), pong("p"), text("b"), ping(), close(1000)]));
  await sink.closed.catch(() => {});
});

Deno.test("an invalid message errors a MessageWriterStream, after the messages before it", async () => {
  const batches = Reflect.apply(batchesOf, undefined, [["a", 1, "b"]]);
  const { output, error } = await runStream<Uint8Array>(
    batches.pipeThrough(new MessageWriterStream({ role: "server" })),
  );
  assertEquals(output, [Uint8Array.of(0x81, 1, 0x61)]);
  assert(error instanceof TypeError);
});

Deno.test("a MessageReaderStream of the other end reads the output of a MessageWriterStream, with extensions too", async () => {
  const batches: MessageData[][] = [["a", counting(100)], [], ["é".repeat(70_000), counting(200_000)], [""]];
  const ends: [Role, Role][] = [["server", "client"], ["client", "server"]];
  for (const [role, other] of ends) {
    for (const compressed of [false, true]) {
      const open = (role: Role) =>
        openExtensions(compressed ? [permessageDeflate().confirm([])] : [], {
          role,
          maxMessageBytes: 2 ** 24,
          now: () => 0,
          send: () => {},
        });
      const [from, to] = [open(role), open(other)];
      const { output, error } = await runStream(
        batchesOf(...batches)
          .pipeThrough(new MessageWriterStream({ role, ...from && { extensions: from } }))
          .pipeThrough(new MessageReaderStream({ role: other, ...to && { extensions: to } })),
      );
      assertStrictEquals(error, undefined);
      assertEquals(output.flat(), batches.flat());
      for (const chain of [from, to]) chain?.release();
    }
  }
});

Deno.test("a MessageWriterStream checks its options", () => {
  const make = (options: unknown) => () => Reflect.construct(MessageWriterStream, [options]);
  assertThrows(make({}), TypeError, "role");
  assertThrows(make({ role: "server", maskKey: 1 }), TypeError, "maskKey");
  assertThrows(make({ role: "server", extensions: "x" }), TypeError, "extensions");
  assertThrows(make({ role: "server", highWaterMark: 0 }), RangeError, "highWaterMark");
});
