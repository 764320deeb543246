import { assertEquals, assertInstanceOf, assertNotStrictEquals, assertStrictEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { joinFrames, Sender } from "../../lib/ws/frame_sender.ts";
import { ended, next, ours, ourStatement, theirs } from "./_support.ts";

const SECTION = "what packages use of ws' internals";

Deno.test("Sender.frame encodes the same bytes as that of ws", () => {
  for (const data of ["hello", "", Buffer.from("bytes"), new Uint8Array(126), new Uint8Array(70_000)]) {
    for (const options of [{ opcode: 1, fin: true }, { opcode: 2 }, { opcode: 0, fin: true, rsv1: true }]) {
      const [ours, expected] = [Sender, theirs.Sender].map((sender) => {
        return Buffer.concat(
          sender.frame(Buffer.from(data), { readOnly: false, mask: false, rsv1: false, ...options }),
        );
      });
      assertEquals(ours, expected);
    }
  }
});

Deno.test("Sender.frame masks on request, and does not change the data", () => {
  const data = Buffer.from("hello");
  const [bytes] = Sender.frame(data, { opcode: 1, fin: true, mask: true });
  assertEquals([bytes![0], bytes![1], bytes!.length], [0x81, 0x85, 11]);
  const key = bytes!.subarray(2, 6);
  assertEquals(Buffer.from(bytes!.subarray(6).map((byte, at) => byte ^ key[at % 4]!)).toString(), "hello");
  assertEquals(data.toString(), "hello");
});

Deno.test("a list of frames is joined once in a call stack, and anew later", async () => {
  const list = [Buffer.from("a"), Buffer.from("b")];
  const joined = joinFrames(list);
  assertEquals(Buffer.from(joined).toString(), "ab");
  assertStrictEquals(joinFrames(list), joined);
  assertNotStrictEquals(joinFrames([...list]), joined);
  await Promise.resolve();
  list[0]!.write("c");
  assertEquals(Buffer.from(joinFrames(list)).toString(), "cb");
});

ourStatement(
  SECTION,
  "_sender.sendFrame sends encoded frames in their place among messages and blobs",
  async (play) => {
    const { there, here } = await play.pair();
    const seen: [string, boolean][] = [];
    const all = new Promise<void>((done) =>
      here.on("message", (data, isBinary) => {
        seen.push([String(data), isBinary]);
        if (seen.length === 7) done();
      })
    );
    const frame = (text: string, opcode = 1) => Sender.frame(text, { opcode, fin: true });
    there.send("one");
    const called = new Promise<unknown>((done) => there._sender?.sendFrame(frame("two"), done));
    there.send(Buffer.from("three"));
    there._sender?.sendFrame(theirs.Sender.frame(Buffer.from("four"), { opcode: 2, fin: true, mask: false }));
    there.send(new Blob(["five"]));
    there._sender?.sendFrame([...frame("six"), ...frame("seven")]);
    await all;
    assertEquals(await called, undefined);
    assertEquals(seen.map(([text]) => text), ["one", "two", "three", "four", "five", "six", "seven"]);
  },
);

ourStatement(SECTION, "_sender.sendFrame passes an error to its callback after the end", async (play) => {
  const { there, here } = await play.pair();
  const sender = there._sender;
  const closed = next(there, "close");
  await ended(here);
  await closed;
  const error = await new Promise((done) => sender?.sendFrame(Sender.frame("late", { opcode: 1, fin: true }), done));
  assertInstanceOf(error, Error);
  assertEquals(error.message, "WebSocket is not open: readyState 3 (CLOSED)");
});

ourStatement(SECTION, "a peer that does not read frames of _sender.sendFrame is disconnected", async (play) => {
  const { there, here } = await play.pair({ server: { maxQueuedBytes: 1024 * 1024 } });
  here.pause();
  const failed = new Promise<Error>((failed) => there.on("error", failed));
  const closed = new Promise((closed) => there.on("close", closed));
  const list = Sender.frame(new Uint8Array(256 * 1024), { opcode: 2, fin: true });
  for (let i = 0; i < 200; i++) there._sender?.sendFrame(list);
  assertEquals([(await failed).name, await closed], ["RangeError", 1006]);
});

Deno.test("a client has no _sender and no _socket before it is open", async () => {
  await using play = ours();
  await play.serve();
  const socket = play.connect();
  assertEquals([socket._sender, socket._socket], [undefined, undefined]);
  await next(socket, "open");
  assertEquals([typeof socket._sender?.sendFrame, socket._socket?.remotePort], ["function", play.port]);
});
