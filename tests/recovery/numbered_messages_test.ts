import { assertEquals, assertRejects } from "@std/assert";
import { memoryLog } from "../../lib/recovery/memory_log.ts";
import { NumberedMessages } from "../../lib/recovery/numbered_messages.ts";
import { TestLog } from "./_support.ts";

/** A connection that keeps what it sends. */
function wayOf(): { sent: unknown[]; readyState: 1 | 2 | 3; send(data: unknown): Promise<void> } {
  const sent: unknown[] = [];
  return { sent, readyState: 1, send: (data: unknown) => Promise.resolve(void sent.push(JSON.parse(String(data)))) };
}

Deno.test("each number goes to the application once, with its id, and is stored in the log", async () => {
  await using log = memoryLog();
  const numbered = new NumberedMessages("s", log);
  const way = wayOf();
  await numbered.resume(way);
  const heard: string[] = [];
  for (const number of [1, 1, 2]) await numbered.take(way, number, (id) => heard.push(id));
  assertEquals([heard, await log.taken("s")], [["s:1", "s:2"], 2]);
  assertEquals(way.sent, [
    { type: "session", session: "s", number: 0 },
    { type: "acknowledged", number: 1 },
    { type: "acknowledged", number: 1 },
    { type: "acknowledged", number: 2 },
  ]);
});

Deno.test("a message that is still handled is not handled again when it comes over the next connection", async () => {
  await using log = memoryLog();
  const numbered = new NumberedMessages("s", log);
  const [lost, next] = [wayOf(), wayOf()];
  await numbered.resume(lost);
  const handled = Promise.withResolvers<void>();
  const heard: string[] = [];
  const hear = (id: string) => {
    heard.push(id);
    return handled.promise;
  };
  const first = numbered.take(lost, 1, hear);
  lost.readyState = 3;
  const rest = [numbered.resume(next), numbered.take(next, 1, hear), numbered.take(next, 2, hear)];
  await Promise.resolve();
  assertEquals([heard, next.sent], [["s:1"], []]);
  handled.resolve();
  await Promise.all([first, ...rest]);
  assertEquals(heard, ["s:1", "s:2"]);
  assertEquals(next.sent[0], { type: "session", session: "s", number: 1 });
});

Deno.test("a message that the application or the log did not take is not acknowledged, and can come again", async () => {
  const log = new TestLog();
  const numbered = new NumberedMessages("s", log);
  const way = wayOf();
  await assertRejects(() => numbered.take(way, 1, () => Promise.reject(new Error("no room"))), Error, "no room");
  log.error = new Error("disk full");
  const heard: string[] = [];
  const hear = (id: string) => heard.push(id);
  await assertRejects(() => numbered.take(way, 1, hear), Error, "disk full");
  await assertRejects(() => numbered.resume(way), Error, "disk full");
  log.error = undefined;
  await numbered.resume(way);
  await numbered.take(way, 1, hear);
  assertEquals([heard, way.sent.length], [["s:1"], 2]);
  await log.close();
});

Deno.test("another server may have taken more", async () => {
  await using log = memoryLog();
  const numbered = new NumberedMessages("s", log);
  await log.take("s", 5);
  const way = wayOf();
  await numbered.resume(way);
  assertEquals(way.sent, [{ type: "session", session: "s", number: 5 }]);
});
