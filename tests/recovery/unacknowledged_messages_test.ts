import { assertEquals, assertRejects } from "@std/assert";
import { LimitError } from "../../lib/errors.ts";
import { UnacknowledgedMessages } from "../../lib/recovery/unacknowledged_messages.ts";

/** Messages of the session `s`, and connections that note what they are sent. */
function setting({ messages = 10, bytes = 10_000 } = {}) {
  const kept = new UnacknowledgedMessages("s", { maxOutboxMessages: messages, maxOutboxBytes: bytes });
  const connect = (number?: number) => {
    const sent: unknown[] = [];
    const socket: { readyState: 1 | 3; send(line: unknown): Promise<void> } = {
      readyState: 1,
      send: (line) => (sent.push(JSON.parse(String(line))), Promise.resolve()),
    };
    kept.begin(socket);
    if (number !== undefined) kept.taken({ type: "session", session: "s", number });
    return { sent, socket };
  };
  return {
    kept,
    connect,
    numbers: (sent: unknown[]) => sent.slice(1).map((line) => Reflect.get(Object(line), "number")),
  };
}

Deno.test("messages are numbered and sent once the server has reported its number, and are kept until acknowledged", async () => {
  const { kept, connect } = setting();
  const first = kept.add("a");
  const { sent } = connect();
  assertEquals(sent, [{ type: "session", session: "s" }]);
  kept.taken({ type: "session", session: "s", number: 0 });
  kept.add("b");
  assertEquals(sent.slice(1), [{ type: "message", number: 1, data: "a" }, { type: "message", number: 2, data: "b" }]);
  assertEquals(kept.length, 2);
  kept.taken({ type: "acknowledged", number: 1 });
  await first;
  assertEquals(kept.length, 1);
});

Deno.test("after a lost connection the rest is sent again, in order, and acknowledged messages are not", () => {
  const { kept, connect, numbers } = setting();
  const one = connect(0);
  for (const data of ["a", "b", "c"]) kept.add(data);
  one.socket.readyState = 3;
  kept.add("d"); // goes nowhere
  const two = connect(2);
  assertEquals([numbers(one.sent), numbers(two.sent)], [[1, 2, 3], [3, 4]]);
});

Deno.test("a session that existed before continues its numbers", () => {
  const { kept, connect, numbers } = setting();
  kept.add("a");
  const { sent } = connect(50);
  kept.add("b");
  assertEquals([numbers(sent), kept.length], [[51, 52], 2]);
});

Deno.test("messages that a server forgot are sent again with their numbers", () => {
  const { kept, connect, numbers } = setting();
  connect(0);
  kept.add("a");
  kept.taken({ type: "acknowledged", number: 1 });
  kept.add("b");
  assertEquals(numbers(connect(0).sent), [2]);
});

Deno.test("an acknowledgement of another session is ignored", () => {
  const { kept, connect } = setting();
  connect(0);
  kept.add("a");
  kept.taken({ type: "session", session: "other", number: 9 });
  assertEquals(kept.length, 1);
});

Deno.test("they are limited in number and in bytes: a message without room rejects at once", async () => {
  const few = setting({ messages: 1 });
  few.kept.add("a");
  const error = await assertRejects(() => few.kept.add("b"), LimitError, "2 messages");
  assertEquals([error.limit, error.max, few.kept.length], ["maxOutboxMessages", 1, 1]);
  const small = setting({ bytes: 300 });
  small.kept.add("x".repeat(100));
  await assertRejects(() => small.kept.add(new Uint8Array(100)), LimitError, "maxOutboxBytes 300");
});

Deno.test("binary data is copied: the caller may change it", () => {
  const { kept, connect } = setting();
  const bytes = new Uint8Array([1]);
  kept.add(bytes);
  bytes[0] = 2;
  const sent: unknown[] = [];
  kept.begin({ readyState: 1, send: (data) => (sent.push(data), Promise.resolve()) });
  kept.taken({ type: "session", session: "s", number: 0 });
  assertEquals(sent[1] instanceof Uint8Array && sent[1].at(-1), 1);
  connect();
});

Deno.test("the end rejects unacknowledged messages, and later ones", async () => {
  const { kept } = setting();
  const cause = new Error("gone");
  const waiting = kept.add("a");
  kept.end(cause);
  const error = await assertRejects(() => waiting, DOMException);
  assertEquals(error.cause, cause);
  await assertRejects(() => kept.add("b"), DOMException, "closed for good");
});
