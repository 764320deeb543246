import { assert, assertEquals } from "@std/assert";
import { decodePresence, encodeList, encodePresence, type PresenceMessage } from "../../lib/presence/protocol.ts";
import type { Entries } from "../../lib/presence/roster.ts";

const entry = { data: { name: "Ada" }, text: `{"name":"Ada"}`, at: 5 };

Deno.test("a server's messages are parsed as they were written", () => {
  const messages: Exclude<PresenceMessage<unknown>, { type: "list" }>[] = [
    { type: "change", from: "a", version: 1, member: { topic: "room", id: "ada", entry } },
    { type: "change", from: "a", version: 2, member: { topic: "room", id: "ada", entry: undefined } },
    { type: "alive", from: "a", version: 2 },
    { type: "ask", from: "a", to: "b" },
    { type: "ask", from: "a", to: undefined },
    { type: "bye", from: "a" },
  ];
  for (const message of messages) assertEquals(decodePresence(encodePresence(message)), message);
});

Deno.test("a list comes in parts far below a broker's largest message, and the last part is marked", () => {
  const text = JSON.stringify("x".repeat(4_000));
  const members = Array.from({ length: 100 }, (_, i) => [`${i}`, { data: JSON.parse(text), text, at: i }] as const);
  const entries: Entries<string> = new Map([["room", new Map(members)], ["hall", new Map(members)]]);
  const parts = [...encodeList("a", 7, entries)];
  assert(parts.length > 10 && parts.every((part) => part.length < 80_000));
  const read = parts.map((part) => decodePresence<string>(part)).map((part) =>
    part?.type === "list" ? part : undefined
  );
  assertEquals(read.map((part) => part?.part), parts.map((_, i) => i));
  assertEquals(read.map((part) => part?.last), parts.map((_, i) => i === parts.length - 1));
  assertEquals(read.flatMap((part) => part?.members ?? []).length, 200);
  const none = decodePresence([...encodeList("a", 0, new Map())][0]);
  assertEquals(none, { type: "list", from: "a", version: 0, part: 0, last: true, members: [] });
});

Deno.test("invalid messages parse to undefined", () => {
  const wrong = [
    Uint8Array.of(1),
    undefined,
    "{",
    "null",
    "[]",
    `"alive"`,
    `{"type":"alive"}`,
    `{"type":"alive","from":1,"version":1}`,
    `{"type":"alive","from":"a","version":-1}`,
    `{"type":"alive","from":"a","version":"1"}`,
    `{"type":"change","from":"a","version":1}`,
    `{"type":"change","from":"a","version":1,"member":["room"]}`,
    `{"type":"change","from":"a","version":1,"member":["room",1]}`,
    `{"type":"change","from":"a","version":1,"member":["room","ada","now",1]}`,
    `{"type":"list","from":"a","version":1,"part":0,"members":[]}`,
    `{"type":"list","from":"a","version":1,"part":0,"last":1,"members":[]}`,
    `{"type":"list","from":"a","version":1,"part":0,"last":true,"members":{}}`,
    `{"type":"other","from":"a","version":1}`,
  ];
  for (const data of wrong) assertEquals(decodePresence(data), undefined, String(data));
});
