import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { ConnectionError, LimitError, ProtocolError } from "../../lib/errors.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { encodeRawFrame, type RawFrame } from "../../lib/testing/raw_frame.ts";
import { type Pipeline, pipeline, type PipelineOptions } from "../../lib/transport/pipeline.ts";
import type { ByteConnection, BytePair } from "../../lib/transport/transport.ts";
import { concatBytes } from "../../lib/pipeline/bytes/concat.ts";
import { counting } from "../_support/bytes.ts";
import { splittings } from "../_support/feed.ts";
import { connPair, streamPair } from "../_support/pair.ts";
import { binary, close, ping, pong, RawPeer, text } from "../_support/raw_peer.ts";
import { settle, soon, until } from "../_support/wait.ts";

const KINDS = { "a connection": connPair, "a pair of streams": streamPair };
const OTHER = { server: "client", client: "server" } as const;

/** A pipeline, and the peer at the other end of its bytes. */
function opened(options: PipelineOptions) {
  const [near, far] = connPair();
  return { ...pipeline(near, options), peer: new RawPeer(far, OTHER[options.role]) };
}

/** The messages of a pipeline to its end. */
async function read({ readable }: Pick<Pipeline, "readable">): Promise<Message[]> {
  return (await Array.fromAsync(readable)).flat();
}

for (const role of ["server", "client"] as const) {
  Deno.test(`a pipeline of a ${role} echoes, answers a ping between messages and the final close, however the bytes are cut`, async () => {
    const frames: RawFrame[] = [
      text("Hel", { fin: false }),
      ping("1"),
      { ...text("lo"), opcode: 0 },
      binary(counting(300)),
      close(4000, "enough"),
    ];
    const bytes = concatBytes(frames.map((frame) => encodeRawFrame(frame, OTHER[role])));
    for (const { name, chunks } of splittings(bytes, 1)) {
      const { readable, writable, peer } = opened({ role });
      const echoing = readable.pipeTo(writable);
      const sending = (async () => {
        for (const chunk of chunks.filter(({ length }) => length > 0)) await peer.send(chunk);
      })();
      // A pong may leave before or behind a message of the same read.
      await peer.expect(pong("1"), text("Hello"), binary(counting(300)), close(4000));
      await sending;
      await peer.expectEnd();
      await peer.closeWrite();
      await soon(echoing, `The echo of bytes ${name}`);
    }
  });

  Deno.test(`a pipeline of a ${role} that closes its writable sends a close frame, and its readable ends with the answer`, async () => {
    const { readable, writable, peer } = opened({ role });
    const writer = writable.getWriter();
    const reading = read({ readable });
    await writer.write(["last", counting(3)]);
    await writer.close();
    await peer.expect(text("last"), binary(counting(3)), close());
    await peer.send(text("late"), ping("after our close frame no pong is sent"), close(1000));
    await peer.expectEnd();
    peer.close();
    assertEquals(await soon(reading, "The messages"), ["late"]);
  });
}

Deno.test("two pipelines exchange messages over each kind of bytes", async () => {
  for (const [kind, pair] of Object.entries(KINDS)) {
    const [near, far]: [ByteConnection | BytePair, ByteConnection | BytePair] = pair();
    const server = pipeline(near, { role: "server" });
    const client = pipeline(far, { role: "client", maxFrameBytes: 2 });
    const echoing = server.readable.pipeTo(server.writable);
    const writer = client.writable.getWriter();
    const reading = read(client);
    await writer.write(["Hello", counting(100_000)]);
    await writer.close();
    assertEquals(await soon(reading, `The messages over ${kind}`), ["Hello", counting(100_000)]);
    await soon(echoing, `The echo over ${kind}`);
  }
});

Deno.test("bytes right behind the handshake are read first", async () => {
  const { readable, writable, peer } = opened({ role: "client", rest: encodeRawFrame(text("first"), "server") });
  await peer.send(text("second"), close());
  assertEquals(await soon(read({ readable }), "The messages"), ["first", "second"]);
  await peer.expect(close());
  await peer.closeWrite();
  await writable.getWriter().closed.catch(() => {});
});

Deno.test("messages that came with a close frame can still be answered: the reply leaves when more is read", async () => {
  const { readable, writable, peer } = opened({ role: "server" });
  await peer.send(text("question"), close(1001));
  const writer = writable.getWriter();
  const reader = readable.getReader();
  assertEquals((await reader.read()).value, ["question"]);
  await settle();
  await writer.write(["answer"]);
  assertEquals((await reader.read()).done, true);
  await peer.expect(text("answer"), close(1001));
  await peer.expectEnd();
  peer.close();
  await assertRejects(() => writer.write(["late"]), TypeError);
});

Deno.test("a pipe with more streams between readable and writable ends cleanly", async () => {
  const { readable, writable, peer } = opened({ role: "server" });
  const through = () => new TransformStream<Message[], Message[]>();
  const piping = readable.pipeThrough(through()).pipeThrough(through()).pipeThrough(through()).pipeTo(writable);
  await peer.send(text("once"), close(1000));
  await peer.expect(text("once"), close(1000));
  await peer.closeWrite();
  await soon(piping, "The pipe");
});

Deno.test("nothing is read while the application reads nothing, and writes wait while the peer reads nothing", async () => {
  const [near, far] = connPair(1000);
  const { readable, writable } = pipeline(near, { role: "server" });
  const sent = encodeRawFrame(binary(counting(900)), "client");
  let taken = 0;
  const sending = (async () => {
    for (; taken < 20; taken++) {
      for (let at = 0; at < sent.length;) at += await far.write(sent.subarray(at));
    }
  })().catch(() => {});
  const writer = writable.getWriter();
  let written = 0;
  const writing = (async () => {
    for (; written < 20; written++) await writer.write([counting(1000)]);
  })().catch(() => {});
  await settle();
  assert(taken < 5, `${taken} messages of 900 bytes were taken, and the application has read none`);
  assert(written < 8, `${written} messages of 1000 bytes were written, and the peer has read none`);
  far.reset();
  await Promise.all([sending, writing]);
  await assertRejects(() => read({ readable }), ConnectionError);
});

Deno.test("a flood of pings whose pongs are never read costs two pongs, and the last ping is answered", async () => {
  const [near, far] = connPair(200);
  const { readable, writable } = pipeline(near, { role: "server" });
  const peer = new RawPeer(far, "client");
  const reading = read({ readable });
  const writer = writable.getWriter();
  const writing = writer.write([counting(1000)]);
  await settle();
  for (let i = 0; i < 500; i++) await peer.send(ping(`${i}`));
  await settle();
  await peer.expect(binary(counting(1000)));
  await writing;
  const pongs = [await peer.readFrame()];
  const said = () => new TextDecoder().decode(pongs.at(-1)!.payload);
  while (said() !== "499") pongs.push(await peer.readFrame());
  assert(pongs.length <= 3, `${pongs.length} pongs`);
  await peer.send(close());
  await peer.expect(close());
  await peer.closeWrite();
  await soon(reading, "The end");
});

Deno.test("a peer that breaks a rule or a limit gets the error's close code, and the readable the earlier messages and the error", async () => {
  const faults = [
    { sent: text("unmasked", { masked: false }), error: ProtocolError, code: 1002 },
    { sent: binary(counting(1001)), error: LimitError, code: 1009 },
    { sent: text(Uint8Array.of(0xff)), error: ProtocolError, code: 1007 },
  ];
  for (const { sent, error, code } of faults) {
    const { readable, peer } = opened({ role: "server", maxMessageBytes: 1000 });
    const reader = readable.getReader();
    await peer.send(text("before"), sent);
    assertEquals((await reader.read()).value, ["before"]);
    const thrown = await assertRejects(() => reader.read());
    assert(thrown instanceof error);
    await peer.expectClose(code);
    await peer.expectEnd();
    peer.close();
  }
});

Deno.test("the end of the bytes without a close frame is an error, and so is a lost connection", async () => {
  for (const inside of [[], [text("half", { fin: false })]]) {
    const { readable, peer } = opened({ role: "server" });
    await peer.send(...inside);
    await peer.closeWrite();
    await assertRejects(() => soon(read({ readable }), "The end"), ConnectionError, "ended");
  }
  const [near, far] = connPair();
  const { readable, writable } = pipeline(near, { role: "server" });
  far.reset();
  const error = await assertRejects(() => soon(read({ readable }), "The end"), ConnectionError, "lost");
  assertInstanceOf(error.cause, Deno.errors.ConnectionReset);
  await assertRejects(() => writable.getWriter().closed);
});

Deno.test("cancelling the readable closes the connection, and aborting the writable drops it", async () => {
  const { readable, peer } = opened({ role: "server" });
  await readable.cancel();
  await peer.expect(close());
  await peer.closeWrite();
  const [near, far] = connPair();
  const dropped = pipeline(near, { role: "server" });
  const reading = read(dropped);
  await dropped.writable.abort(new Error("no more"));
  await assertRejects(() => soon(reading, "The end"), ConnectionError);
  await until(() => near.closes > 0, "The end of the connection");
  far.close();
});

Deno.test("pipeline checks its options", () => {
  const [near] = connPair();
  assertThrows(() => pipeline(near, { role: "server", maxFrameBytes: 0 }), RangeError, "maxFrameBytes");
  // @ts-expect-error: it does not exist
  assertThrows(() => pipeline(near, { role: "server", pingInterval: 1 }), TypeError, "pingInterval");
  // @ts-expect-error: it is required
  assertThrows(() => pipeline(near, {}), TypeError, "role");
});
