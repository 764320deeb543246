import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { ended, next, ourStatement } from "./_support.ts";

const SECTION = "what packages use of ws' internals";

ourStatement(SECTION, "_socket has the addresses of the connection", async (play) => {
  const { there } = await play.pair();
  const socket = there._socket;
  assert(socket !== undefined);
  assertStrictEquals(there._socket, socket);
  assertEquals([socket.remoteAddress, socket.remoteFamily], ["127.0.0.1", "IPv4"]);
  assert(Number(socket.remotePort) > 0);
  assertEquals([socket.encrypted, socket.destroyed, socket.writable, socket.writableLength], [false, false, true, 0]);
  assertStrictEquals(socket.setNoDelay().setKeepAlive().setTimeout(), socket);
});

ourStatement(SECTION, "_socket emits drain when the queue has been written, and close at the end", async (play) => {
  const { there, here } = await play.pair();
  const socket = there._socket;
  assert(socket !== undefined);
  const drained = next(socket, "drain");
  there.send(new Uint8Array(4 * 1024 * 1024));
  await drained;
  const closed = next(socket, "close");
  await ended(here);
  await closed;
  assertEquals([socket.destroyed, socket.writable], [true, false]);
});

ourStatement(SECTION, "_socket.destroy ends the connection", async (play) => {
  const { there, here } = await play.pair();
  const closed = next(here, "close");
  there._socket?.destroy();
  assertEquals((await closed)[0], 1006);
});
