import { assertEquals, assertStrictEquals } from "@std/assert";
import { Backlog } from "../../lib/hub/backlog.ts";
import { MESSAGE_COST } from "../../lib/pipeline/messages/message.ts";
import { message } from "./_support.ts";

/** The messages that are left, in order. */
function drain(backlog: Backlog): string[] {
  const left: string[] = [];
  for (let next = backlog.take(); next !== undefined; next = backlog.take()) left.push(`${next.topic}: ${next.data}`);
  return left;
}

const ROOM_FOR_THREE = 3 * (MESSAGE_COST + 1);

Deno.test("A6: drop-oldest keeps the newest messages that fit, and counts the dropped ones", () => {
  const backlog = new Backlog(ROOM_FOR_THREE);
  assertEquals(["1", "2", "3", "4", "5"].map((data, id) => backlog.put(message(id, "a", data), "drop-oldest")), [
    0,
    0,
    0,
    1,
    1,
  ]);
  assertStrictEquals(backlog.length, 3);
  assertEquals(drain(backlog), ["a: 3", "a: 4", "a: 5"]);
});

Deno.test("A6: latest-only keeps one message of each topic, in the place of the one it replaces", () => {
  const backlog = new Backlog(ROOM_FOR_THREE);
  const put = (topic: string, data: string) => backlog.put(message(1, topic, data), "latest-only");
  assertEquals([put("a", "1"), put("b", "1"), put("a", "2"), put("__proto__", "1"), put("a", "3")], [0, 0, 1, 0, 1]);
  assertEquals(drain(backlog), ["a: 3", "b: 1", "__proto__: 1"]);
  assertEquals(put("a", "4"), 0);
  assertEquals(drain(backlog), ["a: 4"]);
});

Deno.test("A6: latest-only is bounded over all topics", () => {
  const backlog = new Backlog(ROOM_FOR_THREE);
  assertEquals(["a", "b", "c", "d"].map((topic) => backlog.put(message(1, topic, "1"), "latest-only")), [0, 0, 0, 1]);
  assertEquals(drain(backlog), ["b: 1", "c: 1", "d: 1"]);
});

Deno.test("topics of both policies share the bound, and the kept messages stay in order", () => {
  const backlog = new Backlog(ROOM_FOR_THREE);
  backlog.put(message(1, "a", "1"), "drop-oldest");
  backlog.put(message(2, "b", "1"), "latest-only");
  backlog.put(message(3, "a", "2"), "drop-oldest");
  backlog.put(message(4, "b", "2"), "latest-only");
  assertEquals(backlog.put(message(5, "a", "3"), "drop-oldest"), 1);
  assertEquals(drain(backlog), ["b: 2", "a: 2", "a: 3"]);
});

Deno.test("a message larger than the bound is dropped, with all before it", () => {
  for (const policy of ["drop-oldest", "latest-only"] as const) {
    const backlog = new Backlog(ROOM_FOR_THREE);
    backlog.put(message(1, "a", "1"), policy);
    assertEquals(backlog.put(message(2, "b", "x".repeat(ROOM_FOR_THREE)), policy), 2);
    assertStrictEquals(backlog.length, 0);
  }
});
