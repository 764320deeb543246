import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { LimitError, TopicError } from "../../lib/errors.ts";
import { topicFault } from "../../lib/hub/topic_fault.ts";

Deno.test("A8: a topic of as many bytes as are allowed is fine, and one more is too many", () => {
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

Deno.test("A8: a lone surrogate is no topic: a broker could not tell it from another", () => {
  for (const topic of ["\ud800", "a\udc00b", "\udc00\ud800"]) assertInstanceOf(topicFault(topic, 100), TopicError);
});
