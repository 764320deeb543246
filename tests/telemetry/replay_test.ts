import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { ConnectionError, LimitError, WebSocketError } from "../../lib/errors.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { serve } from "../../lib/server/serve.ts";
import { replay, type ReplayEvent, type ReplayOptions } from "../../lib/telemetry/replay.ts";
import { counting } from "../_support/bytes.ts";
import { splitAtRandom } from "../_support/feed.ts";
import { wire } from "../_support/frames.ts";
import { seeded } from "../_support/random.ts";
import { binary, close, RawPeer, text } from "../_support/raw_peer.ts";
import { flip } from "../_support/toy_extensions.ts";
import { soon } from "../_support/wait.ts";

/** Records what a server of ours reads of a client that `play` plays; with what its handler got. */
async function record(
  play: (peer: RawPeer) => Promise<void>,
  options: Parameters<typeof serve>[0] = {},
  changes: Record<string, string | undefined> = {},
): Promise<{ lines: string[]; messages: Message[]; error: unknown }> {
  let recording: Promise<string[]> | undefined;
  const messages: Message[] = [];
  const ended = Promise.withResolvers<unknown>();
  await using server = serve({
    port: 0,
    hostname: "127.0.0.1",
    ...options,
    observer: {
      opened(socket) {
        recording = Array.fromAsync(socket.tap());
        return { closed: ({ error }) => ended.resolve(error) };
      },
    },
  }, { message: (_, message) => void messages.push(message) });
  assert("port" in server.addr);
  using peer = await RawPeer.connect(server.addr.port, changes);
  await play(peer);
  await peer.readToEnd();
  peer.close();
  return { error: await soon(ended.promise, "The end"), lines: await recording ?? [], messages };
}

function replayed(lines: Iterable<string>, options?: ReplayOptions): { messages: Message[]; error: unknown } {
  const events: ReplayEvent[] = [...replay(lines, options)];
  return {
    messages: events.flatMap((event) => "message" in event ? [event.message] : []),
    error: events.flatMap((event) => "error" in event ? [event.error] : [])[0],
  };
}

Deno.test("replaying a recording gives the connection's messages, however they were cut", async () => {
  const { lines, messages, error } = await record(async (peer) => {
    const bytes = wire([text("héllo"), binary(counting(70_000)), text(""), close(1000)], "client", seeded());
    for (const chunk of splitAtRandom(bytes, seeded())) await peer.send(chunk);
  });
  assertEquals(error, undefined);
  assertEquals(messages.length, 3);
  assertEquals(replayed(lines), { messages, error: undefined });
  assertEquals(replayed(lines.map((line) => `${line}\n`)).messages, messages);
  assert([...replay(lines)].some((event) => "frame" in event && event.frame.opcode === 8));
  // The other way: what our peer must have read.
  const [answer] = [...replay(lines, { way: "out" })];
  assert(answer !== undefined && "frame" in answer);
  assertEquals([...answer.frame.payload], [3, 232]);
});

Deno.test("a peer's violation fails again, after the messages before it: rules, limits, text", async () => {
  for (
    const [bytes, options, name] of [
      ["c1 80 00000000", {}, "ProtocolError"], // a reserved bit without an owner
      ["81 05", {}, "ProtocolError"], // no mask
      ["81 82 00000000 c328", {}, "ProtocolError"], // no UTF-8
      ["82 fe 0100 00000000", { maxMessageBytes: 255 }, "LimitError"],
    ] as const
  ) {
    const { lines, messages, error } = await record(
      (peer) => peer.send(text("before"), bytes),
      options,
    );
    const again = replayed(lines);
    assert(error instanceof WebSocketError && again.error instanceof WebSocketError);
    assertEquals([messages, error.name], [["before"], name]);
    assertEquals([again.messages, again.error.name, again.error.message], [messages, name, error.message]);
  }
});

Deno.test("a recording can be replayed with other limits", async () => {
  const { lines, messages } = await record((peer) => peer.send(binary(counting(500)), close(1000)));
  assertEquals(messages.length, 1);
  const { error } = replayed(lines, { maxMessageBytes: 499 });
  assertInstanceOf(error, LimitError);
});

Deno.test("a connection that ended inside a frame ends in the same way", async () => {
  const { lines, error } = await record(async (peer) => {
    await peer.send("81 85 00000000 61");
    await peer.closeWrite();
  });
  assertInstanceOf(error, ConnectionError);
  const again = replayed(lines);
  assertInstanceOf(again.error, ConnectionError);
  assertEquals(again.error.message, error.message);
});

Deno.test("a compressed connection is replayed with its agreed parameters, for either role", async () => {
  const sent = [..."abc"].map((letter) => letter.repeat(5_000));
  for (
    const deflate of [{ clientContextTakeover: true, serverContextTakeover: true }, { clientMaxWindowBits: 9 }, {}]
  ) {
    const recordings: Promise<string[]>[] = [];
    const observer = {
      opened: (socket: WebSocketConnection) => void recordings.push(Array.fromAsync(socket.tap())),
    };
    await using server = serve({ port: 0, hostname: "127.0.0.1", perMessageDeflate: deflate, observer }, {
      message: (socket, data) => void socket.send(data),
    });
    const socket = await connect(server.url, { perMessageDeflate: true, observer });
    for (const message of sent) {
      await socket.send(message);
      await socket[Symbol.asyncIterator]().next();
    }
    await socket.close();
    const [one, other] = await Promise.all(recordings);
    for (const recording of [one!, other!]) {
      for (const way of ["in", "out"] as const) {
        assertEquals(replayed(recording, { way }), { messages: sent, error: undefined }, JSON.stringify(deflate));
      }
    }
  }
});

Deno.test("an error says why a recording cannot be replayed: missing lines, no bytes, no start, a missing extension", async () => {
  const { lines } = await record((peer) => peer.send(text("x"), close(1000)));
  const run = (changed: string[]) => () => [...replay(changed)];
  assertThrows(run(lines.toSpliced(1, 0, '{"ms":1,"lost":2}')), TypeError, "past line 2: 2 lines were lost");
  assertThrows(run(lines.slice(1)), TypeError, "Line 1 is not the start");
  assertThrows(run(lines.toSpliced(2, 0, "what?")), TypeError, "Line 3 is not part of a recording");
  assertThrows(run(lines.filter((line) => !line.includes('"bytes"'))), TypeError, "the bytes were not recorded");
  const named = JSON.stringify({ ...JSON.parse(lines[0]!), extensions: "x-letters" });
  assertThrows(run(lines.with(0, named)), Error, 'extension "x-letters" is not given');
  assertEquals([...replay([])], []);
});

Deno.test("custom extensions take part if they are given", async () => {
  let recording: Promise<string[]> | undefined;
  const observer = { opened: (socket: WebSocketConnection) => void (recording = Array.fromAsync(socket.tap())) };
  await using server = serve({ port: 0, hostname: "127.0.0.1", extensions: [flip()], observer }, {
    message: (socket, data) => void socket.send(data),
  });
  const socket = await connect(server.url, { extensions: [flip()] });
  await socket.send("flipped");
  await socket[Symbol.asyncIterator]().next();
  await socket.close();
  const lines = await recording ?? [];
  assertEquals(replayed(lines, { extensions: [flip()] }), { messages: ["flipped"], error: undefined });
  assertThrows(() => [...replay(lines)], Error, 'extension "x-flip" is not given');
});
