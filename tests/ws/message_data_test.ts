import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { isBinaryType, lengthOf, toBytes, toMessageData, toRawData, toText } from "../../lib/ws/message_data.ts";

Deno.test("a message is passed on without a copy, unless an ArrayBuffer must be its own", () => {
  const bytes = Uint8Array.of(1, 2, 3).subarray(1);
  const buffer = toRawData(bytes, "nodebuffer");
  assert(buffer instanceof Buffer);
  assertEquals([buffer.buffer === bytes.buffer, [...buffer]], [true, [2, 3]]);
  const own = toRawData(bytes, "arraybuffer");
  assert(own instanceof ArrayBuffer);
  assertEquals([...new Uint8Array(own)], [2, 3]);
  const whole = Uint8Array.of(4);
  assert(toRawData(whole, "arraybuffer") === whole.buffer);
  assertEquals(toRawData("text", "arraybuffer"), Buffer.from("text")); // text is a Buffer always
});

Deno.test("sent data becomes text or bytes, and its length is that on the wire", () => {
  assertEquals(toMessageData(5), "5");
  assertEquals(toMessageData(null), Buffer.alloc(0));
  assertEquals(toMessageData([1, 2]), Buffer.of(1, 2));
  assertEquals(toMessageData([Buffer.of(1), Buffer.of(2)]), Buffer.of(1, 2));
  assertEquals(["ö", Buffer.of(1), 12, undefined, new Blob(["abc"])].map(lengthOf), [2, 1, 2, 0, 3]);
});

Deno.test("bytes are converted to text and text to bytes", () => {
  assertEquals([toText("a"), toText(Buffer.from("ö"))], ["a", "ö"]);
  assertEquals(toBytes(new DataView(Uint8Array.of(1, 2, 3).buffer, 1)), Buffer.of(2, 3));
  assertEquals(toBytes(new Uint8Array(new SharedArrayBuffer(2))), Buffer.alloc(2));
  assertEquals(["nodebuffer", "blob", "toString", 1].map(isBinaryType), [true, true, false, false]);
});
