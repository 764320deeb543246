import { assertEquals, assertInstanceOf, assertLessOrEqual, assertThrows } from "@std/assert";
import { ConnectionError, LimitError, ProtocolError } from "../../lib/errors.ts";
import { type ExtensionChain, openExtensions } from "../../lib/extensions/negotiation.ts";
import { DEFAULT_LIMITS, type Limits } from "../../lib/limits.ts";
import { type Frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { MessagePart } from "../../lib/pipeline/messages/message_splitter.ts";
import { Receiver } from "../../lib/connection/receiver.ts";
import { allocations } from "../_support/bytes.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { flip } from "../_support/toy_extensions.ts";

/** A receiver of a client, with what it was told. */
function receiver(limits: Partial<Limits> = {}, chain?: ExtensionChain) {
  const controls: Frame[] = [];
  const late: LimitError[] = [];
  const under = new Receiver({
    role: "client",
    limits: { ...DEFAULT_LIMITS, ...limits },
    chain,
    framing: undefined,
    lends: false,
    control: (frame) => void controls.push(frame),
    late: (error) => void late.push(error),
  });
  under.judge();
  let streamed = false;
  const receive = (bytes: Uint8Array<ArrayBuffer>) => {
    const messages: Message[] = [];
    const parts: MessagePart[] = [];
    const failure = under.receive(bytes, bytes.length, messages, streamed ? parts : undefined);
    return { messages, parts, failure };
  };
  const stream = () => {
    streamed = true;
    const parts: MessagePart[] = [];
    const failure = under.stream(parts);
    return { parts, failure };
  };
  return { under, receive, stream, controls, late };
}

const bytes = (...values: number[]) => Uint8Array.from(values);

Deno.test("a receiver gives the messages before what is wrong, and what is wrong", () => {
  const { receive, controls } = receiver();
  const { messages, failure } = receive(bytes(0x81, 1, 0x61, 0x89, 0, 0x81, 1, 0x62, 0x83, 0));
  assertEquals(messages, ["a", "b"]);
  assertEquals(controls.map(({ opcode }) => opcode), [Opcode.PING]);
  assertInstanceOf(failure, ProtocolError);
});

Deno.test("F12: pings are counted by the second", async () => {
  using time = new FakeTime();
  const { receive } = receiver({ maxPingsPerSecond: 2 });
  const pings = () => bytes(0x89, 0, 0x89, 0);
  assertEquals(receive(pings()).failure, undefined);
  await time.advance(1000);
  assertEquals(receive(pings()).failure, undefined);
  const { failure } = receive(bytes(0x89, 0));
  assertInstanceOf(failure, LimitError);
  assertEquals([failure.limit, failure.closeCode], ["maxPingsPerSecond", 1008]);
});

Deno.test("T7: a message that is not finished in time is late; the time in which nothing is read does not count", async () => {
  using time = new FakeTime();
  const { under, receive, late } = receiver({ messageTimeout: 1000 });
  receive(bytes(0x01, 1, 0x61));
  await time.advance(600);
  under.pause();
  await time.advance(5000);
  under.resume();
  await time.advance(300);
  assertEquals(late, []);
  await time.advance(1000);
  assertEquals(late.map(({ limit, closeCode }) => [limit, closeCode]), [["messageTimeout", 1008]]);
  under.stop();
});

Deno.test("a message that is finished in time is not late, and the next one has a time of its own", async () => {
  using time = new FakeTime();
  const { under, receive, late } = receiver({ messageTimeout: 1000 });
  receive(bytes(0x01, 1, 0x61));
  await time.advance(900);
  assertEquals(receive(bytes(0x80, 1, 0x62, 0x01, 1, 0x63)).messages, ["ab"]);
  await time.advance(900);
  assertEquals(late, []);
  under.stop();
});

Deno.test("from stream() on messages come in parts, with what came before as the first", () => {
  const { under, receive, stream } = receiver();
  assertEquals(receive(bytes(0x81, 1, 0x61, 0x01, 2, 0x62, 0xc3)).messages, ["a"]);
  assertEquals(stream().parts, [{ data: "b", first: true, last: false }]);
  const { messages, parts, failure } = receive(bytes(0x80, 2, 0xa9, 0x63, 0x82, 3, 1));
  assertEquals([messages, failure], [[], undefined]);
  assertEquals(parts, [{ data: "éc", first: false, last: true }, { data: bytes(1), first: true, last: false }]);
  assertThrows(() => under.end(), ConnectionError);
});

Deno.test("what came before stream() is judged by the limit of streamed messages", () => {
  const { receive, stream } = receiver({ maxStreamedMessageBytes: 2 });
  receive(bytes(0x02, 3, 1, 2, 3));
  const { parts, failure } = stream();
  assertEquals(parts, []);
  assertInstanceOf(failure, LimitError);
  assertEquals(failure.limit, "maxStreamedMessageBytes");
});

Deno.test("T7: a message that is streamed has all the time in the world", async () => {
  using time = new FakeTime();
  const { receive, stream, late } = receiver({ messageTimeout: 1000 });
  receive(bytes(0x01, 1, 0x61));
  stream();
  receive(bytes(0x00, 1, 0x61));
  await time.advance(5000);
  assertEquals(late, []);
});

Deno.test("T7: where an extension wants whole frames, the limits of what is held in memory stay, and each message has its time", async () => {
  using time = new FakeTime();
  const chain = openExtensions([flip().confirm([])], {
    role: "client",
    maxMessageBytes: 16,
    now: () => 0,
    send: () => {},
  });
  const { under, receive, stream, late } = receiver({ messageTimeout: 1000, maxMessageBytes: 16 }, chain);
  stream();
  receive(bytes(0x01, 1, 0x61));
  await time.advance(600);
  assertEquals(receive(bytes(0x80, 1, 0x62, 0x01, 1, 0x63)).parts.length, 2);
  await time.advance(600);
  assertEquals(late, []);
  await time.advance(600);
  assertEquals(late.map(({ limit }) => limit), ["messageTimeout"]);
  const { failure } = receive(bytes(0x80, 126, 0, 200));
  assertInstanceOf(failure, LimitError);
  assertEquals(failure.limit, "maxMessageBytes");
  under.stop();
});

Deno.test("a message costs memory in proportion to its bytes, however it is cut into fragments and into reads", () => {
  for (const [fragment, read] of [[64, 1_000], [20_000, 16_384], [100_000, 65_536]] as const) {
    const { receive } = receiver({ messageTimeout: 0 });
    const count = Math.ceil(2_000_000 / fragment);
    const frames: number[] = [];
    for (let i = 0; i < count; i++) {
      const first = (i === 0 ? 0x02 : 0) | (i === count - 1 ? 0x80 : 0);
      const length = fragment < 126
        ? [fragment]
        : fragment < 65_536
        ? [126, fragment >>> 8, fragment & 255]
        : [127, 0, 0, 0, 0, 0, fragment >>> 16, (fragment >>> 8) & 255, fragment & 255];
      frames.push(first, ...length);
      for (let j = 0; j < fragment; j++) frames.push(j & 255);
    }
    const wire = Uint8Array.from(frames);
    let size = 0;
    const sizes = allocations(() => {
      for (let at = 0; at < wire.length; at += read) {
        for (const message of receive(wire.subarray(at, at + read)).messages) size = message.length;
      }
    });
    assertEquals(size, count * fragment);
    const total = sizes.reduce((sum, bytes) => sum + bytes, 0);
    // Doubling allocates at most four times what there is in the end; a view counts with its length here, once for each part.
    assertLessOrEqual(total, 8 * wire.length, `fragments of ${fragment}, reads of ${read}`);
  }
});
