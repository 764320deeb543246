import { assertEquals, assertRejects } from "@std/assert";
import { once } from "node:events";
import * as stream from "node:stream";
import { duplexOf } from "../../lib/transport/node_connection.ts";
import { connPair } from "../_support/pair.ts";
import { soon } from "../_support/wait.ts";

Deno.test("a connection as a Node stream is read and written, and each half ends separately", async () => {
  const [conn, far] = connPair();
  const duplex = duplexOf(conn, stream);
  duplex.write(Uint8Array.of(1, 2, 3));
  duplex.end();
  const buffer = new Uint8Array(8);
  assertEquals(await soon(far.read(buffer), "What was written"), 3);
  assertEquals(buffer.subarray(0, 3), Uint8Array.of(1, 2, 3));
  assertEquals(await soon(far.read(buffer), "The end"), null);
  await far.write(Uint8Array.of(4));
  const [chunk] = await soon(once(duplex, "data"), "What was sent");
  assertEquals([...chunk], [4]);
  await far.closeWrite();
  await soon(once(duplex, "end"), "The end of the other half");
});

Deno.test("destroying a Node stream closes the connection at once", async () => {
  const [conn, far] = connPair();
  const duplex = duplexOf(conn, stream);
  duplex.destroy();
  await assertRejects(() => conn.read(new Uint8Array(1)));
  far.close();
});
