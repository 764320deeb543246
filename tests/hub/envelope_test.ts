import { assert, assertEquals } from "@std/assert";
import { decodeEnvelope, encodeEnvelope, ENVELOPE_BYTES, MAX_TOPIC_BYTES } from "../../lib/hub/envelope.ts";

const SENDER = "000102030405060708090a0b0c0d0e0f";

/** A text message on the topic `é`, byte by byte. */
const TEXT = "01" + "01" + "0002" + SENDER + "0000000100000002" + "c3a9" + "68c3a9";
const envelope = { sender: SENDER, sequence: 2 ** 32 + 2, topic: "é", data: "hé" };

Deno.test("an envelope is format, opcode, topic length, sender, sequence number, topic and data", () => {
  assertEquals(encodeEnvelope(envelope)?.toHex(), TEXT);
  const binary = encodeEnvelope({ ...envelope, topic: "", data: new Uint8Array([0xff, 0]) });
  assertEquals(binary?.toHex(), "01" + "02" + "0000" + SENDER + "0000000100000002" + "ff00");
  assertEquals(encodeEnvelope({ ...envelope, topic: "", data: "" })?.byteLength, ENVELOPE_BYTES);
});

Deno.test("an encoded envelope is decoded: any topic, text and binary data, a byte order mark, numbers up to 2^53 - 1", () => {
  for (const topic of ["", "a", "__proto__", "a b.c/*>?[x]", "\ufeffé漢🙂\0", "x".repeat(MAX_TOPIC_BYTES)]) {
    for (const data of ["", "\ufeffhé\0", new Uint8Array(), new Uint8Array([0, 255, 128])]) {
      for (const sequence of [0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
        const original = { sender: SENDER, sequence, topic, data };
        assertEquals(decodeEnvelope(encodeEnvelope(original)!), original);
      }
    }
  }
});

Deno.test("decoded bytes are a copy, wherever the envelope is in its buffer", () => {
  const bytes = encodeEnvelope({ ...envelope, data: new Uint8Array([1, 2, 3]) })!;
  const buffer = new Uint8Array(bytes.byteLength + 10);
  buffer.set(bytes, 7);
  const decoded = decodeEnvelope(buffer.subarray(7, 7 + bytes.byteLength));
  buffer.fill(0);
  assertEquals(decoded?.data, new Uint8Array([1, 2, 3]));
  assert(decoded?.data instanceof Uint8Array && decoded.data.buffer.byteLength === 3);
});

Deno.test("a topic that others would decode differently is not encoded: too long, or with lone surrogates", () => {
  assertEquals(encodeEnvelope({ ...envelope, topic: "x".repeat(MAX_TOPIC_BYTES + 1) }), undefined);
  assertEquals(encodeEnvelope({ ...envelope, topic: "é".repeat(MAX_TOPIC_BYTES / 2 + 1) }), undefined);
  assertEquals(encodeEnvelope({ ...envelope, topic: "\ud800" }), undefined);
});

Deno.test("A10: decoding invalid data returns undefined and never throws", () => {
  for (
    const [what, hex] of [
      ["nothing", ""],
      ["too short", TEXT.slice(0, 54)],
      ["another format", "02" + TEXT.slice(2)],
      ["opcode 0", "0100" + TEXT.slice(4)],
      ["opcode 8", "0108" + TEXT.slice(4)],
      ["a topic longer than the envelope", "01010006" + TEXT.slice(8)],
      ["a topic that is too long", "01020401" + TEXT.slice(8) + "20".repeat(2_000)],
      ["a number above 2^53 - 1", "01010002" + SENDER + "0020000000000000" + "c3a968"],
      ["a topic that is not UTF-8", TEXT.replace("c3a9", "c328")],
      ["text that is not UTF-8", TEXT + "ff"],
    ] as const
  ) assertEquals(decodeEnvelope(Uint8Array.fromHex(hex)), undefined, what);
});

Deno.test("A10: random bytes and truncated envelopes decode to something or to undefined, and never throw", () => {
  const bytes = Uint8Array.fromHex(TEXT);
  for (let end = 0; end <= bytes.byteLength; end++) decodeEnvelope(bytes.subarray(0, end));
  for (let round = 0; round < 2_000; round++) {
    const random = crypto.getRandomValues(new Uint8Array(round % 64));
    random.set([1, 1 + round % 2].slice(0, random.length));
    decodeEnvelope(random);
  }
});
