import { assertEquals } from "@std/assert";
import type { PresenceChange } from "../../lib/presence/presence_options.ts";
import { type Entries, type Entry, Roster } from "../../lib/presence/roster.ts";

const entry = (data: string, at: number): Entry<string> => ({ data, text: JSON.stringify(data), at });
const list = (...members: [id: string, Entry<string>][]): Entries<string> => new Map([["room", new Map(members)]]);

function noted(): { roster: Roster<string>; changes: () => Promise<PresenceChange<string>[]> } {
  const changes: PresenceChange<string>[] = [];
  const roster = new Roster<string>((_, change) => void changes.push(change));
  return { roster, changes: () => Promise.resolve().then(() => changes.splice(0)) };
}

Deno.test("a member of two servers is one member, with the later data, and leaves when it has left both", async () => {
  const { roster, changes } = noted();
  roster.set("a", "room", "ada", entry("old", 1));
  await changes();
  roster.set("b", "room", "ada", entry("new", 2));
  assertEquals(await changes(), [{ joined: [], updated: [{ id: "ada", data: "new" }], left: [] }]);
  roster.set("a", "room", "ada", entry("older", 0));
  roster.set("c", "room", "ada", entry("new", 3));
  assertEquals(await changes(), []);
  roster.forget("b");
  roster.forget("c");
  assertEquals(await changes(), [{ joined: [], updated: [{ id: "ada", data: "older" }], left: [] }]);
  roster.set("a", "room", "ada", undefined);
  assertEquals(await changes(), [{ joined: [], updated: [], left: ["ada"] }]);
  assertEquals([roster.members("room").size, roster.entriesOf("a").size], [0, 0]);
});

Deno.test("for simultaneous changes on two servers every server chooses the same data, in any order", () => {
  for (const order of [["a", "b"], ["b", "a"]]) {
    const { roster } = noted();
    for (const name of order) roster.set(name, "room", "ada", entry(name, 1));
    assertEquals(roster.members("room").get("ada")?.data, "b");
  }
});

Deno.test("a list that replaces another one changes only the differences", async () => {
  const { roster, changes } = noted();
  roster.replace("a", list(["ada", entry("1", 1)], ["bob", entry("1", 1)], ["cy", entry("1", 1)]));
  await changes();
  roster.replace("a", list(["bob", entry("1", 2)], ["cy", entry("2", 2)], ["dee", entry("1", 2)]));
  assertEquals(await changes(), [{
    joined: [{ id: "dee", data: "1" }],
    updated: [{ id: "cy", data: "2" }],
    left: ["ada"],
  }]);
});
