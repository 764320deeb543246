import { assert, assertEquals, assertInstanceOf, assertStrictEquals, assertThrows } from "@std/assert";
import { pattern, topicFault, type TopicPattern } from "../../lib/hub/topic_pattern.ts";
import { LimitError, TopicError } from "../../lib/errors.ts";

/** Which of some topics a pattern matches. */
const among = (found: TopicPattern, topics: string[]) => topics.filter((topic) => found.matches(topic));

Deno.test("* matches one whole segment, also an empty one", () => {
  const topics = ["room", "room/", "room/1", "room/1/", "room/1/x", "rooms/1", "Room/1", "/room/1"];
  assertEquals(among(pattern`room/*`, topics), ["room/", "room/1"]);
  assertEquals(among(pattern`room/*/x`, topics), ["room/1/x"]);
  assertEquals(among(pattern`*/*`, topics), ["room/", "room/1", "rooms/1", "Room/1"]);
  assertEquals(among(pattern`*`, ["", "a", "/", "a/b"]), ["", "a"]);
});

Deno.test("** at the end matches all the rest, also nothing", () => {
  assertEquals(among(pattern`room/**`, ["room", "room/", "room/1", "room/1/x", "roomy"]), [
    "room/",
    "room/1",
    "room/1/x",
  ]);
  assertEquals(among(pattern`**`, ["", "a", "a/b/c"]), ["", "a", "a/b/c"]);
});

Deno.test("a pattern without wildcards is one topic", () => {
  assertEquals(among(pattern`room`, ["room", "roo", "rooms", "room/1"]), ["room"]);
  assertEquals(among(pattern``, ["", "a"]), [""]);
});

Deno.test("A8: a value inserted into a pattern is never a wildcard", () => {
  for (const name of ["*", "**", "a/*", "\\*"]) {
    const theirs = pattern`users/${name}/*`;
    assert(theirs.matches(`users/${name}/orders`));
    assertEquals(among(theirs, ["users/ada/orders", "users/a/b/orders", "users//orders"]), []);
  }
  assertEquals(among(pattern`room/${7}`, ["room/7", "room/77"]), ["room/7"]);
});

Deno.test("A8: slashes in an inserted value do not split the segment beside it", () => {
  for (const make of [() => pattern`${"a/"}*`, () => pattern`*${"/a"}`]) assertThrows(make, SyntaxError);
});

Deno.test("equal patterns have the same source, and a literal * is escaped", () => {
  assertStrictEquals(pattern`room/*`.source, pattern`${"room"}/*`.source);
  assertStrictEquals(pattern`room/${"*"}`.source, "room/\\*");
  assertStrictEquals(pattern`room/${"\\*"}`.source, "room/\\\\\\*");
});

Deno.test("a wildcard inside a segment, or ** before the end, throws", () => {
  const wrong = [() => pattern`room*`, () => pattern`room/***`, () => pattern`**/x`, () => pattern`a/*b/c`];
  for (const make of wrong) assertThrows(make, SyntaxError);
});

Deno.test("A8: a topic may have the maximum of bytes, and one byte more is refused", () => {
  for (const topic of ["", "123456", "€€", "é12é", "𐍈12", "__proto__".slice(0, 6), "a\0\n*#>"]) {
    assertStrictEquals(topicFault(topic, 6), undefined, topic);
  }
  for (const [topic, actual] of [["1234567", 7], ["€€1", 7], ["𐍈𐍈", 8], ["x".repeat(100_000), 100_000]] as const) {
    const fault = topicFault(topic, 6);
    assertInstanceOf(fault, LimitError);
    assertEquals([fault.limit, fault.max, fault.actual, fault.closeCode], ["maxTopicBytes", 6, actual, 1008]);
  }
  assertStrictEquals(topicFault("x".repeat(100_000), Infinity), undefined);
});

Deno.test("A8: a lone surrogate is not a valid topic, because a broker could not distinguish it", () => {
  for (const topic of ["\ud800", "a\udc00b", "\udc00\ud800"]) assertInstanceOf(topicFault(topic, 100), TopicError);
});
