import { assertEquals, assertThrows } from "@std/assert";
import { ConnectionGroup } from "../../lib/server/connection_group.ts";
import { connect } from "../../mod.ts";
import { connPair } from "../_support/pair.ts";
import { requestText } from "../_support/raw_peer.ts";

Deno.test("a group takes connections of any kind in, and is done when all have ended", async () => {
  const group = new ConnectionGroup({}, { message: (socket, data) => void socket.send(data) });
  const [near, far] = connPair();
  const taken = group.take(near);
  const socket = await connect("ws://example.com/", { conn: far });
  await socket.send("hello");
  assertEquals((await socket[Symbol.asyncIterator]().next()).value, "hello");
  assertEquals(group.connections.size, 1);
  await socket.close();
  await taken;
  assertEquals(group.connections.size, 0);
  await group.stop({}, () => {});
});

Deno.test("what was read of a connection before it was taken in comes first", async () => {
  const seen: string[] = [];
  const group = new ConnectionGroup({ upgrade: ({ path }) => void seen.push(path) }, () => {});
  const [near, far] = connPair();
  const request = new TextEncoder().encode(requestText());
  const taken = group.take(near, request);
  await far.read(new Uint8Array(1024));
  far.close();
  await taken;
  assertEquals(seen, ["/chat"]);
  await group.stop({}, () => {});
});

Deno.test("stop throws at the call for a code that may not be sent, and then nothing has stopped", async () => {
  const group = new ConnectionGroup({}, () => {});
  assertThrows(() => group.stop({ code: 1005 }, () => {}), RangeError);
  assertEquals(group.stopping.aborted, false);
  await group.stop({}, () => {});
  assertEquals(group.stopping.aborted, true);
});
