/** Random traffic over connections that lend their payloads: what callbacks send on in time leaves as it came. */
import { assert, assertEquals } from "@std/assert";
import type { Role } from "../../lib/pipeline/frames/frame.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { Connection } from "../../lib/connection/connection.ts";
import { runHandler } from "../../lib/connection/readers/callbacks.ts";
import { inPool } from "../_support/buffer_pool.ts";
import { assertBytes, concat, counting } from "../_support/bytes.ts";
import { type FitfulConn, Fits, streamsOf } from "../_support/fitful.ts";
import { below, type Random, SEED, seeded } from "../_support/random.ts";
import { turn, until } from "../_support/wait.ts";
import { Drip, frame } from "./_drip.ts";
import { connectionOver, type OpenOptions } from "./_support.ts";
import { assertMessages, assertPongs, copyOf, randomTraffic, readWritten, type Traffic } from "./_traffic.ts";

const ROUNDS = 2;

/** A connection, and what was sent over it as it was then. */
interface End {
  readonly name: string;
  readonly conn: FitfulConn;
  readonly role: Role;
  readonly connection: Connection;
  readonly sent: Message[];
}

function end(name: string, conn: FitfulConn, options: OpenOptions & { streams?: boolean }): End {
  const { role = "server", streams = false } = options;
  return { name, conn, role, connection: connectionOver(streams ? streamsOf(conn) : conn, options), sent: [] };
}

function send({ connection, sent }: End, message: Message): void {
  if (connection.readyState !== 1) return;
  sent.push(copyOf(message));
  void connection.send(message);
}

/** What a callback does with a message before it returns. */
function use(random: Random, message: Message, ends: readonly End[], own: End): void {
  for (let uses = below(random, 4); uses > 0; uses--) {
    const other = ends[below(random, ends.length)]!;
    switch (below(random, 6)) {
      case 0:
      case 1:
        send(own, message);
        break;
      case 2:
        send(other, message);
        break;
      case 3:
        for (const end of ends) send(end, message);
        break;
      case 4: {
        if (typeof message === "string") break;
        const from = below(random, message.length + 1);
        send(other, message.subarray(from, from + below(random, message.length - from + 1)));
        break;
      }
      case 5:
        send(own, copyOf(message));
    }
  }
}

for (const role of ["server", "client"] satisfies Role[]) {
  Deno.test(`payloads lent by a ${role} arrive unchanged when copied, echoed and sent to many, however slow the receivers`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const seed = SEED + round;
      const random = seeded(seed);
      const fits = new Fits(random);
      const what = `SEED=${seed}`;
      const sources: (End & { traffic: Traffic; kept: Message[] })[] = [];
      const sinks: End[] = [];
      const options = () => ({ highWaterMark: [1, 100, 5000, 65_536, 1e6][below(random, 5)]!, closeTimeout: 0 });
      for (let i = 0; i < 3; i++) {
        const sender = role === "server" ? "client" : "server";
        const large = [600_000, 300_000, 70_000][(i + round) % 3]!;
        const mostly = i === 1 ? "medium" : "small";
        const traffic = randomTraffic(random, { sender, count: 40, large, mostly });
        const rest = traffic.bytes.slice(0, below(random, 3) === 0 ? below(random, traffic.bytes.length >> 1) : 0);
        const conn = fits.conn({
          input: traffic.bytes.subarray(rest.length),
          slowness: 1 + below(random, 5),
          greedy: i > 0,
        });
        conn.end();
        const opened = end(`source ${i}`, conn, { ...options(), role, rest, lendPayloads: true, streams: i === 0 });
        sources.push({ ...opened, traffic, kept: [] });
      }
      for (let i = 0; i < 3; i++) {
        const conn = fits.conn({ slowness: 1 + below(random, 20) });
        const role = i < 2 ? "server" : "client";
        sinks.push(end(`sink ${i}`, conn, { ...options(), role, maxQueuedBytes: Infinity }));
      }
      const ends = [...sources, ...sinks];
      // One of those that are written to is gone in the middle, with all that it has queued.
      const cutAfter = below(random, 60);
      let count = 0;
      const done = sources.map((source) =>
        runHandler(source.connection, {
          open: () => below(random, 2) === 0 ? turn() : undefined,
          message(_, message) {
            if (count++ === cutAfter) sinks[0]!.connection.abort();
            source.kept.push(copyOf(message));
            use(random, message, ends, source);
            const pause = below(random, 12);
            if (pause === 0) return turn();
            if (pause < 3) return Promise.resolve();
          },
        }, (error) => {
          throw error;
        })
      );
      await fits.run(Promise.all(done));
      await fits.run(Promise.all(sinks.slice(1).map(({ connection }) => connection.drained())));
      for (const sink of sinks.slice(1)) {
        sink.conn.feed(readyToClose(sink.role));
        sink.conn.end();
      }
      await fits.run(Promise.all(sinks.map(({ connection }) => connection.closed)));

      for (const { traffic, kept, conn, connection } of sources) {
        assertEquals((await connection.closed).error, undefined, what);
        assertMessages(kept, traffic.messages, what);
        assertPongs(readWritten(conn.written, role).pongs, traffic.pings, what);
      }
      for (const { name, conn, role, sent } of ends) {
        const cutOff = name === "sink 0";
        const { messages } = readWritten(conn.written, role, { cutOff });
        assertMessages(messages, cutOff ? sent.slice(0, messages.length) : sent, `${what}, ${name}`);
      }
    }
  });
}

Deno.test("a lent payload that is sent right before close, fail or a throw leaves whole, whatever arrives meanwhile", async () => {
  for (const ending of ["close", "fail", "throw"]) {
    for (let round = 0; round < 4; round++) {
      const seed = SEED + round;
      const random = seeded(seed);
      const fits = new Fits(random);
      const traffic = randomTraffic(random, { sender: "client", count: 30, mostly: "medium" });
      const conn = fits.conn({ input: traffic.bytes, slowness: 30, greedy: true });
      conn.end();
      const highWaterMark = [1, 1e6][round % 2]!;
      const own = end("own", conn, { lendPayloads: true, highWaterMark, closeTimeout: 0 });
      const last = below(random, traffic.messages.length);
      let count = 0;
      const done = runHandler(own.connection, {
        message(_, message) {
          if (count > last) return;
          void own.connection.send(message); // also after the peer's close frame: it may have come behind
          if (count++ !== last) return;
          if (ending === "throw") throw new Error("the handler's own");
          if (ending === "fail") own.connection.fail(new Error("ours"));
          else void own.connection.close();
        },
      }, () => {});
      await fits.run(done);
      const what = `${ending}, SEED=${seed}`;
      const { messages, closed } = readWritten(conn.written, "server");
      assertMessages(messages, traffic.messages.slice(0, last + 1), what);
      assertEquals(closed, true, what);
    }
  }
});

/** The close frame of the peer. */
function readyToClose(role: Role): Uint8Array {
  return Uint8Array.of(0x88, ...role === "server" ? [0x80, 0, 0, 0, 0] : [0]);
}

Deno.test("messages that wait for open or for a slow callback are copies", async () => {
  const from = new Drip();
  const opened = Promise.withResolvers<void>();
  const seen: number[][] = [];
  const connection = connectionOver(from, { lendPayloads: true });
  const done = runHandler(connection, {
    open: () => opened.promise,
    message: (_, message) => void seen.push([...message as Uint8Array]),
  }, () => {});
  for (let i = 0; i < 3; i++) await from.bring(frame("server", counting(10, i)));
  opened.resolve();
  await until(() => seen.length === 3, "The messages");
  assertEquals(seen, [0, 1, 2].map((first) => [...counting(10, first)]));
  connection.abort();
  await done;
});

for (const lendPayloads of [false, true]) {
  Deno.test(`F17: frames after our close frame reach no callback, ${lendPayloads ? "lent" : "given"} or not`, async () => {
    const from = new Drip();
    const connection = connectionOver(from, { lendPayloads });
    let count = 0;
    const done = runHandler(connection, {
      message() {
        count++;
        void connection.close();
      },
    }, () => {});
    for (let i = 0; i < 3; i++) await from.bring(frame("server", counting(10)));
    assertEquals(count, 1);
    connection.abort();
    await done;
  });
}

Deno.test("lent memory is reused: buffers return to the pool once their bytes were written", async () => {
  const [from, to] = [new Drip(), new Drip()];
  const source = connectionOver(from, { lendPayloads: true });
  const sink = connectionOver(to);
  const memories = new Set<ArrayBuffer>();
  const done = runHandler(source, {
    message(_, message) {
      memories.add((message as Uint8Array<ArrayBuffer>).buffer);
      void sink.send(message as Uint8Array<ArrayBuffer>);
    },
  }, () => {});
  for (const size of [300_000, 20_000]) {
    while (from.offers.at(-1)! < 64 * 1024) await from.bring(concat(Array(64).fill(frame("server", counting(900)))));
    memories.clear();
    await from.bring(frame("server", counting(size)));
    await until(() => sink.bufferedAmount === 0, "The write");
    const [memory] = memories;
    assert(inPool(memory!), `${size} bytes`);
  }
  source.abort();
  sink.abort();
  await done;
});

for (const size of [100, 20_000]) {
  Deno.test(`a payload of ${size} bytes that is being written from the read buffer is not overwritten, whatever comes behind it`, async () => {
    for (const behind of [0, 4000, 5000]) {
      for (const sends of [1, 2]) {
        const [from, to] = [new Drip(), new Drip()];
        to.stuckFrom = size;
        const source = connectionOver(from, { lendPayloads: true });
        const sink = connectionOver(to, { highWaterMark: 1 });
        const done = runHandler(source, {
          message(_, message) {
            if (message.length !== size) return;
            for (let i = 0; i < sends; i++) void sink.send(message as Uint8Array<ArrayBuffer>);
          },
        }, () => {});
        // Until a read has room for all of it.
        while (from.offers.at(-1)! < 64 * 1024) {
          await from.bring(concat(Array(64).fill(frame("server", counting(900)))));
        }
        const other = frame("server", counting(5000).fill(0xee));
        await from.bring(concat([frame("server", counting(size)), other.subarray(0, behind)]));
        await from.bring(other.subarray(behind));
        await from.bring(other);
        source.abort();
        sink.abort();
        await done;
        const written = to.writes.find((bytes) => bytes.length >= size);
        assertBytes(written!.subarray(-size), counting(size), `${behind} bytes behind it, sent ${sends} times`);
      }
    }
  });
}
