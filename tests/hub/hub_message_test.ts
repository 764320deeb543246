import { assertEquals, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import type { SharedSending } from "../../lib/connection/driven_connection.ts";
import { MESSAGE_COST } from "../../lib/pipeline/messages/message.ts";
import { message } from "./_support.ts";

Deno.test("A7: a message is encoded once for each encoding, and all connections with that encoding get the same bytes", () => {
  const encoded: string[] = [];
  const sending = (encoding: string): SharedSending => ({
    encoding,
    encode() {
      encoded.push(encoding);
      return new Uint8Array(1);
    },
    sendEncoded() {},
  });
  const hello = message(1, "room", "hello");
  const [plain, deflate, other] = ["", "deflate", "other"].map((encoding) => hello.encodedFor(sending(encoding)));
  for (let round = 0; round < 2; round++) {
    assertStrictEquals(hello.encodedFor(sending("")), plain);
    assertStrictEquals(hello.encodedFor(sending("deflate")), deflate);
    assertStrictEquals(hello.encodedFor(sending("other")), other);
  }
  assertNotStrictEquals(plain, deflate);
  assertEquals(encoded, ["", "deflate", "other"]);
});

Deno.test("a message counts its bytes in UTF-8 plus the cost of an empty message", () => {
  assertEquals(message(1, "room", "").size, MESSAGE_COST);
  assertEquals(message(1, "room", "é€").size, MESSAGE_COST + 5);
  assertEquals(message(1, "room", new Uint8Array(7)).size, MESSAGE_COST + 7);
});
