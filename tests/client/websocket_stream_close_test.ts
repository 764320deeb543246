import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { WebSocketStream } from "../../lib/client/websocket_stream.ts";
import { ConnectionError, ProtocolError, type WebSocketCloseInfo, WebSocketError } from "../../lib/errors.ts";
import { counting } from "../_support/bytes.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { close, text } from "../_support/raw_peer.ts";
import { settle, soon } from "../_support/wait.ts";
import {
  answerClose,
  assertPlain,
  closed,
  ends,
  loosely,
  openStream,
  thrownName,
  unclean,
  URL_HERE,
} from "./_web_support.ts";

// How a stream ends. The cases of the Web Platform Tests (websockets/stream/tentative) are marked in their titles: "WPT: ...". The points where Deno's
// own class differs from the draft begin with "unlike Deno's:".

Deno.test("WPT: close during the handshake rejects both promises with a WebSocketError", async () => {
  const { options, peer, conn } = ends();
  const stream = new WebSocketStream(URL_HERE, options);
  await peer.readHead();
  stream.close({ closeCode: 4000, reason: "never mind" });
  const error = await assertRejects(() => soon(stream.opened, "The opening"), WebSocketError);
  assertStrictEquals(await unclean(stream), error);
  assertEquals([error.closeCode, conn.closes], [1006, 1]);
});

const CLOSES: [what: string, info: WebSocketCloseInfo | undefined, code: number | undefined, reason: string][] = [
  ["no argument sends an empty close frame", undefined, undefined, ""],
  ["no code sends an empty close frame", {}, undefined, ""],
  ["no code and an empty reason send an empty close frame", { reason: "" }, undefined, ""],
  ["a reason without a code means 1000", { reason: "non-empty" }, 1000, "non-empty"],
  ["a code and a reason are sent", { closeCode: 3456, reason: "pizza" }, 3456, "pizza"],
  ["a reason of 123 bytes is sent", { closeCode: 4999, reason: "é".repeat(61) + "x" }, 4999, "é".repeat(61) + "x"],
];
for (const [what, info, code, reason] of CLOSES) {
  Deno.test(`WPT: close: ${what}`, async () => {
    const { stream, peer } = await openStream();
    if (info === undefined) stream.close();
    else stream.close(info);
    await answerClose(peer, code, reason);
    assertEquals(await closed(stream), { closeCode: code ?? 1005, reason });
  });
}

Deno.test("WPT: close throws for a code or reason that cannot be sent, and closes nothing", async () => {
  const { stream, peer } = await openStream();
  const name = (info: unknown) => thrownName(() => loosely((info: WebSocketCloseInfo) => stream.close(info), info));
  for (const closeCode of [999, 1001, 2999, 5000, null, 0]) assertEquals(name({ closeCode }), "InvalidAccessError");
  for (const closeCode of [-1, 70_000, NaN, Infinity, "code"]) assertEquals(name({ closeCode }), "TypeError");
  assertEquals(name({ reason: ".".repeat(124) }), "SyntaxError");
  assertEquals(name({ closeCode: 1000, reason: "🔌".repeat(31) }), "SyntaxError");
  assertEquals(name(true), "TypeError");
  // Web IDL makes a number of it.
  assertEquals(name({ closeCode: "4000", reason: 7 }), "nothing");
  await answerClose(peer, 4000, "7");
  assertEquals(await closed(stream), { closeCode: 4000, reason: "7" });
});

const REASONS: [what: string, reason: unknown, code: number | undefined, said: string][] = [
  ["nothing", undefined, undefined, ""],
  ["attributes that are in no WebSocketError", { closeCode: 3333, reason: "obsolete" }, undefined, ""],
  ["a code", new WebSocketError("", { closeCode: 3333 }), 3333, ""],
  ["a code and a reason", new WebSocketError("", { closeCode: 3456, reason: "set" }), 3456, "set"],
  ["a reason without a code", new WebSocketError("", { reason: "specified" }), 1000, "specified"],
  ["a DOMException", new DOMException("yes", "DataCloneError"), undefined, ""],
  ["another connection's 1006", new ConnectionError("lost"), undefined, ""],
];
for (const [what, reason, code, said] of REASONS) {
  for (const [way, end] of [["abort", "writable"], ["cancel", "readable"]] as const) {
    Deno.test(`WPT: ${end}.${way} with ${what} closes with ${code ?? "no code"}`, async () => {
      const { stream, readable, writable, peer } = await openStream();
      const ending = way === "abort" ? writable.abort(reason) : readable.cancel(reason);
      await answerClose(peer, code, said);
      assertEquals(await closed(stream), { closeCode: code ?? 1005, reason: said });
      await soon(ending, "The call");
    });
  }
}

Deno.test("WPT: closing the writable is a clean close, which resolves when the closing handshake is done", async () => {
  const { stream, writable, peer } = await openStream();
  const writer = writable.getWriter();
  void writer.write("last");
  let done = false;
  const closing = writer.close().then(() => done = true);
  await peer.expect(text("last"), close());
  await settle();
  assertEquals(done, false);
  await peer.send(close());
  await peer.closeWrite();
  await soon(closing, "The close");
  assertEquals(await closed(stream), { closeCode: 1005, reason: "" });
});

Deno.test("closing the writable rejects if the closing handshake is not completed", async () => {
  const { stream, writable, peer } = await openStream();
  const closing = writable.getWriter().close();
  await peer.expect(close());
  await peer.closeWrite();
  const error = await assertRejects(() => soon(closing, "The close"), WebSocketError);
  assertStrictEquals(await unclean(stream), error);
});

Deno.test("WPT: a clean close by the server is clean: readable ends, writable has an InvalidStateError", async () => {
  const { stream, readable, writable, peer } = await openStream();
  await peer.send(close(4000, "ロボット"));
  await peer.expect(close(4000));
  await peer.closeWrite();
  assertEquals(await closed(stream), { closeCode: 4000, reason: "ロボット" });
  assertEquals((await readable.getReader().read()).done, true);
  const error = await assertRejects(() => writable.getWriter().ready, DOMException);
  assertEquals(error.name, "InvalidStateError");
});

Deno.test("readable ends with the connection even if it is not read", async () => {
  const { stream, readable, peer } = await openStream();
  const ended = readable.getReader().closed;
  stream.close();
  await answerClose(peer);
  await soon(ended, "The end of readable");
});

Deno.test("WPT: an empty close frame of the server is 1005", async () => {
  const { stream, peer } = await openStream();
  await peer.send(close());
  await peer.expect(close());
  await peer.closeWrite();
  assertEquals(await closed(stream), { closeCode: 1005, reason: "" });
});

Deno.test("WPT: if both sides close, the server's code and reason are reported", async () => {
  const { stream, peer } = await openStream();
  stream.close({ closeCode: 4111, reason: "local" });
  await peer.send(close(4222, "remote"));
  await peer.expect(close(4111, "local"));
  await peer.closeWrite();
  assertEquals(await closed(stream), { closeCode: 4222, reason: "remote" });
});

Deno.test("WPT: an abrupt end rejects closed and errors both streams, with the same WebSocketError", async () => {
  const { stream, readable, writable, far } = await openStream();
  far.reset();
  const error = await unclean(stream);
  assertEquals([error.closeCode, error.reason], [1006, ""]);
  assertPlain(error);
  assertInstanceOf(error.cause, ConnectionError);
  assertStrictEquals(await assertRejects(() => readable.getReader().read()), error);
  const writer = writable.getWriter();
  assertStrictEquals(await assertRejects(() => writer.ready), error);
  assertStrictEquals(await assertRejects(() => writer.write("late")), error);
});

Deno.test("a write that waits when the connection is lost rejects with the error of closed", async () => {
  const { stream, writable, far } = await openStream({ highWaterMark: 1_000 }, { capacity: 1_000 });
  const writing = writable.getWriter().write(counting(100_000));
  writing.catch(() => {});
  await settle();
  far.reset();
  assertStrictEquals(await assertRejects(() => soon(writing, "The write")), await unclean(stream));
});

Deno.test("a server that breaks the protocol and sends no close frame is 1006, and the cause describes the violation", async () => {
  const { stream, readable, peer } = await openStream();
  const reading = readable.getReader().read();
  reading.catch(() => {});
  await peer.send("83 00");
  await peer.expect(close(1002, "Opcode 3 is not defined"));
  await peer.closeWrite();
  const error = await unclean(stream);
  assertInstanceOf(error.cause, ProtocolError);
  assertEquals([error.closeCode, error.cause.closeCode, error.message], [1006, 1002, error.cause.message]);
  assertPlain(error);
  assertStrictEquals(await assertRejects(() => reading), error);
});

Deno.test("WPT: a close of the server with unwritten data is not clean, and has the server's code", async () => {
  const { stream, writable, peer, far } = await openStream({}, { capacity: 1_000 });
  const writing = writable.getWriter().write(counting(1_000_000));
  writing.catch(() => {});
  await peer.send(close(4567, "done"));
  await settle();
  far.reset();
  const error = await unclean(stream);
  assertEquals([error.closeCode, error.reason], [4567, "done"]);
  assertPlain(error);
  assertStrictEquals(await assertRejects(() => soon(writing, "The write")), error);
});

Deno.test("WPT: a write after close rejects with InvalidStateError, and so do all later ones", async () => {
  const { stream, writable, peer } = await openStream();
  const writer = writable.getWriter();
  stream.close();
  const error = await assertRejects(() => writer.write("late"), DOMException);
  assertEquals(error.name, "InvalidStateError");
  assertStrictEquals(await assertRejects(() => writer.write("later")), error);
  await answerClose(peer);
  await closed(stream);
});

Deno.test("await using closes and waits for the end, clean or not", async () => {
  const { stream, peer, conn } = await openStream();
  {
    await using _ = stream;
    void answerClose(peer);
  }
  assertEquals(conn.closes, 1);
  assertEquals(await closed(stream), { closeCode: 1005, reason: "" });

  const lost = await openStream();
  {
    await using _ = lost.stream;
    lost.far.reset();
  }
  assertEquals(lost.conn.closes, 1);
  await unclean(lost.stream);
});

Deno.test("unlike Deno's types: close info has closeCode, both as input and as output", async () => {
  const { stream, peer } = await openStream();
  const info: WebSocketCloseInfo = { closeCode: 4001 };
  stream.close(info);
  await answerClose(peer, 4001);
  const { closeCode }: Required<WebSocketCloseInfo> = await closed(stream);
  assertEquals(closeCode, 4001);
});

Deno.test("unlike Deno's (WPT too): a connection that is lost after our close frame did not end cleanly", async () => {
  const { stream, peer } = await openStream();
  stream.close({ closeCode: 4000, reason: "because" });
  await peer.expect(close(4000, "because"));
  await peer.closeWrite();
  const error = await unclean(stream);
  assertEquals([error.closeCode, error.reason], [1006, ""]);
});

Deno.test("unlike Deno's: an unanswered close frame ends the connection after closeTimeout, whatever its value", async () => {
  using time = new FakeTime();
  const { stream, conn } = await openStream({ closeTimeout: 30_000 });
  stream.close();
  await time.advance(29_999);
  assertEquals(conn.closes, 0);
  await time.advance(1);
  const error = await unclean(stream);
  assertEquals([error.closeCode, conn.closes], [1006, 1]);
});

Deno.test("draft: a clean end closes readable and then errors writable, so that a pipe between them rejects", async () => {
  for (const preventClose of [false, true]) {
    const { readable, writable, peer } = await openStream();
    const piping = readable.pipeTo(writable, { preventClose });
    piping.catch(() => {}); // looked at later
    await peer.send(text("a"));
    await peer.expect(text("a"));
    await peer.send(close(1000));
    await peer.expect(close(1000));
    await peer.closeWrite();
    // The end of `readable` is what the pipe sees first; closing `writable` is then too late.
    if (preventClose) await soon(piping, "The pipe");
    else assertEquals((await assertRejects(() => soon(piping, "The pipe"), DOMException)).name, "InvalidStateError");
  }
});

Deno.test("a write after a failure rejects with an error whose cause is the violated rule", async () => {
  const { stream, writable, peer } = await openStream();
  const writer = writable.getWriter();
  await peer.send("83 00"); // a reserved opcode
  const error = await unclean(stream);
  assertInstanceOf(error.cause, ProtocolError);
  assertStrictEquals(await assertRejects(() => writer.write("late")), error);
});
