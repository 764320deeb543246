import { assert, assertEquals, assertThrows } from "@std/assert";
import { LimitError, TopicError } from "../../lib/errors.ts";
import { createPresence } from "../../lib/presence/presence.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { settle } from "../_support/wait.ts";
import { join, type Member } from "../hub/_support.ts";
import { createHub } from "../../lib/hub/hub.ts";
import { presenceOf } from "./_support.ts";

const hub = createHub();

/** A connection of a server. */
const guest = (): Member => join(hub);

/** Ends a connection, as a page that is closed or reloaded does. */
async function end({ connection }: Member): Promise<void> {
  connection.abort();
  await connection.closed;
  await settle();
}

Deno.test("a member joins, changes and leaves, and the topic's members are always known", async () => {
  await using presence = presenceOf();
  await using ada = guest();
  assert(presence.join(ada.connection, "room", { id: "ada", data: { name: "Ada" } }));
  assertEquals(presence.members("room"), new Map([["ada", { name: "Ada" }]]));
  assertEquals(await presence.changes(), [`room +ada:{"name":"Ada"}`]);
  assert(presence.update(ada.connection, "room", { name: "Ada L." }));
  assertEquals(await presence.changes(), [`room ~ada:{"name":"Ada L."}`]);
  assert(presence.leave(ada.connection, "room"));
  assertEquals(presence.members("room").size, 0);
  assertEquals(await presence.changes(), ["room -ada"]);
  assert(!presence.leave(ada.connection, "room"));
  assert(!presence.update(ada.connection, "room", 1));
  assertEquals(await presence.changes(), []);
});

Deno.test("the changes of one call stack come together, and changes that cancel out are not reported", async () => {
  const changes: unknown[] = [];
  await using presence = createPresence({ onChange: (topic, change) => void changes.push([topic, change]) });
  await using ada = guest();
  await using bob = guest();
  presence.join(ada.connection, "room", { id: "ada", data: 1 });
  presence.join(bob.connection, "room", { id: "bob", data: 2 });
  presence.update(bob.connection, "room", 3);
  presence.join(ada.connection, "hall", { id: "ada", data: 1 });
  presence.leave(ada.connection, "hall");
  assertEquals(changes, []);
  await settle();
  const joined = [{ id: "ada", data: 1 }, { id: "bob", data: 3 }];
  assertEquals(changes, [["room", { joined, updated: [], left: [] }]]);
});

Deno.test("a page that reloads within leaveDelay neither leaves nor joins, and one that does not return leaves", async () => {
  using time = new FakeTime();
  await using presence = presenceOf({ leaveDelay: 5_000 });
  const before = guest();
  presence.join(before.connection, "room", { id: "ada", data: "Ada" });
  await presence.changes();
  await end(before);
  await time.advance(4_999);
  assert(presence.members("room").has("ada"));
  const after = guest();
  presence.join(after.connection, "room", { id: "ada", data: "Ada" });
  await time.advance(60_000);
  assertEquals(await presence.changes(), []);

  await end(after);
  await time.advance(4_999);
  assertEquals(await presence.changes(), []);
  await time.advance(1);
  assertEquals(await presence.changes(), ["room -ada"]);
  assertEquals(time.timers, 0);
});

Deno.test("several connections of one id are one member, which leaves with the last one", async () => {
  using time = new FakeTime();
  await using presence = presenceOf({ leaveDelay: 0 });
  const [phone, laptop] = [guest(), guest()];
  presence.join(phone.connection, "room", { id: "ada", data: "phone" });
  presence.join(laptop.connection, "room", { id: "ada", data: "laptop" });
  assertEquals(await presence.changes(), [`room +ada:"laptop"`]);
  assertEquals(presence.send("room", "hello"), 2);
  await end(phone);
  await time.advance(1);
  assertEquals(await presence.changes(), []);
  await end(laptop);
  await time.advance(1);
  assertEquals(await presence.changes(), ["room -ada"]);
});

Deno.test("a connection that joins with another id leaves under its old id", async () => {
  await using presence = presenceOf();
  await using ada = guest();
  presence.join(ada.connection, "room", { id: "guest", data: 1 });
  await presence.changes();
  presence.join(ada.connection, "room", { id: "ada", data: 1 });
  assertEquals(await presence.changes(), ["room +ada:1", "room -guest"]);
  assertEquals(presence.send("room", "hello"), 1);
});

Deno.test("send reaches the connections in the topic, and no other", async () => {
  await using presence = presenceOf();
  await using ada = guest();
  await using bob = guest();
  presence.join(ada.connection, "room", { id: "ada", data: 1 });
  presence.join(bob.connection, "room", { id: "bob", data: 1 });
  presence.leave(bob.connection, "room");
  assertEquals(presence.send("room", "hello"), 1);
  assertEquals(await ada.texts(1), ["hello"]);
});

Deno.test("the data is a copy, as JSON represents it", async () => {
  await using presence = presenceOf();
  await using ada = guest();
  const data = { name: "Ada", since: new Date(0), none: undefined };
  presence.join(ada.connection, "room", { id: "ada", data });
  data.name = "Eve";
  assertEquals(presence.members("room").get("ada"), { name: "Ada", since: "1970-01-01T00:00:00.000Z" });
  for (const data of [() => {}, Symbol("data"), 1n]) {
    assertThrows(() => presence.join(ada.connection, "room", { id: "ada", data }), TypeError);
  }
});

Deno.test("a topic with maxMembers members refuses new ones, but accepts changes of its members", async () => {
  await using presence = presenceOf({ maxMembers: 2 });
  await using ada = guest();
  await using bob = guest();
  await using eve = guest();
  presence.join(ada.connection, "room", { id: "ada", data: 1 });
  presence.join(bob.connection, "room", { id: "bob", data: 1 });
  const error = assertThrows(() => presence.join(eve.connection, "room", { id: "eve", data: 1 }), LimitError);
  assertEquals([error.limit, error.max, error.actual, error.closeCode], ["maxMembers", 2, 2, 1013]);
  assertEquals(error.message, 'Topic has maxMembers 2 members already: topic "room"');
  assertEquals(presence.send("room", "hello"), 2);
  assert(presence.join(eve.connection, "room", { id: "bob", data: 1 }));
});

Deno.test("data of more than maxDataBytes is refused, its id included, and the old data stays", async () => {
  await using presence = presenceOf({ maxDataBytes: 8 });
  await using ada = guest();
  presence.join(ada.connection, "room", { id: "ada", data: "äb" }); // 3 + 5
  const join = () => presence.join(ada.connection, "room", { id: "ada", data: "äbc" });
  for (const refused of [join, () => presence.update(ada.connection, "room", "äbc")]) {
    const error = assertThrows(refused, LimitError);
    assertEquals([error.limit, error.max, error.actual, error.closeCode], ["maxDataBytes", 8, 9, 1009]);
  }
  assertEquals(presence.members("room").get("ada"), "äb");
});

Deno.test("wrong arguments throw in every state, and a closed connection or presence is not an error", async () => {
  const presence = presenceOf();
  const ada = guest();
  const bob = guest();
  const member = { id: "ada", data: 1 };
  assertThrows(() => presence.join(ada.connection, "\ud800", member), TopicError);
  assertThrows(() => presence.join(ada.connection, "x".repeat(1_025), member), LimitError);
  assertThrows(() => presence.join(ada.connection, "room", { id: "", data: 1 }), TypeError, "id");
  assertThrows(() => presence.join(ada.connection, "room", { id: "ada", data: undefined }), TypeError, "data");
  await end(ada);
  assert(!presence.join(ada.connection, "room", member));
  presence.join(bob.connection, "room", { id: "bob", data: 1 });
  await presence.close();
  assert(!presence.join(bob.connection, "room", member));
  assert(!presence.leave(bob.connection, "room"));
  await end(bob);
});

Deno.test("close ends every timer, and nothing changes after it", async () => {
  using time = new FakeTime();
  const presence = presenceOf();
  const [ada, bob] = [guest(), guest()];
  presence.join(ada.connection, "room", { id: "ada", data: 1 });
  presence.join(bob.connection, "room", { id: "bob", data: 1 });
  await presence.changes();
  await end(ada);
  assertEquals(time.timers, 1);
  await presence.close();
  assertEquals(time.timers, 0);
  await end(bob);
  assertEquals(time.timers, 0);
  assertEquals(await presence.changes(), []);
});

Deno.test("an error of onChange goes to onError", async () => {
  const errors: unknown[] = [];
  await using presence = createPresence({
    onChange: () => Promise.reject("wrong"),
    onError: (error) => void errors.push(error),
  });
  await using ada = guest();
  presence.join(ada.connection, "room", { id: "ada", data: 1 });
  await settle();
  assertEquals(errors, ["wrong"]);
});
