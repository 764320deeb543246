import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionError, ProtocolError } from "../../lib/errors.ts";
import { permessageDeflate } from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { frame as frameOf, Opcode, Rsv } from "../../lib/pipeline/frames/frame.ts";
import type { ByteConnection } from "../../lib/transport/transport.ts";
import { concat } from "../_support/bytes.ts";
import { wire } from "../_support/frames.ts";
import { seeded } from "../_support/random.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { deflated } from "../extensions/permessage_deflate/_support.ts";
import { Drip } from "./_drip.ts";
import { connectionOver } from "./_support.ts";

/** A connection whose reads bring these, one after the other, and then its end. */
function scripted(reads: readonly (Uint8Array | Error)[]): ByteConnection & { readonly asked: number } {
  let at = 0;
  return {
    get asked() {
      return at;
    },
    read(buffer) {
      const next = reads[at++];
      if (next instanceof Error) return Promise.reject(next);
      if (next === undefined) return Promise.resolve(null);
      buffer.set(next);
      return Promise.resolve(next.length);
    },
    write: (bytes) => Promise.resolve(bytes.length),
    close() {},
  };
}

/** A server's message of three bytes, five on the wire. */
const ABC = Uint8Array.of(0x81, 3, 0x61, 0x62, 0x63);

Deno.test("messages wait in the batches in which they came, counted in bytes of memory, empty ones included", async () => {
  const empty = Uint8Array.of(0x81, 0, 0x81, 0, 0x81, 0);
  const conn = scripted([concat([ABC, ABC.subarray(0, 1)]), ABC.subarray(1), empty, empty]);
  const connection = connectionOver(conn, { role: "client", highWaterMark: 200 });
  await until(() => conn.asked === 2, "Two reads");
  await settle();
  assertEquals(conn.asked, 2, "one message of three bytes is less than 200 bytes of memory, and two are more");
  assertEquals(connection.takeBatch(), ["abc"]);
  await until(() => conn.asked === 3, "The next read");
  await settle();
  assertEquals(conn.asked, 3, "three empty ones are more too");
  assertEquals([connection.takeBatch(), connection.takeBatch()], [["abc"], ["", "", ""]]);
  await until(() => conn.asked === 4, "The read after that");
  connection.abort();
});

Deno.test("data after our close frame does not wait, and violations in it still count", async () => {
  const conn = scripted([ABC, concat([ABC, Uint8Array.of(0x83, 0)])]);
  const connection = connectionOver(conn, { role: "client" });
  const closed = connection.close();
  const { error } = await soon(closed, "The end");
  assertInstanceOf(error, ProtocolError);
  assertStrictEquals(await assertRejects(async () => await connection.takeBatch()), error);
});

Deno.test("from streamMessages() on, parts wait, and each message that already waited counts as one part", async () => {
  const drip = new Drip();
  const connection = connectionOver(drip, { role: "client" });
  await drip.bring(concat([ABC, Uint8Array.of(0x81, 0)]));
  await drip.bring(Uint8Array.of(0x02, 5, 1, 2));
  const take = connection.streamMessages();
  connection.streamMessages();
  assertEquals(await take(), [
    { data: "abc", first: true, last: true },
    { data: "", first: true, last: true },
  ]);
  assertEquals(await take(), [{ data: Uint8Array.of(1, 2), first: true, last: false }]);
  connection.abort();
  await assertRejects(async () => await take(), ConnectionError);
});

Deno.test("inflated parts count as many bytes as they have", async () => {
  const message = frameOf(Opcode.BINARY, deflated(new Uint8Array(1000)), { rsv: Rsv.RSV1 });
  const sent = wire([message], "server", seeded());
  assert(sent.length < 100);
  const conn = scripted([sent, sent, sent]);
  const connection = connectionOver(conn, {
    role: "client",
    highWaterMark: 1000,
    extensionProcessors: [permessageDeflate().confirm([])],
  });
  const take = connection.streamMessages();
  for (const read of [1, 2]) {
    await until(() => conn.asked === read, "The read");
    await settle();
    assertEquals(conn.asked, read, "so much is full");
    const parts = await take();
    assertEquals(parts?.reduce((sum, { data }) => sum + data.length, 0), 1000);
  }
  connection.abort();
});

Deno.test("reading resumes when a batch was taken, of parts or of messages", async () => {
  for (const streamed of [false, true]) {
    const conn = scripted([ABC, ABC]);
    const connection = connectionOver(conn, { role: "client", highWaterMark: 1 });
    await until(() => conn.asked === 1, "The read");
    await settle();
    assertEquals(conn.asked, 1);
    if (streamed) await connection.streamMessages()();
    else connection.takeBatch();
    await until(() => conn.asked === 2, "The next read");
    connection.abort();
  }
});
