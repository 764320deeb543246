import { assert, assertEquals, assertThrows } from "@std/assert";
import { connect, serve } from "../../mod.ts";
import type { ExtensionParam } from "../../lib/handshake/extension_header.ts";
import { deflateFrame } from "../../lib/extensions/deflate_frame.ts";
import { createDeflater } from "../../lib/extensions/permessage_deflate/zlib.ts";
import { LimitError, ProtocolError } from "../../lib/errors.ts";
import { type Frame, frame, Opcode, Rsv } from "../../lib/pipeline/frames/frame.ts";
import { overlook, RETURNED_AT_ONCE } from "../_support/printed.ts";

overlook(RETURNED_AT_ONCE);

const TEXT = new TextEncoder().encode("sluice ".repeat(100));

const param = (name: string, value?: string): ExtensionParam => ({ name, value });

/** A codec of one end, as `accept` with these parameters makes it. */
function open(params: ExtensionParam[] = [], maxMessageBytes = 1_000_000, options = {}) {
  const processor = deflateFrame(options).accept(params);
  assert(processor);
  return processor.open({ role: "server", maxMessageBytes, split: false, now: () => 0, send: () => {} });
}

function encode(codec: ReturnType<typeof open>, ...frames: Frame[]): Frame[] {
  const output: Frame[] = [];
  codec.encode.push(frames, output);
  return output;
}

function decode(codec: ReturnType<typeof open>, ...frames: Frame[]): Frame[] {
  const output: Frame[] = [];
  codec.decode.push(frames, output);
  return output;
}

Deno.test("each frame of a message is deflated separately, marked by RSV1, and arrives unchanged", () => {
  const [ours, theirs] = [open(), open()];
  const message = [frame(Opcode.TEXT, TEXT, { fin: false }), frame(Opcode.CONTINUATION, TEXT)];
  const sent = encode(ours, ...message);
  assertEquals(sent.map(({ rsv, fin, opcode }) => ({ rsv, fin, opcode })), [
    { rsv: Rsv.RSV1, fin: false, opcode: Opcode.TEXT },
    { rsv: Rsv.RSV1, fin: true, opcode: Opcode.CONTINUATION },
  ]);
  assert(sent[1]!.payload.length < sent[0]!.payload.length, "the context goes on from one frame to the next");
  assertEquals(decode(theirs, ...sent), message);
  ours.release?.();
  theirs.release?.();
});

Deno.test("control frames, short frames, empty frames and frames that should not be compressed are sent unchanged", () => {
  const codec = open();
  const frames = [frame(Opcode.PING, TEXT.slice(0, 100)), frame(Opcode.TEXT, TEXT.slice(0, 10)), frame(Opcode.BINARY)];
  assertEquals(encode(codec, ...frames), frames);
  const plain = { ...frame(Opcode.TEXT, TEXT), compress: false };
  assertEquals(encode(codec, plain), [plain]);
  assertEquals(decode(codec, ...frames), frames);
  const forced = { ...frame(Opcode.TEXT, TEXT.slice(0, 10)), compress: true };
  assertEquals(encode(codec, forced)[0]!.rsv, Rsv.RSV1);
  codec.release?.();
});

Deno.test("the peer's no_context_takeover makes us reset the context after each frame", () => {
  const codec = open([param("no_context_takeover")]);
  const [one, two] = encode(codec, frame(Opcode.TEXT, TEXT), frame(Opcode.TEXT, TEXT));
  assertEquals(one, two);
  codec.release?.();
});

Deno.test("the peer's max_window_bits limits our window", () => {
  // Two equal halves, further apart than 2^9 bytes: only the wide window sees that.
  const half = crypto.getRandomValues(new Uint8Array(2_000));
  const payload = Uint8Array.of(...half, ...half);
  const [narrow] = encode(open([param("max_window_bits", "9")]), frame(Opcode.BINARY, payload));
  const [wide] = encode(open(), frame(Opcode.BINARY, payload));
  assert(
    narrow!.payload.length > 3_900 && wide!.payload.length < 2_200,
    `${narrow!.payload.length} ${wide!.payload.length}`,
  );
});

Deno.test("H19: unknown, repeated or malformed parameters decline the offer, and fail the response", () => {
  const extension = deflateFrame();
  for (
    const params of [
      [param("x")],
      [param("no_context_takeover", "1")],
      [param("no_context_takeover"), param("no_context_takeover")],
      [param("max_window_bits")],
      [param("max_window_bits", "7")],
      [param("max_window_bits", "16")],
      [param("max_window_bits", "09")],
    ]
  ) {
    assertEquals(extension.accept(params), undefined);
    assertThrows(() => extension.confirm(params), RangeError);
  }
  assertEquals(extension.offer(), [[]]);
  assertEquals(extension.confirm([]).params, []);
});

Deno.test("D1: a message whose frames inflate to more than maxMessageBytes together is 1009", () => {
  const codec = open([], 1000);
  const sent = encode(open(), frame(Opcode.TEXT, TEXT, { fin: false }), frame(Opcode.CONTINUATION, TEXT));
  decode(codec, sent[0]!);
  assertEquals(assertThrows(() => decode(codec, sent[1]!), LimitError).closeCode, 1009);
  codec.release?.();
});

Deno.test("D2: compressed data that is invalid is 1007", () => {
  const bad = frame(Opcode.TEXT, Uint8Array.of(0x07, 0xff), { rsv: Rsv.RSV1 });
  assertEquals(assertThrows(() => decode(open(), bad), ProtocolError).closeCode, 1007);
});

Deno.test("a frame may end with a final block (BFINAL), and a compressed frame of zero bytes is 1007: an empty payload has a byte", () => {
  const codec = open();
  for (const bytes of [[0x01], [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00, 0x00, 0xff, 0xff, 0x01]]) {
    const text = bytes.length === 1 ? "" : "Hello";
    const sent = frame(Opcode.TEXT, Uint8Array.from(bytes), { rsv: Rsv.RSV1 });
    assertEquals(decode(codec, sent), [frame(Opcode.TEXT, new TextEncoder().encode(text))]);
  }
  assertThrows(() => decode(open(), frame(Opcode.TEXT, undefined, { rsv: Rsv.RSV1 })), ProtocolError, "is empty");
});

Deno.test("a level that zlib does not support throws", () => {
  assertThrows(() => deflateFrame({ level: 10 }), RangeError);
});

for (const name of ["deflate-frame", "x-webkit-deflate-frame"] as const) {
  Deno.test(`${name} is agreed and used over a real connection, also for partial frames`, async () => {
    await using server = serve(
      { port: 0, hostname: "127.0.0.1", extensions: [deflateFrame({ name })] },
      (socket) => socket.readable.pipeTo(socket.writable),
    );
    const socket = await connect(server.url, { extensions: [deflateFrame({ name })] });
    assertEquals(socket.extensions, name);
    const replies = socket[Symbol.asyncIterator]();
    for (const message of ["short", "long ".repeat(50_000), crypto.getRandomValues(new Uint8Array(60_000))]) {
      await socket.send(message);
      assertEquals((await replies.next()).value, message);
    }
    await socket.close();
  });
}

Deno.test("deflate-frame is not used unless it is enabled", async () => {
  await using server = serve({ port: 0, hostname: "127.0.0.1", perMessageDeflate: true }, () => {});
  const socket = await connect(server.url, { extensions: [deflateFrame()] });
  assertEquals(socket.extensions, "");
  await socket.close();
});

Deno.test("a frame that zlib itself deflated is read", () => {
  const deflater = createDeflater({ windowBits: 15, level: 9, memLevel: 9 });
  const payload = deflater.deflate(TEXT)[0]!;
  const sent = frame(Opcode.TEXT, payload.subarray(0, -4), { rsv: Rsv.RSV1 });
  assertEquals(decode(open(), sent), [frame(Opcode.TEXT, TEXT)]);
  deflater.close();
});
