import { assertEquals, assertMatch } from "@std/assert";
import { connect } from "../../../lib/client/connect.ts";
import type { Message } from "../../../lib/pipeline/messages/message.ts";
import type { WebSocketConnection } from "../../../lib/connection/websocket_connection.ts";
import { accept } from "../../../lib/server/accept.ts";
import { type ClientOptions, DEFAULT_CLIENT_OPTIONS } from "../../../lib/standalone/client/client_options.ts";
import { converse } from "../../../lib/standalone/client/conversation.ts";
import { FakeTime } from "../../_support/fake_time.ts";
import { connPair } from "../../_support/pair.ts";
import { settle, soon } from "../../_support/wait.ts";

const QUIET = { pingInterval: 0, handshakeTimeout: 0, messageTimeout: 0 };

interface Talk extends Disposable {
  readonly time: FakeTime;
  /** The server's end. */
  readonly server: WebSocketConnection;
  /** Says something. */
  say(text: string): Promise<void>;
  /** Says that there is no more. */
  endInput(): Promise<void>;
  /** What was shown, in order. */
  readonly shown: (Message | string)[];
  readonly stop: AbortController;
  readonly code: Promise<0 | 3>;
}

/** A conversation in memory, with a clock that stands still. */
async function talk(
  options: Partial<ClientOptions> = {},
  show: (message: Message) => Promise<void> = () => Promise.resolve(),
): Promise<Talk> {
  const time = new FakeTime();
  const [here, there] = connPair();
  const accepting = accept(there, QUIET);
  const socket = await connect("ws://example.com/", { ...QUIET, conn: here });
  const input = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const writer = input.writable.getWriter();
  const shown: (Message | string)[] = [];
  const stop = new AbortController();
  const code = converse(socket, {
    input: input.readable,
    screen: {
      message(message) {
        shown.push(message);
        return show(message);
      },
      news: (text) => void shown.push(`news: ${text}`),
      error: (text) => void shown.push(`error: ${text}`),
      ask() {},
      answered() {},
      askNoMore() {},
    },
    options: { ...DEFAULT_CLIENT_OPTIONS, ...options },
    signal: stop.signal,
  });
  return {
    time,
    server: await accepting,
    say: (text) => writer.write(new TextEncoder().encode(text)),
    endInput: () => writer.close(),
    shown,
    stop,
    code,
    [Symbol.dispose]() {
      time[Symbol.dispose]();
    },
  };
}

/** How it ended, once all is done; nothing is left over. */
async function ended({ code, time }: Talk): Promise<number> {
  await time.advance(0); // the answer to the close frame
  const exitCode = await soon(code, "The end");
  assertEquals(time.timers, 0);
  return exitCode;
}

async function next(socket: WebSocketConnection): Promise<Message | undefined> {
  return (await soon(socket[Symbol.asyncIterator]().next(), "A message")).value;
}

Deno.test("each line is a message, each message is shown, and the end of the input closes after --linger of silence", async () => {
  using it = await talk({ linger: 500 });
  await it.say("one\ntw");
  await it.say("o\n");
  assertEquals([await next(it.server), await next(it.server)], ["one", "two"]);
  await it.endInput();
  await it.time.advance(499);
  await it.server.send("an answer");
  await it.time.advance(499);
  await it.server.send("and one more");
  await it.time.advance(499);
  assertEquals(it.server.readyState, 1);
  await it.time.advance(1);
  assertEquals((await soon(it.server.closed, "The end")).closeCode, 1000);
  assertEquals(await ended(it), 0);
  assertEquals(it.shown, ["an answer", "and one more", "news: Closed with 1000"]);
});

Deno.test("a slow output does not count as the peer's silence, and loses nothing that the peer sends", async () => {
  const room = Promise.withResolvers<void>();
  using it = await talk({ linger: 500 }, () => room.promise);
  await it.server.send("one");
  await settle();
  await it.endInput();
  await it.time.advance(60_000);
  await it.server.send("two");
  room.resolve();
  await it.time.advance(499);
  assertEquals([it.server.readyState, it.shown], [1, ["one", "two"]]);
  await it.time.advance(1);
  assertEquals(await ended(it), 0);
});

Deno.test("with --no-close it continues after the input until the server ends the connection", async () => {
  using it = await talk({ noClose: true });
  await it.endInput();
  await it.time.advance(600_000);
  assertEquals(it.server.readyState, 1);
  void it.server.close(1000, "enough");
  assertEquals(await ended(it), 0);
  assertEquals(it.shown, ["news: Closed with 1000: enough"]);
});

Deno.test("with --one it ends after one message, and waits for it after the end of the input", async () => {
  using it = await talk({ one: true, close: 4000 });
  await it.endInput();
  await it.time.advance(600_000);
  await it.server.send("one");
  await it.server.send("two");
  assertEquals(await ended(it), 0);
  assertEquals((await it.server.closed).closeCode, 4000);
  assertEquals(it.shown, ["one", "news: Closed with 4000"]);

  using other = await talk({ one: true });
  void other.server.close(1000);
  assertEquals(await ended(other), 3);
});

Deno.test("with --binary the input is sent as it arrives", async () => {
  using it = await talk({ binary: true });
  await it.say("one\ntw");
  assertEquals(await next(it.server), new TextEncoder().encode("one\ntw"));
  it.stop.abort();
  assertEquals(await ended(it), 0);
});

Deno.test("the exit code shows how the connection ended: the server's 1000 or no code, another code, or no close frame", async () => {
  for (
    const [end, code, shown] of [
      [(server: WebSocketConnection) => void server.close(1000), 0, /^news: Closed with 1000$/],
      [(server: WebSocketConnection) => void server.close(1001, "bye"), 3, /^news: Closed with 1001: bye$/],
      [(server: WebSocketConnection) => void server.close(4001), 3, /^news: Closed with 4001$/],
      [(server: WebSocketConnection) => void server.writable.close(), 0, /^news: Closed with no code$/],
      [(server: WebSocketConnection) => server.abort(), 3, /^error: Lost the connection: The connection ended without/],
    ] as const
  ) {
    using it = await talk();
    end(it.server);
    assertEquals(await ended(it), code);
    assertMatch(String(it.shown), shown);
  }
});

Deno.test("the signal closes with 1000, at once or during the conversation", async () => {
  using it = await talk();
  it.stop.abort();
  assertEquals(await ended(it), 0);
  assertEquals((await it.server.closed).closeCode, 1000);
});

Deno.test("--ping sends pings at the interval and prints the round trips", async () => {
  using it = await talk({ ping: 20_000 });
  await it.time.advance(60_000);
  assertMatch(it.shown.join("; "), /^(news: Pong after \d+\.\d ms(; |$)){3}$/);
  it.stop.abort();
  assertEquals(await ended(it), 0);
});

Deno.test("a peer that does not read stops the input", async () => {
  using it = await talk();
  let said = 0;
  const line = `${"x".repeat(100_000)}\n`;
  const saying = (async () => {
    for (; said < 100; said++) await it.say(line);
  })();
  await settle();
  const stopped = said;
  await settle();
  assertEquals([said < 100, said], [true, stopped]);
  for await (const message of it.server) {
    assertEquals(message.length, 100_000);
    if (said === 100) break;
  }
  await soon(saying, "The input");
  it.stop.abort();
  await it.time.advance(10_000);
  await soon(it.code, "The end");
});

Deno.test("an output that ends first ends it, and an output error is reported", async () => {
  for (
    const [error, code, told] of [
      [new Deno.errors.BrokenPipe("Broken pipe"), 0, "a,news: Closed with 1000"],
      [new Error("no space"), 3, "a,error: Error: no space,news: Closed with 1000"],
    ] as const
  ) {
    using it = await talk({}, () => Promise.reject(error));
    await it.server.send("a");
    await settle();
    assertEquals(await ended(it), code);
    assertEquals(String(it.shown), told);
  }
});
