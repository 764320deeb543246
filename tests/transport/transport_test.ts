import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { type ByteConnection, type BytePair, inSteps, transportOf, writeAll } from "../../lib/transport/transport.ts";
import { assertBytes, counting } from "../_support/bytes.ts";
import { connPair, streamPair } from "../_support/pair.ts";
import { settle, soon, until } from "../_support/wait.ts";

/** The two things a transport is made of, with a way to look from the other end. */
const KINDS: Record<string, (capacity?: number) => [ByteConnection | BytePair, ByteConnection | BytePair]> = {
  "a connection": connPair,
  "a pair of streams": streamPair,
};

for (const [kind, pair] of Object.entries(KINDS)) {
  Deno.test(`over ${kind}, written bytes arrive in order, then the end`, async () => {
    const [near, far] = pair().map(transportOf);
    const write = async () => {
      for (const size of [1, 10_000, 3]) await writeAll(near!, counting(size));
      await near!.closeWrite();
    };
    const writing = write();
    const received: number[] = [];
    for (let bytes = await far!.read(); bytes !== null; bytes = await far!.read()) {
      assertNotEquals(bytes.length, 0, "an empty chunk says nothing");
      received.push(...bytes);
    }
    await soon(writing, "The writes");
    assertBytes(Uint8Array.from(received), Uint8Array.of(...counting(1), ...counting(10_000), ...counting(3)));
    near!.close();
    far!.close();
  });

  Deno.test(`over ${kind}, each side ends its writing separately`, async () => {
    const [near, far] = pair().map(transportOf);
    await Promise.all([near!.closeWrite(), far!.read().then((bytes) => assertEquals(bytes, null))]);
    await Promise.all([writeAll(far!, counting(3)), near!.read().then((bytes) => assertEquals(bytes, counting(3)))]);
    near!.close();
    far!.close();
  });

  Deno.test(`over ${kind}, a chunk that was read belongs to the reader, and a buffer that was written may be reused`, async () => {
    const [near, far] = pair().map(transportOf);
    const mine = counting(100);
    const [chunk] = await Promise.all([far!.read(), writeAll(near!, mine)]);
    mine.fill(0xff);
    assertBytes(chunk!, counting(100), "a batch's buffer is used again as soon as it is written");
    chunk!.fill(0);
    assertBytes(mine, new Uint8Array(100).fill(0xff), "a parser unmasks in place");
    near!.close();
    far!.close();
  });

  Deno.test(`over ${kind}, a write waits for a peer that does not read`, async () => {
    const [near, far] = pair(1000).map(transportOf);
    let written = 0;
    const write = async () => {
      for (; written < 10; written++) await writeAll(near!, counting(1000));
    };
    const writing = write();
    await settle();
    assert(written <= 2, `${written} writes of 1000 bytes into 1000 bytes of room`);
    for (let received = 0; received < 10_000;) received += (await far!.read())!.length;
    await soon(writing, "The writes");
    near!.close();
    far!.close();
  });

  Deno.test(`over ${kind}, close ends the pending reads and writes on both sides, and may be called again`, async () => {
    const [near, far] = pair(1000).map(transportOf);
    const ended = Promise.allSettled([
      near!.read(),
      writeAll(near!, counting(5000)),
      (async () => {
        while (await far!.read() !== null);
      })(),
    ]);
    near!.close();
    near!.close();
    const [reading, writing] = await soon(ended, "The end");
    assert(reading!.status === "rejected" || reading!.value === null);
    assertEquals(writing!.status, "rejected");
    await assertRejects(() => writeAll(near!, counting(1)));
    await assertRejects(async () => {
      for (;;) await writeAll(far!, counting(1));
    });
    far!.close();
  });
}

Deno.test("small writes are sent at once: Nagle's algorithm is disabled where it exists", () => {
  const [conn] = connPair();
  const asked: unknown[] = [];
  transportOf({ ...conn, setNoDelay: (noDelay) => void asked.push(noDelay) });
  assertEquals(asked, [true]);
});

Deno.test("a peer that disconnects before Nagle's algorithm is disabled is detected by the read, not by an exception", async () => {
  const [conn] = connPair();
  const setNoDelay = () => {
    throw new Error("Invalid argument (os error 22)");
  };
  const transport = transportOf({ ...conn, setNoDelay, read: () => Promise.reject(new Error("Connection reset")) });
  await assertRejects(() => transport.read(), Error, "Connection reset");
  transport.close();
});

Deno.test("close closes the connection once: a second time throws in Deno", () => {
  const [conn] = connPair();
  const transport = transportOf(conn);
  transport.close();
  transport.close();
  assertEquals(conn.closes, 1);
});

Deno.test("after close, closeWrite does nothing", async () => {
  const [conn] = connPair();
  let ends = 0;
  const transport = transportOf({ ...conn, closeWrite: () => Promise.resolve(void ends++) });
  transport.close();
  await transport.closeWrite();
  assertEquals(ends, 0);
});

Deno.test("a connection that cannot end one side is closed, because its peer waits for an end", async () => {
  const [{ read, write, close }, far] = connPair();
  await transportOf({ read, write, close }).closeWrite();
  assertEquals(await far.read(new Uint8Array(1)), null);
});

Deno.test("an empty write to a connection is one write", async () => {
  const [conn] = connPair();
  await writeAll(transportOf(conn), new Uint8Array(0));
  assertEquals(conn.writes.length, 1);
});

Deno.test("an empty chunk of a stream is skipped", async () => {
  const [near, far] = streamPair();
  const transport = transportOf(near);
  const writer = far.writable.getWriter();
  const writing = Promise.all([writer.write(new Uint8Array(0)), writer.write(counting(2)), writer.close()]);
  assertEquals(await transport.read(), counting(2));
  assertEquals(await transport.read(), null);
  await writing;
  transport.close();
});

Deno.test("a pair of streams whose other side fails passes the error to readers and writers, and nowhere else", async () => {
  const cause = new Error("cut");
  const failing: BytePair = {
    readable: new ReadableStream({ start: (controller) => controller.error(cause) }),
    writable: new WritableStream({ start: (controller) => controller.error(cause) }),
  };
  const transport = transportOf(failing);
  await assertRejects(() => transport.read(), Error, "cut");
  await assertRejects(() => writeAll(transport, counting(1)), Error, "cut");
  transport.close();
  await until(() => true, "A turn in which a rejection would show");
});

Deno.test("a transport in steps returns reads in pieces of a maximum size, and then the end", async () => {
  const [conn, far] = connPair();
  const near = inSteps(transportOf(conn), 4);
  assertEquals(near.direct, undefined);
  await far.write(counting(10));
  await far.closeWrite();
  const steps: (number | undefined)[] = [];
  const bytes: number[] = [];
  for (let i = 0; i < 5; i++) {
    const step = await near.read();
    steps.push(step?.length);
    bytes.push(...step ?? []);
  }
  assertEquals(steps, [4, 4, 2, undefined, undefined]);
  assertBytes(Uint8Array.from(bytes), counting(10));
  near.close();
});
