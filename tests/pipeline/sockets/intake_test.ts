import { assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { ConnectionError, ProtocolError } from "../../../lib/errors.ts";
import { openExtensions } from "../../../lib/extensions/negotiation.ts";
import { permessageDeflate } from "../../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { resolveLimits } from "../../../lib/limits.ts";
import { Intake } from "../../../lib/pipeline/sockets/intake.ts";
import { frame, Opcode, Rsv } from "../../../lib/pipeline/frames/frame.ts";
import { wire } from "../../_support/frames.ts";
import { seeded } from "../../_support/random.ts";
import { deflated } from "../../extensions/permessage_deflate/_support.ts";

/** An intake of a client. */
function intake(highWaterMark = 10, deflate = false): Intake {
  const limits = resolveLimits({ highWaterMark });
  const context = { role: "client", maxMessageBytes: limits.maxMessageBytes, now: () => 0, send: () => {} } as const;
  return new Intake({
    role: "client",
    limits,
    chain: deflate ? openExtensions([permessageDeflate().confirm([])], context) : undefined,
    framing: undefined,
    lends: false,
    control: () => {},
    late: () => {},
    rested: () => {},
  });
}

/** Takes bytes in, and says what was wrong. */
const receive = (under: Intake, bytes: Uint8Array<ArrayBuffer>, wanted = true): unknown =>
  under.receive(bytes, bytes.length, { wanted });

const bytes = (...values: number[]) => Uint8Array.from(values);
/** A message of three bytes, five on the wire. */
const ABC = [0x81, 3, 0x61, 0x62, 0x63];

Deno.test("messages wait as the batches in which they came, counted in bytes of the wire", () => {
  const under = intake();
  assertEquals([under.idle, under.awaited, under.full], [true, false, false]);
  assertStrictEquals(receive(under, bytes(...ABC, 0x81)), undefined);
  assertEquals([under.idle, under.full], [false, false]);
  receive(under, bytes(...ABC.slice(1)));
  assertEquals(under.full, true);
  assertEquals([under.take(), under.take()], [["abc"], ["abc"]]);
});

Deno.test("what nobody wants any more does not wait, and what is wrong is told all the same", () => {
  const under = intake();
  assertInstanceOf(receive(under, bytes(...ABC, 0x83, 0), false), ProtocolError);
  assertEquals(under.idle, true);
});

Deno.test("from stream() on parts wait, the messages that waited each as one", () => {
  const under = intake();
  receive(under, bytes(...ABC, 0x81, 0));
  receive(under, bytes(0x02, 5, 1, 2));
  assertStrictEquals(under.stream(), undefined);
  assertStrictEquals(under.stream(), undefined);
  assertEquals(under.full, true, "7 bytes of messages and 4 of a part");
  assertEquals(under.takeParts(), [
    { data: "abc", first: true, last: true },
    { data: "", first: true, last: true },
  ]);
  assertEquals(under.takeParts(), [{ data: bytes(1, 2), first: true, last: false }]);
  assertThrows(() => under.receiver.end(), ConnectionError);
  under.end(undefined);
  assertStrictEquals(under.takeParts(), undefined);
});

Deno.test("parts that were inflated count as many bytes as they are", () => {
  const under = intake(1000, true);
  under.stream();
  const payload = deflated(new Uint8Array(1000));
  const sent = wire([frame(Opcode.BINARY, payload, { rsv: Rsv.RSV1 })], "server", seeded());
  receive(under, sent);
  assertEquals(sent.length < 100, true);
  assertEquals(under.full, true);
  const parts = under.takeParts();
  assertEquals(Array.isArray(parts) && parts.reduce((sum, { data }) => sum + data.length, 0), 1000);
  assertEquals(under.full, false);
  under.end(undefined);
});

Deno.test("whoever waits for room goes on when a batch was taken, parts or messages", async () => {
  for (const streamed of [false, true]) {
    const under = intake(1);
    receive(under, bytes(...ABC));
    const room = under.room();
    if (streamed) under.stream();
    if (streamed) under.takeParts();
    else under.take();
    await room;
  }
});
