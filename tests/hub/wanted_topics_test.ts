import { assertEquals } from "@std/assert";
import { ALL_TOPICS, WantedTopics } from "../../lib/hub/wanted_topics.ts";

const interests = () => new WantedTopics((topic) => `<${topic}>`);

Deno.test("a topic is sent once, under the broker's name for it", () => {
  const topics = interests();
  topics.add("a");
  topics.add("a");
  topics.add("__proto__");
  assertEquals(topics.take(), { add: ["<a>", "<__proto__>"], remove: [] });
  assertEquals(topics.take(), undefined);
  assertEquals([topics.wants("a"), topics.wants("b"), topics.nameOf("a"), topics.nameOf("b")], [
    true,
    false,
    "<a>",
    "<b>",
  ]);
});

Deno.test("A11: a topic that is added and removed, or removed and added, before it is sent is never sent", () => {
  const topics = interests();
  for (const topic of "ab") topics.add(topic);
  topics.take();
  for (const topic of "abc") topics.delete(topic);
  topics.add("b");
  topics.add("d");
  topics.delete("d");
  assertEquals([topics.wants("a"), topics.wants("b")], [false, true]);
  assertEquals(topics.take(), { add: [], remove: ["<a>"] });
});

Deno.test("a subscription to all topics replaces single ones, and the other way round", () => {
  const topics = interests();
  topics.add("a");
  topics.take();
  topics.all = true;
  topics.all = true;
  topics.add("b");
  assertEquals(topics.take(), { add: [ALL_TOPICS], remove: ["<a>"] });
  assertEquals(topics.wants("anything"), true);
  topics.all = false;
  assertEquals(topics.take(), { add: ["<a>", "<b>"], remove: [ALL_TOPICS] });
  assertEquals(topics.wants("anything"), false);
});

Deno.test("a broker without state gets all wanted topics, and nothing else", () => {
  const topics = interests();
  for (const topic of "abc") topics.add(topic);
  topics.take();
  topics.delete("b");
  topics.forget();
  assertEquals(topics.take(), { add: ["<a>", "<c>"], remove: [] });
  topics.all = true;
  topics.take();
  topics.forget();
  assertEquals(topics.take(), { add: [ALL_TOPICS], remove: [] });
});

Deno.test("a topic that was sent, or added and removed, leaves nothing behind", () => {
  const topics = interests();
  for (let at = 0; at < 100; at++) {
    topics.add(`${at}`);
    topics.take();
    topics.delete(`${at}`);
    topics.take();
    topics.add("again");
    topics.delete("again");
    topics.take();
  }
  assertEquals(topics.pending, 0);
});
