import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type JetStreamClient,
  jetStreamLogLink,
  type NewsMessage,
  type StoredMessage,
  type StreamOptions,
} from "../../lib/recovery/jetstream_log_link.ts";

const text = new TextEncoder();
const stored = (seq: number, data: string): StoredMessage => ({ seq, data: text.encode(`t${data}`) });
const retention = { messages: 3, age: 1_000, resumeTimeout: 60_000 };

/** A stream with these messages of one topic, of which `first` is the first that the stream still has. */
function streamOf(messages: readonly StoredMessage[], first = 1) {
  const streams: StreamOptions[] = [];
  const listeners: ((message: NewsMessage) => void)[] = [];
  const state = { created: "1", fetched: 0, error: undefined as Error | undefined, answer: false, maxPerSubject: 4 };
  const ids: unknown[] = [];
  const client: JetStreamClient = {
    maxPayload: 1_000,
    ensureStream: (options) => Promise.resolve(void streams.push(options)),
    streamInfo: () => {
      const { created, maxPerSubject } = state;
      return Promise.resolve({ created, firstSeq: first, count: messages.length, maxPerSubject });
    },
    publish: (_, __, { msgID }) => {
      ids.push(msgID);
      return state.error === undefined ? Promise.resolve({ seq: 9 }) : Promise.reject(state.error);
    },
    last: () => Promise.resolve(messages.at(-1)),
    next: (_, __, seq) => Promise.resolve(messages.find((message) => message.seq >= seq)),
    async *fetch(_, __, seq) {
      state.fetched++;
      yield* messages.filter((message) => message.seq >= seq);
    },
    subscribe: (_, listener) => {
      listeners.push(listener);
      return { unsubscribe: () => {} };
    },
    isAnswer: () => state.answer,
    flush: () => Promise.resolve(),
    closed: () => new Promise(() => {}),
    close: () => Promise.resolve(),
  };
  return {
    streams,
    listeners,
    ids,
    state,
    open: jetStreamLogLink("app.chat", retention, () => Promise.resolve(client)),
  };
}

const ALL = { messages: 100, bytes: 10_000 };

Deno.test("there are two streams for a prefix: one republishes each message, the other has a number for each session", async () => {
  const { streams, open } = streamOf([]);
  await open.connect(() => {});
  assertEquals(
    streams.map(({ name, subjects, max_msgs_per_subject, max_age, duplicate_window, republish }) => ({
      name,
      subjects,
      max_msgs_per_subject,
      max_age,
      duplicate_window,
      republish,
    })),
    [
      {
        name: "APP_CHAT_LOG",
        subjects: ["app.chat.log.*"],
        max_msgs_per_subject: 4, // the number of the one before the three is then known
        max_age: 1e9,
        duplicate_window: 1e9, // JetStream takes none that is longer than the age
        republish: { src: "app.chat.log.*", dest: "app.chat.news.{{wildcard(1)}}" },
      },
      {
        name: "APP_CHAT_TAKEN",
        subjects: ["app.chat.taken.*"],
        max_msgs_per_subject: 1,
        max_age: 60e9,
        duplicate_window: undefined,
        republish: undefined,
      },
    ],
  );
  assertThrows(() => jetStreamLogLink("a b", retention, () => Promise.reject(new Error("not called"))), RangeError);
});

Deno.test("a page begins at the stream's start, or at the topic's first message if the topic has its maximum", async () => {
  const few = await streamOf([stored(7, "a"), stored(9, "b")], 5).open.connect(() => {});
  assertEquals(await few.read("news", 7, ALL), {
    epoch: "1",
    head: 9,
    from: 4,
    entries: [{ offset: 9, previous: 7, data: "b" }],
  });
  const four = [stored(6, "_"), stored(7, "a"), stored(8, "b"), stored(9, "c")];
  const full = await streamOf(four, 5).open.connect(() => {});
  assertEquals((await full.read("news", Infinity, ALL)).from, 6);
  // The stream may have been created with another limit than that of the options, or with none.
  for (const [limit, from] of [[3, 7], [2, 7], [5, 4], [-1, 4]] as const) {
    const older = streamOf(four.slice(1), 5);
    older.state.maxPerSubject = limit;
    assertEquals([limit, (await (await older.open.connect(() => {})).read("news", 7, ALL)).from], [limit, from]);
  }
  const empty = await streamOf([], 5).open.connect(() => {});
  assertEquals(await empty.read("news", 0, ALL), { epoch: "1", head: 4, from: 4, entries: [] });
});

Deno.test("a few messages are read one by one, and more by a consumer, within the limits", async () => {
  const messages = Array.from({ length: 20 }, (_, i) => stored(10 * i + 10, `${i}`));
  const { state, open } = streamOf(messages);
  const session = await open.connect(() => {});
  const offsets = async (after: number, limit = ALL) =>
    (await session.read("news", after, limit)).entries.map(({ offset }) => offset);
  assertEquals([await offsets(170), state.fetched], [[180, 190, 200], 0]);
  assertEquals([(await offsets(0)).length, state.fetched], [20, 1]);
  assertEquals(await offsets(0, { messages: 2, bytes: 10_000 }), [10, 20]);
  assertEquals(await offsets(0, { messages: 100, bytes: 1 }), [10]);
});

Deno.test("an error response of JetStream is a refusal; without a response the connection is dropped", async () => {
  const { ids, state, open } = streamOf([]);
  const session = await open.connect(() => {});
  assertEquals(await session.append({ topic: "a", data: "x", id: "1", known: 1 }), { epoch: "1", offset: 9 });
  assertEquals(ids, ["1 app.chat.log.a"]); // JetStream compares the ids of all topics
  state.error = new Error("no stream");
  state.answer = true;
  assertEquals(await session.append({ topic: "a", data: "x", id: "1", known: 1 }), { refused: state.error });
  state.answer = false;
  await assertRejects(() => session.append({ topic: "a", data: "x", id: "1", known: 1 }), Error, "no stream");
  assertEquals(await session.ended, state.error);
});

Deno.test("a message that is too large for the server is refused, and keeps the connection open", async () => {
  const session = await streamOf([]).open.connect(() => {});
  const answer = await session.append({ topic: "a", data: "x".repeat(1_000), id: "1", known: 1 });
  assertEquals(
    "refused" in answer && String(answer.refused),
    "RangeError: Message of 1001 bytes is over the server's max_payload, 730",
  );
});

Deno.test("a topic whose subject is too long for a line of the protocol is refused, and keeps the connection open", async () => {
  const session = await streamOf([]).open.connect(() => {});
  const topic = "*".repeat(1_200);
  const answer = await session.append({ topic, data: "x", id: "1", known: 1 });
  const fault = "Topic is too long for NATS: its subject has 3613 bytes, over 3584";
  assertEquals("refused" in answer && String(answer.refused), `RangeError: ${fault}`);
  await assertRejects(() => session.read(topic, 0, ALL), RangeError, fault);
  await assertRejects(() => session.follow(topic), RangeError, "3614 bytes");
  assertEquals(await Promise.race([session.ended, Promise.resolve("open")]), "open");
});

Deno.test("a notice has its number and the previous one, and without a number it only says that there are new messages", async () => {
  const { listeners, open } = streamOf([]);
  const heard: unknown[] = [];
  const session = await open.connect((...news) => heard.push(news));
  await session.follow("news");
  const fields: Record<string, string> = { "Nats-Sequence": "12", "Nats-Last-Sequence": "9" };
  listeners[0]!({ data: new Uint8Array([0x62, 1, 2]), headers: { get: (name) => fields[name] ?? "" } });
  listeners[0]!({ data: text.encode("garbage") });
  assertEquals(heard, [
    ["news", { epoch: "1", entry: { offset: 12, previous: 9, data: new Uint8Array([1, 2]) } }],
    ["news", undefined],
  ]);
});

Deno.test("if all earlier messages of a topic have expired, the previous number is the last that was read or reported", async () => {
  const { listeners, open } = streamOf([stored(7, "a"), stored(9, "b")], 5);
  const heard: unknown[] = [];
  const session = await open.connect((_, news) => heard.push(news && [news.entry.previous, news.entry.offset]));
  await session.follow("news");
  await session.read("other", 0, ALL);
  const say = (seq: number, last: number) => {
    const fields: Record<string, string> = { "Nats-Sequence": `${seq}`, "Nats-Last-Sequence": `${last}` };
    listeners[0]!({ data: text.encode("tx"), headers: { get: (name) => fields[name] ?? "" } });
  };
  say(3, 0); // nothing is known yet
  await session.read("news", Infinity, ALL);
  say(20, 0);
  say(30, 0);
  say(40, 35);
  assertEquals(heard, [[0, 3], [9, 20], [20, 30], [35, 40]]);
});
