import { assert, assertEquals } from "@std/assert";
import { next, ours, statement } from "./_support.ts";

const STREAM = "createWebSocketStream()";

statement(STREAM, "it sends each chunk that is written, and messages can be read from it", async (play) => {
  const server = await play.serve();
  server.on("connection", (socket) => {
    const stream = play.server.createWebSocketStream(socket);
    stream.pipe(stream);
  });
  const stream = play.client.createWebSocketStream(play.connect(), { encoding: "utf8" });
  stream.write("hello"); // it need not be open
  assertEquals(await next(stream, "data"), ["hello"]);
  stream.end();
  await next(stream, "close");
});

statement(STREAM, "with readableObjectMode, text is read as strings and binary data as Buffers", async (play) => {
  const { there, here } = await play.pair();
  const stream = play.client.createWebSocketStream(here, { readableObjectMode: true });
  there.send("text");
  assertEquals((await next(stream, "data"))[0], "text");
  there.send(Uint8Array.of(1));
  assert((await next(stream, "data"))[0] instanceof Uint8Array);
  stream.destroy();
  await next(stream, "close");
});

statement(STREAM, "if the stream is not read, its socket is paused", async (play) => {
  const { there, here } = await play.pair();
  const stream = play.client.createWebSocketStream(here, { readableHighWaterMark: 10 });
  const chunk = new Uint8Array(100);
  for (let i = 0; i < 20; i++) there.send(chunk);
  await next(here, "message");
  assertEquals(here.isPaused, true);
  let bytes = 0;
  const all = new Promise<void>((done) => {
    stream.on("data", ({ length }) => {
      bytes += length;
      if (bytes === 2_000) done();
    });
  });
  await all;
  stream.destroy();
  await next(stream, "close");
});

statement(STREAM, "the stream ends when the socket closes", async (play) => {
  const { there, here } = await play.pair();
  const stream = play.client.createWebSocketStream(here);
  stream.resume();
  const ended = next(stream, "end");
  there.close();
  await ended;
  stream.end();
  await next(stream, "close");
});

statement(STREAM, "destroy() terminates the socket", async (play) => {
  const { there, here } = await play.pair();
  const ended = next(there, "close");
  const stream = play.client.createWebSocketStream(here);
  const closed = next(stream, "close");
  stream.destroy();
  assertEquals((await ended)[0], 1006);
  await closed;
});

statement(STREAM, "an error of the socket is an error of the stream", async (play) => {
  const { there, here } = await play.pair({ client: { maxPayload: 10 } });
  const stream = play.client.createWebSocketStream(here);
  const failed = next(stream, "error");
  const ended = next(there, "close");
  there.send("x".repeat(11));
  const [error] = await failed as [Error & { code: string }];
  assertEquals(error.code, "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH");
  assertEquals((await ended)[0], 1009); // the close frame is sent all the same
});

Deno.test("read(null) gives all that there is, as in Node", async () => {
  await using play = ours();
  const { there, here } = await play.pair();
  const stream = play.client.createWebSocketStream(here);
  const readable = next(stream, "readable");
  for (const text of ["one", "two", "three"]) there.send(text);
  await readable;
  assertEquals(String(Reflect.apply(stream.read, stream, [null])), "onetwothree");
  stream.destroy();
  await next(stream, "close");
});
