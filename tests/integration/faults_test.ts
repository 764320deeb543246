import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { accept, connect, ConnectionError, serve } from "../../mod.ts";
import { keepPrinted } from "../_support/child.ts";
import { within } from "../_support/deadline.ts";
import { unless } from "../_support/needs.ts";

const LOOPBACK = { port: 0, hostname: "127.0.0.1" } as const;

const hasBash = await new Deno.Command("bash", { args: ["-c", "ulimit -n 64"] }).output().then(
  ({ success }) => success,
  () => false,
);

Deno.test({
  ...unless(
    hasBash ? undefined : "bash is missing, which sets `ulimit -n`",
    "T8: a server that runs out of file descriptors says so once, and accepts again when there are some",
  ),
  async fn() {
    const deno =
      `exec "${Deno.execPath()}" run --quiet --no-prompt --allow-net=127.0.0.1 tests/integration/peers/few_files.ts`;
    const process = new Deno.Command("bash", {
      args: ["-c", `ulimit -n 40; ${deno}`],
      cwd: new URL("../..", import.meta.url),
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const errors = keepPrinted(process.stderr);
    await using child = {
      process,
      async [Symbol.asyncDispose]() {
        this.process.kill("SIGKILL");
        await this.process.status;
        await errors.end;
      },
    };
    const lines = child.process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let printed = "";
    const said = async (pattern: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const match = pattern.exec(printed);
        if (match !== null) return match;
        const { value, done } = await within(lines.read(), 20_000, `the server to print ${pattern}`);
        if (done) throw new Error(`The server ended: ${printed}\n${errors.text}`);
        printed += value;
      }
    };
    const [, url] = await said(/listening on (\S+)\n/);
    const port = Number(new URL(url!).port);

    // More than the server has descriptors for: the kernel takes them in, the server cannot.
    const crowd = await Promise.all(Array.from({ length: 60 }, () => Deno.connect({ hostname: "127.0.0.1", port })));
    await said(/error: .*(os error 24|Too many open files)/i);
    for (const conn of crowd) conn.close();

    const socket = await within(connect(url!), 20_000, "a connection after the crowd");
    await socket.send("still there");
    assertEquals((await socket[Symbol.asyncIterator]().next()).value, "still there");
    await socket.close();
    assertEquals(printed.match(/error: /g)?.length, 1);
    await lines.cancel();
  },
});

Deno.test("T6: a message that is read one byte at a time is echoed like one that arrives whole, and so is the handshake", async () => {
  using listener = Deno.listen({ ...LOOPBACK });
  const client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  const conn = await listener.accept();
  const request = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  // RFC 6455 §5.7, and a close frame.
  const frames = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58, 0x88, 0x80, 1, 2, 3, 4];
  await client.write(Uint8Array.of(...new TextEncoder().encode(request), ...frames));
  // The kernel joins small writes: only small reads are sure to be small.
  const socket = await accept({
    read: (buffer) => conn.read(buffer.subarray(0, 1)),
    write: (bytes) => conn.write(bytes),
    closeWrite: () => conn.closeWrite(),
    close: () => conn.close(),
  });
  for await (const message of socket) await socket.send(message);
  const received = encodeHex(await within(new Response(client.readable).arrayBuffer(), 10_000, "the echo"));
  assert(received.endsWith("0d0a0d0a" + "810548656c6c6f" + "8800"), received);
  assertEquals((await socket.closed).wasClean, true);
});

Deno.test("T12: frames of concurrent sends never interleave, and an abort delivers no partial message", async () => {
  const received: number[] = [];
  const ended = Promise.withResolvers<unknown>();
  await using server = serve(LOOPBACK, {
    message(_, data) {
      assertInstanceOf(data, Uint8Array);
      received.push(data.length);
      // Every byte of a message is its number.
      assert(data.every((byte) => byte === data[0]), "a message holds another's bytes");
    },
    close: (_, info) => ended.resolve(info.error),
  });
  const socket = await connect(server.url);
  const sizes = [300_000, 10, 70_000, 126, 65_536, 0, 1_000_000];
  await Promise.all(sizes.map((size, number) => socket.send(new Uint8Array(size).fill(number + 1))));
  await socket.ping();
  assertEquals(received, sizes);

  const sending = socket.send(new Uint8Array(12_000_000).fill(99));
  socket.abort();
  await assertRejects(() => sending, ConnectionError);
  assertInstanceOf(await within(ended.promise, 10_000, "the server to see the abort"), ConnectionError);
  assertEquals(received, sizes);
});
