import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { next, statement } from "./_support.ts";

statement("websocket.send()", "blobs are sent in order with other messages and fragments", async (play) => {
  const { there, here } = await play.pair();
  const seen: unknown[] = [];
  const all = new Promise<void>((done) =>
    there.on("message", (data) => {
      seen.push(String(data));
      if (seen.length === 5) done();
    })
  );
  here.send("one");
  here.send(new Blob(["two"]));
  here.send("three");
  here.send(Buffer.from("four"), { binary: false });
  here.send(new Blob(["five"]));
  await all;
  assertEquals(seen, ["one", "two", "three", "four", "five"]);
});

statement("websocket.send()", "a close waits for the blobs before it", async (play) => {
  const { there, here } = await play.pair();
  const arrived = next(there, "message");
  const ended = next(there, "close");
  here.send(new Blob(["last"]));
  here.close(1000);
  assertEquals([String((await arrived)[0]), (await ended)[0]], ["last", 1000]);
});

statement(
  "websocket.send()",
  "callbacks are called in order, with an error if the connection is lost",
  async (play) => {
    const { there, here } = await play.pair();
    there.pause();
    const order: number[] = [];
    const first = new Promise<void>((done) =>
      here.send("one", () => {
        order.push(1);
        done();
      })
    );
    here.send("two", () => order.push(2));
    await new Promise<void>((done) => here.send("three", () => done()));
    await first;
    assertEquals(order, [1, 2]);
    const lost = new Promise<unknown>((done) => here.send(new Uint8Array(15_000_000), done));
    here.terminate();
    assertEquals(await lost instanceof Error, true);
  },
);
