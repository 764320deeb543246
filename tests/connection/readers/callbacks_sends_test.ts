import { assertEquals } from "@std/assert";
import { createHub } from "../../../lib/hub/hub.ts";
import { frame, Opcode } from "../../../lib/pipeline/frames/frame.ts";
import { FrameSerializer } from "../../../lib/pipeline/frames/frame_serializer.ts";
import { runHandler, type WebSocketHandler } from "../../../lib/connection/readers/callbacks.ts";
import { concat, counting } from "../../_support/bytes.ts";
import { utf8 } from "../../_support/frames.ts";
import { binary, close, type RawPeer, text } from "../../_support/raw_peer.ts";
import { runStage } from "../../_support/stages.ts";
import { connectionOver, open, type Opened, type OpenOptions } from "../_support.ts";

function run(handler: WebSocketHandler, options?: OpenOptions): Opened {
  const opened = open(options);
  void runHandler(opened.connection, handler, (error) => {
    throw error;
  });
  return opened;
}

/** Ends a connection from the peer's side. */
async function leave(peer: RawPeer): Promise<void> {
  await peer.send(close(1000));
  await peer.closeWrite();
  await peer.readToEnd();
}

for (const lendPayloads of [false, true]) {
  const lane = lendPayloads ? ", with lendPayloads" : "";
  for (
    const [which, messages] of [["the only message", 1], ["the first of a batch", 3], [
      "the last of a batch",
      -3,
    ]] as const
  ) {
    Deno.test(`messages that an async callback sends before its first await leave at once: ${which}${lane}`, async () => {
      const { promise: answer, resolve: release } = Promise.withResolvers<void>();
      let calls = 0;
      const { peer } = run({
        async message(socket) {
          calls++;
          if (calls !== (messages === -3 ? 3 : 1)) return;
          void socket.send("working");
          void socket.ping("ping");
          void socket.send(counting(20_000));
          await answer;
          await socket.send("done");
        },
      }, { lendPayloads });
      const batch = Array.from({ length: Math.abs(messages) }, (_, index) => text(`job ${index}`));
      await peer.send(...batch);
      await peer.expect(text("working"), frame(Opcode.PING, utf8("ping")), binary(counting(20_000)));
      release();
      await peer.expect(text("done"));
      await leave(peer);
    });
  }

  Deno.test(`a pong and a published message leave at once while an async callback waits${lane}`, async () => {
    const { promise: answer, resolve: release } = Promise.withResolvers<void>();
    const hub = createHub();
    const { peer } = run({
      async message(socket) {
        socket.subscribe("topic");
        hub.publish("topic", "news");
        await answer;
      },
    }, { lendPayloads, hub });
    await peer.send(text("job"), frame(Opcode.PING, utf8("1")));
    await peer.expect(frame(Opcode.PONG, utf8("1")), text("news"));
    await peer.send(frame(Opcode.PING, utf8("2")));
    await peer.expect(frame(Opcode.PONG, utf8("2")));
    release();
    await leave(peer);
  });
}

Deno.test("messages that an async open sends before its first await leave at once", async () => {
  const { promise: answer, resolve: release } = Promise.withResolvers<void>();
  const { peer } = run({
    async open(socket) {
      void socket.send("welcome");
      await answer;
    },
  });
  await peer.expect(text("welcome"));
  release();
  await leave(peer);
});

Deno.test("a message from a source that an async callback sends leaves while the callback waits", async () => {
  const { promise: answer, resolve: release } = Promise.withResolvers<void>();
  const { peer } = run({
    async message(socket) {
      void socket.send(ReadableStream.from(["streamed"]));
      await answer;
    },
  });
  await peer.send(text("job"));
  await peer.expect(text("streamed"));
  release();
  await leave(peer);
});

Deno.test("replies of connections that are read in one turn leave together, 16 at a time", async () => {
  const steps: string[] = [];
  const reads: PromiseWithResolvers<void>[] = [];
  const ends: Promise<void>[] = [];
  const request = concat(runStage(new FrameSerializer({ role: "client" }), [[text("request")]]).output);
  for (let index = 0; index < 40; index++) {
    const read = Promise.withResolvers<void>();
    reads.push(read);
    let left = 1;
    const connection = connectionOver({
      async read(buffer) {
        await read.promise;
        if (left-- === 0) return null;
        buffer.set(request);
        return request.length;
      },
      write(bytes) {
        steps.push("write");
        return Promise.resolve(bytes.length);
      },
      close() {},
    });
    ends.push(runHandler(connection, {
      message(socket) {
        steps.push("message");
        void socket.send("reply");
      },
    }, (error) => {
      throw error;
    }));
  }
  for (const read of reads) read.resolve();
  await Promise.all(ends);
  const runs = (count: number) => [...Array(count).fill("message"), ...Array(count).fill("write")];
  assertEquals(steps.slice(0, 80), [...runs(16), ...runs(16), ...runs(8)]);
});
