import { assertEquals } from "@std/assert";
import {
  decodeFromClient,
  decodeFromServer,
  encodeEntry,
  encodeFact,
  encodeMessage,
  MAX_TOPIC_BYTES,
} from "../../lib/recovery/protocol.ts";

const position = { epoch: "8f2c", offset: 41 };
const text = new TextEncoder();

Deno.test("a client's messages are written as the documentation shows, and parsed again", () => {
  const lines = {
    '{"type":"subscribe","topic":"news"}': { type: "subscribe", topic: "news", position: undefined },
    '{"type":"subscribe","topic":"news","epoch":"8f2c","offset":41}': { type: "subscribe", topic: "news", position },
    '{"type":"unsubscribe","topic":"news"}': { type: "unsubscribe", topic: "news" },
    '{"type":"session","session":"5ad1"}': { type: "session", session: "5ad1" },
  } as const;
  for (const [line, fact] of Object.entries(lines)) {
    assertEquals(encodeFact(fact), line);
    assertEquals(decodeFromClient(line), fact);
  }
  const hello = '{"type":"message","number":7,"data":"hello"}';
  assertEquals(encodeMessage({ number: 7 }, "hello"), hello);
  assertEquals(decodeFromClient(hello), { type: "message", number: 7, data: "hello" });
});

Deno.test("a server's messages are written as the documentation shows, and parsed again", () => {
  const begun = { type: "subscribed", topic: "news", position } as const;
  const lines = {
    '{"type":"subscribed","topic":"news","epoch":"8f2c","offset":41}': {
      ...begun,
      recovered: undefined,
      reason: undefined,
    },
    '{"type":"subscribed","topic":"news","epoch":"8f2c","offset":41,"recovered":true}': {
      ...begun,
      recovered: true,
      reason: undefined,
    },
    '{"type":"subscribed","topic":"news","epoch":"8f2c","offset":41,"recovered":false,"reason":"epoch-changed"}': {
      ...begun,
      recovered: false,
      reason: "epoch-changed",
    },
    '{"type":"refused","topic":"news","reason":"not-allowed"}': {
      type: "refused",
      topic: "news",
      reason: "not-allowed",
    },
    '{"type":"session","session":"5ad1","number":6}': { type: "session", session: "5ad1", number: 6 },
    '{"type":"acknowledged","number":7}': { type: "acknowledged", number: 7 },
  } as const;
  for (const [line, fact] of Object.entries(lines)) {
    assertEquals(encodeFact(fact), line);
    assertEquals(decodeFromServer(line), fact);
  }
  const rain = '{"type":"message","topic":"news","offset":42,"data":"It rains"}';
  assertEquals(encodeEntry("news", { offset: 42, previous: 41, data: "It rains" }), rain);
  assertEquals(decodeFromServer(rain), { type: "message", topic: "news", offset: 42, data: "It rains" });
  assertEquals(decodeFromServer('{"type":"message","data":"x"}'), {
    type: "message",
    topic: undefined,
    offset: undefined,
    data: "x",
  });
});

Deno.test("binary data follows its object, whose length comes first", () => {
  const bytes = encodeEntry("news", { offset: 42, previous: 41, data: new Uint8Array([1, 2, 255]) });
  const head = text.encode('{"type":"message","topic":"news","offset":42}');
  assertEquals(bytes, new Uint8Array([0, head.length, ...head, 1, 2, 255]));
  assertEquals(decodeFromServer(bytes), {
    type: "message",
    topic: "news",
    offset: 42,
    data: new Uint8Array([1, 2, 255]),
  });
  const sent = encodeMessage({ number: 1 }, new Uint8Array(0));
  assertEquals(decodeFromClient(sent), { type: "message", number: 1, data: new Uint8Array(0) });
});

Deno.test("the longest topic fits in front of binary data, whatever its characters are", () => {
  const topic = "\x1f".repeat(MAX_TOPIC_BYTES);
  const data = new Uint8Array([7]);
  const said = { type: "message", topic, offset: Number.MAX_SAFE_INTEGER, data } as const;
  assertEquals(decodeFromServer(encodeEntry(topic, { offset: said.offset, previous: 0, data })), said);
});

Deno.test("the first message of a session has the number 1: the number 0 means that nothing was taken", () => {
  const say = (number: number) => decodeFromClient(JSON.stringify({ type: "message", number, data: "x" }));
  assertEquals([say(-1), say(0), say(1)], [undefined, undefined, { type: "message", number: 1, data: "x" }]);
  const session = '{"type":"session","session":"s","number":0}';
  assertEquals(decodeFromServer(session), { type: "session", session: "s", number: 0 });
});

Deno.test("invalid messages parse to undefined, for either role", () => {
  const lines = [
    "",
    "{",
    "null",
    "[]",
    '"subscribe"',
    '{"type":"else"}',
    '{"type":"subscribe"}',
    '{"type":"subscribe","topic":1}',
    '{"type":"subscribe","topic":"a","offset":1}',
    '{"type":"subscribe","topic":"a","epoch":"b","offset":-1}',
    '{"type":"subscribe","topic":"a","epoch":"b","offset":1.5}',
    '{"type":"subscribe","topic":"a","epoch":"b","offset":1e300}',
    '{"type":"unsubscribe"}',
    '{"type":"session","session":""}',
    `{"type":"session","session":"${"x".repeat(65)}"}`,
    '{"type":"session","session":"a\\nb"}',
    '{"type":"session","session":"a b"}',
    '{"type":"message"}',
    '{"type":"message","data":7}',
    '{"type":"message","data":"x","number":"7"}',
    '{"type":"message","data":{"0":1}}',
    '{"type":"subscribed","topic":"a"}',
    '{"type":"subscribed","topic":"a","epoch":"b","offset":1,"recovered":"yes"}',
    '{"type":"refused","topic":"a","reason":"no reason"}',
    '{"type":"message","topic":"a","data":"x"}',
    '{"type":"message","offset":1,"data":"x"}',
    '{"type":"acknowledged"}',
    new Uint8Array(0),
    new Uint8Array([0]),
    new Uint8Array([0, 5, 1]),
    new Uint8Array([0, 2, 0xff, 0xff]),
    new Uint8Array([0, 4, ...text.encode("null")]),
  ];
  for (const line of lines) {
    const client = decodeFromClient(line);
    const server = decodeFromServer(line);
    const numbered = typeof line === "string" && line.startsWith('{"type":"message","');
    // A client's message may have a topic, which means nothing; a server's may have a number.
    if (!numbered) assertEquals([line, client, server], [line, undefined, undefined]);
    else assertEquals([line, client === undefined || server === undefined], [line, true]);
  }
});
