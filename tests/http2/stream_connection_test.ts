import { constants } from "node:http2";
import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { ConnectionError } from "../../lib/errors.ts";
import { streamConnection } from "../../lib/http2/stream_connection.ts";
import { standstill } from "../_support/deadline.ts";
import { utf8 } from "../_support/frames.ts";
import { settle, soon, until } from "../_support/wait.ts";
import { streamPair } from "./_support.ts";

const KiB = 1024;

/** Reads `size` bytes at most, as text. */
async function read(conn: ReturnType<typeof streamConnection>, size = 64): Promise<string | null> {
  const buffer = new Uint8Array(size);
  const count = await soon(conn.read(buffer), "A read");
  return count === null ? null : new TextDecoder().decode(buffer.subarray(0, count));
}

for (const first of ["client", "server"] as const) {
  Deno.test(`each side ends separately, the ${first} first, and both ends are orderly`, async () => {
    await using pair = await streamPair();
    const streams = first === "client" ? [pair.client, pair.server] : [pair.server, pair.client];
    const [early, late] = [streamConnection(streams[0]!), streamConnection(streams[1]!)];
    await early.write(utf8("hello"));
    await soon(early.closeWrite!(), "The end of writing");
    assertEquals([await read(late, 3), await read(late), await read(late), await read(late)], [
      "hel",
      "lo",
      null,
      null,
    ]);
    await late.write(utf8("late"));
    await soon(early.closeWrite!(), "The end of writing, again");
    late.close(); // END_STREAM: the peer has ended
    assertEquals([await read(early), await read(early)], ["late", null]);
    early.close();
    await until(() => streams.every(({ destroyed }) => destroyed), "The end of the stream");
    assertEquals(streams.map(({ rstCode, aborted }) => [rstCode, aborted]), [
      [constants.NGHTTP2_NO_ERROR, false],
      [constants.NGHTTP2_NO_ERROR, false],
    ]);
  });
}

for (const closing of ["client", "server"] as const) {
  const ends = async () => {
    const pair = await streamPair();
    const far = closing === "client" ? pair.server : pair.client;
    return { pair, near: streamConnection(pair[closing]), far: streamConnection(far) };
  };

  Deno.test(`if the ${closing} closes before its peer has ended, the stream is reset with CANCEL, and reads end`, async () => {
    const { pair, near, far } = await ends();
    await using _ = pair;
    const reads = [near, far].map((conn) =>
      assertRejects(() => conn.read(new Uint8Array(1)), ConnectionError, "The stream was reset with CANCEL")
    );
    near.close();
    near.close();
    await soon(Promise.all(reads), "The end of both reads");
    assertEquals([pair.client.rstCode, pair.server.rstCode], [constants.NGHTTP2_CANCEL, constants.NGHTTP2_CANCEL]);
  });

  Deno.test(`if the ${closing} closes, pending writes end on both sides, and later ones have no effect`, async () => {
    const { pair, near, far } = await ends();
    await using _ = pair;
    const writes = [near, far].map((conn) => assertRejects(() => conn.write(new Uint8Array(1024 * KiB))));
    await settle();
    near.close();
    await soon(Promise.all(writes), "The end of both writes");
    await soon(near.closeWrite!(), "The end of writing");
    await assertRejects(() => near.write(utf8("late")));
  });
}

Deno.test("a peer that resets with NO_ERROR did not end in an orderly way, and writes to it end with the connection", async () => {
  await using pair = await streamPair();
  const conn = streamConnection(pair.server);
  const writing = assertRejects(() => conn.write(new Uint8Array(1024 * KiB)));
  pair.client.close(constants.NGHTTP2_NO_ERROR);
  await assertRejects(() => conn.read(new Uint8Array(1)), ConnectionError, "The stream was reset with NO_ERROR");
  conn.close();
  await soon(writing, "The end of the write");
  assertEquals(pair.server.destroyed, true);
});

Deno.test("a peer that does not read stops the writer at the stream's window, and no other stream of the session", async () => {
  await using pair = await streamPair();
  const conn = streamConnection(pair.client);
  const chunk = new Uint8Array(64 * KiB);
  let written = 0;
  const stopped = assertRejects(async () => {
    for (;;) written += await conn.write(chunk);
  });
  const most = await standstill(() => written, { quiet: 200 });
  assertLess(most, 1024 * KiB);
  const other = pair.session.request({ ":method": "GET", ":path": "/" });
  await soon(new Promise((resolve) => other.once("response", resolve)), "The answer on another stream");
  other.close();
  // Who reads lets it go on.
  const far = streamConnection(pair.server);
  let count = 0;
  while (count < 4 * 1024 * KiB) count += await soon(far.read(new Uint8Array(64 * KiB)), "A read") ?? 0;
  assert(written > most);
  far.close();
  await soon(stopped, "The end of the write");
});

Deno.test("a slow reader stops the peer at the stream's window", async () => {
  await using pair = await streamPair();
  const conn = streamConnection(pair.server);
  let written = 0;
  const writing = (async () => {
    const chunk = new Uint8Array(16 * KiB);
    for (;;) {
      await new Promise<void>((resolve, reject) =>
        pair.client.write(chunk, (error) => error ? reject(error) : resolve())
      );
      written += chunk.length;
    }
  })();
  const stopped = assertRejects(() => writing);
  assertEquals(await soon(conn.read(new Uint8Array(1)), "A read"), 1);
  assertLess(await standstill(() => written, { quiet: 200 }), 512 * KiB);
  assertLess(pair.server.readableLength, 256 * KiB);
  conn.close();
  await soon(stopped, "The end of the peer's write");
});

Deno.test("T2: the end of the session ends its streams, whichever side ends it and how", async () => {
  const ends: ((pair: Awaited<ReturnType<typeof streamPair>>) => void)[] = [
    ({ session }) => session.destroy(),
    ({ sessions }) => sessions[0]!.destroy(),
    ({ sessions }) => sessions[0]!.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM),
    ({ session }) => session.destroy(new Error("ours"), constants.NGHTTP2_INTERNAL_ERROR),
  ];
  for (const end of ends) {
    await using pair = await streamPair();
    pair.sessions[0]!.on("error", () => {});
    const conns = [pair.client, pair.server].map(streamConnection);
    const lost = conns.map((conn) =>
      assertRejects(() => conn.read(new Uint8Array(1)), ConnectionError, "session ended")
    );
    end(pair);
    await soon(Promise.all(lost), "The end of both reads");
  }
});

Deno.test("an empty write sends nothing, even behind a response that may have no body", async () => {
  await using pair = await streamPair();
  const conn = streamConnection(pair.server);
  pair.server.end();
  assertEquals(await soon(conn.write(new Uint8Array(0)), "A write"), 0);
});

Deno.test("addresses and encryption come from the session", async () => {
  await using pair = await streamPair();
  const [client, server] = [streamConnection(pair.client), streamConnection(pair.server)];
  assertEquals([client.remoteAddr, client.localAddr], [server.localAddr, server.remoteAddr]);
  assertEquals([client.remoteAddr?.transport, client.secure, server.secure], ["tcp", false, false]);
});
