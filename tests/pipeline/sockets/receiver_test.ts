import { assertEquals, assertInstanceOf } from "@std/assert";
import { LimitError, ProtocolError } from "../../../lib/errors.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../lib/limits.ts";
import { type Frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import type { Message } from "../../../lib/pipeline/messages/message.ts";
import { Receiver } from "../../../lib/pipeline/sockets/receiver.ts";
import { FakeTime } from "../../_support/fake_time.ts";

/** A receiver of a client, with what it was told. */
function receiver(limits: Partial<Limits> = {}) {
  const controls: Frame[] = [];
  const late: LimitError[] = [];
  const under = new Receiver({
    role: "client",
    limits: { ...DEFAULT_LIMITS, ...limits },
    chain: undefined,
    framing: undefined,
    lends: false,
    control: (frame) => void controls.push(frame),
    late: (error) => void late.push(error),
  });
  const receive = (bytes: Uint8Array<ArrayBuffer>) => {
    const messages: Message[] = [];
    const failure = under.receive(bytes, bytes.length, messages);
    return { messages, failure };
  };
  return { under, receive, controls, late };
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
