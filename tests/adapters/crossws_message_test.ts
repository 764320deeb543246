import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { CrosswsMessage } from "../../lib/adapters/crossws_message.ts";
import { peer } from "./_crossws_peer.ts";

Deno.test("a message converts itself to text, bytes, a blob and JSON, whatever its type", async () => {
  await using made = await peer();
  const from = made.peer;
  const read = new TextEncoder().encode(`before{"a":1}behind`);
  for (const data of [`{"a":1}`, read.subarray(6, 13)]) {
    const message = new CrosswsMessage(data, from);
    assertEquals([message.text(), String(message), `${message}`, message.json()], [
      `{"a":1}`,
      `{"a":1}`,
      `{"a":1}`,
      { a: 1 },
    ]);
    assertEquals(message.uint8Array(), read.slice(6, 13));
    assertEquals(message.arrayBuffer().byteLength, 7); // and not the whole read
    assertEquals(await message.blob().text(), `{"a":1}`);
    assertEquals([message.rawData, message.data, message.peer], [data, data, from]);
    assertEquals(message.id, message.id);
    assertNotEquals(message.id, new CrosswsMessage(data, from).id);
  }
  assertThrows(() => new CrosswsMessage("{", from).json(), SyntaxError);
});
