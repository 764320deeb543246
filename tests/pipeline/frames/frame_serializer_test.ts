import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import { type Frame, frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import { FrameSerializer, type FrameSerializerOptions } from "../../../lib/pipeline/frames/frame_serializer.ts";
import { assertBytes, counting } from "../../_support/bytes.ts";
import { randomFrames, utf8 } from "../../_support/frames.ts";
import { naiveBytes, naiveFrames } from "../../_support/naive_frames.ts";
import { SEED, seeded } from "../../_support/random.ts";
import { FRAME_VECTORS } from "../../vectors/frames.ts";

/** The chunks of one batch. */
function serialize(frames: Frame[], options: FrameSerializerOptions): Uint8Array<ArrayBuffer>[] {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  new FrameSerializer(options).push(frames, chunks);
  return chunks;
}

function joined(chunks: Uint8Array[]): Uint8Array {
  return Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
}

for (const { name, sender, maskKey = 0, hex, frames } of FRAME_VECTORS) {
  Deno.test(`a serializer writes ${name}`, () => {
    assertBytes(joined(serialize(frames, { role: sender, maskKey: () => maskKey })), decodeHex(hex));
  });
}

Deno.test("a serializer writes random conversations like the naive writer", () => {
  const random = seeded();
  for (let round = 0; round < 20; round++) {
    const frames = randomFrames(random);
    const expected = Uint8Array.from(frames.flatMap((frame) => naiveBytes(frame)));
    assertBytes(joined(serialize(frames, { role: "server" })), expected, `SEED=${SEED}`);
  }
});

Deno.test("a batch becomes one chunk", () => {
  const frames = [frame(Opcode.PING), frame(Opcode.TEXT, utf8("a")), frame(Opcode.BINARY, counting(65_535))];
  assertStrictEquals(serialize(frames, { role: "server" }).length, 1);
  assertStrictEquals(serialize([...frames, ...frames], { role: "client" }).length, 1);
});

Deno.test("an empty batch becomes no chunk", () => {
  assertEquals(serialize([], { role: "server" }), []);
  assertEquals(serialize([], { role: "client" }), []);
});

Deno.test("a server's payload of 64 KiB and more is its own chunk and is not copied", () => {
  const large = counting(65_536);
  const frames = [frame(Opcode.PING), frame(Opcode.BINARY, large), frame(Opcode.PONG), frame(Opcode.BINARY, large)];
  const chunks = serialize(frames, { role: "server" });
  assertEquals(chunks.map((chunk) => chunk.length), [12, 65_536, 12, 65_536]);
  assertStrictEquals(chunks[1], large);
  assertStrictEquals(chunks[3], large);
  assertEquals(chunks.filter((_, i) => i % 2 === 0).map((chunk) => encodeHex(chunk)), [
    "8900827f0000000000010000",
    "8a00827f0000000000010000",
  ]);
  assertEquals(
    serialize([frame(Opcode.BINARY, large), frame(Opcode.PING)], { role: "server" }).at(-1),
    decodeHex("8900"),
  );
});

Deno.test("a client's payload is masked in a copy, whatever its size", () => {
  for (const length of [5, 65_536]) {
    const payload = counting(length);
    const chunks = serialize([frame(Opcode.BINARY, payload)], { role: "client" });
    assertStrictEquals(chunks.length, 1);
    assertBytes(payload, counting(length));
    assert(chunks[0]!.buffer !== payload.buffer);
  }
});

Deno.test("a client requests a fresh key for every frame, in order", () => {
  let key = 0;
  const chunks = serialize([frame(Opcode.PING), frame(Opcode.PONG), frame(Opcode.PING)], {
    role: "client",
    maskKey: () => ++key,
  });
  assertStrictEquals(encodeHex(joined(chunks)), "898000000001" + "8a8000000002" + "898000000003");
});

Deno.test("a client's keys are random by default", () => {
  const ping = frame(Opcode.PING, utf8("Hello"));
  const [first, second] = [serialize([ping], { role: "client" }), serialize([ping], { role: "client" })].map(joined);
  assertNotEquals(encodeHex(first!), encodeHex(second!)); // the same once in 2^32 runs
  assertBytes(naiveFrames(first!, "server").frames[0]!.payload, utf8("Hello"));
});

Deno.test("a server needs no key", () => {
  const fail = () => {
    throw new Error("A server asked for a masking key");
  };
  assertBytes(serialize([frame(Opcode.PING)], { role: "server", maskKey: fail })[0]!, decodeHex("8900"));
});
