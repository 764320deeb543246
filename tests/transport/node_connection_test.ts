import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { assertEquals, assertInstanceOf, assertLess, assertRejects } from "@std/assert";
import { ConnectionError } from "../../lib/errors.ts";
import { nodeConnection } from "../../lib/transport/node_connection.ts";
import { standstill } from "../_support/deadline.ts";
import { utf8 } from "../_support/frames.ts";
import { soon } from "../_support/wait.ts";
import { socketPair } from "../node/_support.ts";

const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A duplex in memory that ends by itself when its peer does, as the socket of a TLS server. */
const memorySocket = (): Duplex =>
  new Duplex({ allowHalfOpen: false, read() {}, write: (_chunk, _encoding, done) => done() });

Deno.test("a read returns the available bytes, at most as many as there is room for, and null at the end", async () => {
  await using pair = await socketPair();
  const conn = nodeConnection(pair.socket);
  await pair.peer.write(utf8("hello"));
  const buffer = new Uint8Array(3);
  assertEquals(await soon(conn.read(buffer), "A read"), 3);
  assertEquals(decode(buffer), "hel");
  assertEquals(await soon(conn.read(buffer), "A read"), 2);
  const waiting = conn.read(buffer);
  await pair.peer.closeWrite();
  assertEquals(await soon(waiting, "The end"), null);
  assertEquals(await soon(conn.read(buffer), "The end"), null, "again");
});

Deno.test("each side ends separately: writes after the peer's end arrive", async () => {
  await using pair = await socketPair();
  const conn = nodeConnection(pair.socket);
  await pair.peer.closeWrite();
  assertEquals(await soon(conn.read(new Uint8Array(1)), "The end"), null);
  assertEquals(await soon(conn.write(utf8("late")), "A write"), 4);
  await soon(conn.closeWrite!(), "The end of writing");
  assertEquals(decode(new Uint8Array(await new Response(pair.peer.readable).arrayBuffer())), "late");
});

Deno.test("a socket that would end its side with its peer's gets allowHalfOpen", async () => {
  const socket = memorySocket();
  const conn = nodeConnection(socket);
  socket.push(null);
  assertEquals(await soon(conn.read(new Uint8Array(1)), "The end"), null);
  assertEquals(await soon(conn.write(utf8("late")), "A write"), 4);
  conn.close();
});

Deno.test("a peer that does not read stops the writer", async () => {
  await using pair = await socketPair();
  const conn = nodeConnection(pair.socket);
  const chunk = new Uint8Array(1024 * 1024);
  let written = 0;
  const writing = (async () => {
    for (;;) written += await conn.write(chunk);
  })();
  const stopped = assertRejects(() => writing);
  const most = await standstill(() => written, { quiet: 200 });
  assertLess(most, 64 * chunk.length);
  conn.close();
  await soon(stopped, "The end of the write");
});

Deno.test("a slow reader stops the peer", async () => {
  await using pair = await socketPair();
  const conn = nodeConnection(pair.socket);
  assertEquals(conn.remoteAddr, pair.peer.localAddr);
  let written = 0;
  const writing = (async () => {
    const chunk = new Uint8Array(64 * 1024);
    for (;;) written += await pair.peer.write(chunk);
  })();
  const stopped = assertRejects(() => writing);
  const most = await standstill(() => written, { quiet: 200 });
  assertLess(most, 64 * 1024 * 1024);
  assertLess(pair.socket.readableLength, 256 * 1024);
  conn.close();
  await soon(stopped, "The end of the peer's write");
});

Deno.test("closing ends a read under way, and may be done twice", async () => {
  await using pair = await socketPair();
  const conn = nodeConnection(pair.socket);
  const reading = assertRejects(() => conn.read(new Uint8Array(1)), ConnectionError, "The socket was closed");
  conn.close();
  conn.close();
  await soon(reading, "The end of the read");
  await soon(assertRejects(() => conn.write(utf8("late"))), "The end of the write");
  await soon(conn.closeWrite!(), "The end of writing");
});

Deno.test("T2: an error is thrown to the reader, then or later, and nowhere else", async () => {
  const socket = memorySocket();
  const conn = nodeConnection(socket);
  socket.push(Buffer.from("ab"));
  assertEquals(await conn.read(new Uint8Array(1)), 1);
  socket.destroy(new Error("read ECONNRESET"));
  await new Promise((resolve) => socket.once("close", resolve));
  assertEquals(await conn.read(new Uint8Array(1)), 1, "what was there before");
  assertInstanceOf(await assertRejects(() => conn.read(new Uint8Array(1)), Error, "ECONNRESET"), Error);
});

Deno.test("addresses and encryption are the socket's; a duplex without them is a connection too", async () => {
  await using pair = await socketPair();
  const { remoteAddr, localAddr, secure } = nodeConnection(pair.socket);
  assertEquals({ remoteAddr, localAddr, secure }, {
    remoteAddr: pair.peer.localAddr,
    localAddr: pair.peer.remoteAddr,
    secure: false,
  });
  const plain = nodeConnection(memorySocket());
  assertEquals([plain.remoteAddr, plain.localAddr, plain.secure], [undefined, undefined, false]);
  assertEquals(nodeConnection(Object.assign(memorySocket(), { encrypted: true })).secure, true);
});

Deno.test("the server's timeout for requests does not end a connection, and Nagle's algorithm can be turned off", () => {
  const calls: unknown[] = [];
  const socket = Object.assign(memorySocket(), {
    setTimeout: (time: number) => calls.push(["setTimeout", time]),
    setNoDelay: (noDelay?: boolean) => calls.push(["setNoDelay", noDelay]),
  });
  nodeConnection(socket).setNoDelay?.(true);
  assertEquals(calls, [["setTimeout", 0], ["setNoDelay", true]]);
});
