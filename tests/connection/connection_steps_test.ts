import { assertEquals, assertInstanceOf, assertLessOrEqual } from "@std/assert";
import { defer } from "../../lib/async.ts";
import { LimitError } from "../../lib/errors.ts";
import type { Extension } from "../../lib/extensions/extension.ts";
import { deflateFrame } from "../../lib/extensions/deflate_frame.ts";
import { permessageDeflate } from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import { type Frame, frame, Opcode, type Role, Rsv } from "../../lib/pipeline/frames/frame.ts";
import { deflated } from "../extensions/permessage_deflate/_support.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { codeOf } from "../../lib/testing/raw_frame.ts";
import { utf8 } from "../_support/frames.ts";
import { settle, until } from "../_support/wait.ts";
import { closed, inEveryLane, LANES, open, type Opened, type OpenOptions } from "./_support.ts";

// A step is bounded by what it produces, not by what it reads; and before it is known how messages are read, none is too large.

const MiB = 1024 * 1024;

/** 1 MiB, about 1 KiB on the wire. */
const SWOLLEN = frame(Opcode.BINARY, deflated(new Uint8Array(MiB)), { rsv: Rsv.RSV1 });

const TAKEOVER = permessageDeflate({ serverContextTakeover: true, clientContextTakeover: true });

/** A connection with an extension, that counts the messages it has taken in. */
function opened(extension: Extension, options: OpenOptions): Opened & { taken: () => number } {
  let taken = 0;
  const observer = { opened: () => ({ received: (messages: number) => void (taken += messages) }) };
  const offer = extension.offer()[0]!;
  const processor = options.role === "client" ? extension.confirm([]) : extension.accept(offer)!;
  return { ...open({ ...options, observer, extensionProcessors: [processor] }), taken: () => taken };
}

const EXTENSIONS = {
  "permessage-deflate": permessageDeflate(),
  "permessage-deflate with takeover": TAKEOVER,
  "deflate-frame": deflateFrame(),
};

for (const role of ["server", "client"] satisfies Role[]) {
  for (const [name, extension] of Object.entries(EXTENSIONS)) {
    inEveryLane(`a ${role} inflates no more than waits for a slow application, ${name}`, async (lane) => {
      const { connection, peer, taken } = opened(extension, { role });
      const gate = defer<void>();
      const reading = lane.read(connection, () => gate.promise);
      await peer.send(...Array.from({ length: 20 }, () => SWOLLEN));
      await reading.received(1);
      for (let i = 0; i < 20; i++) await settle();
      assertLessOrEqual(taken(), 4);
      gate.resolve();
      await reading.received(20);
      assertEquals(reading.messages.every(({ length }) => length === MiB), true);
      connection.abort();
      await reading.ended;
    });
  }

  inEveryLane(`a ${role} takes in empty messages by what they take in memory`, async (lane) => {
    const { connection, peer, taken } = opened(permessageDeflate(), { role });
    const gate = defer<void>();
    const reading = lane.read(connection, () => gate.promise);
    const hundred: Frame[] = Array.from({ length: 100 }, () => frame(Opcode.BINARY));
    const sent = (async () => {
      for (let i = 0; i < 100; i++) await peer.send(...hundred);
    })();
    await reading.received(1);
    for (let i = 0; i < 20; i++) await settle();
    assertLessOrEqual(taken(), 2_000, "64 KiB of them, and a step");
    gate.resolve();
    await sent;
    await reading.received(10_000);
    connection.abort();
    await reading.ended;
  });

  for (const wait of ["at once", "later"]) {
    for (const compressed of [false, true]) {
      const title = `a first message that is too large for memory can be read as a stream ${wait}`;
      Deno.test(`${title} (${role}, ${compressed ? "compressed" : "plain"})`, async () => {
        const options = { role, maxMessageBytes: 100_000 };
        const { connection, peer } = compressed ? opened(permessageDeflate(), options) : open(options);
        const sent = peer.send(compressed ? SWOLLEN : frame(Opcode.BINARY, new Uint8Array(MiB)));
        if (wait === "later") { for (let i = 0; i < 10; i++) await settle(); }
        let count = 0;
        for await (const { readable } of connection.messages()) {
          for await (const chunk of readable) count += chunk.length;
          break;
        }
        await sent;
        assertEquals(count, MiB);
        connection.abort();
      });

      Deno.test(
        `a first message that is too large for memory fails any other reader ${wait} (${role}, ${
          compressed ? "compressed" : "plain"
        })`,
        async () => {
          const options = { role, maxMessageBytes: 100_000 };
          const { connection, peer } = compressed ? opened(permessageDeflate(), options) : open(options);
          const sent = peer.send(compressed ? SWOLLEN : frame(Opcode.BINARY, new Uint8Array(MiB)));
          if (wait === "later") { for (let i = 0; i < 10; i++) await settle(); }
          const reading = LANES[0]!.read(connection);
          assertEquals(codeOf((await peer.readFrame()).payload), 1009);
          await sent;
          await peer.closeWrite();
          assertInstanceOf(await reading.ended, LimitError);
        },
      );
    }
  }
}

Deno.test("a message that is too large for memory fails a connection without a reader after 2 s", async () => {
  using time = new FakeTime();
  const { connection, peer } = open({ maxMessageBytes: 5 });
  await peer.send(frame(Opcode.TEXT, utf8("123456")));
  await settle();
  await time.advance(1_999);
  assertEquals(connection.readyState, 1);
  await time.advance(1);
  await until(() => connection.readyState !== 1, "The failure");
  await peer.closeWrite();
  const { error } = await closed(connection);
  assertInstanceOf(error, LimitError);
  assertEquals(error.limit, "maxMessageBytes");
});
