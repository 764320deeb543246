import { assert, assertEquals } from "@std/assert";
import { CLOSE_HANDSHAKE } from "../../lib/connection/close_handshake.ts";
import type { CloseTable, End } from "./close_model.ts";
import { searchClosing, type SearchResult } from "./close_search.ts";

type May = End["may"];

/** What the applications at both ends may do, and how often the network may fail: the searches that the suite has time for. */
const SEARCHES: readonly (readonly [what: string, may: May, failures: number])[] = [
  ["close and send", { send: 1, close: 1, fail: 0, fault: 0, abort: 0 }, 0],
  ["close, send, throw and break a rule", { send: 1, close: 1, fail: 1, fault: 1, abort: 0 }, 0],
  ["close, throw and give up, over a network that fails", { send: 0, close: 1, fail: 1, fault: 0, abort: 1 }, 1],
];

const search = (table: CloseTable): SearchResult["fault"] => {
  for (const [, may, failures] of SEARCHES) {
    const { fault } = searchClosing(table, may, failures);
    if (fault !== undefined) return fault;
  }
  return undefined;
};

for (const [what, may, failures] of SEARCHES) {
  Deno.test(`the closing handshake holds for every order of events: both ends ${what}`, () => {
    const { fault, states, ends } = searchClosing(CLOSE_HANDSHAKE, may, failures);
    assertEquals(fault, undefined);
    assert(states > 500 && ends > 100, `only ${states} states and ${ends} ends`);
  });
}

/** The table with one cell changed. */
function changed(state: string, event: string, cell: unknown): CloseTable {
  const cells: Record<string, unknown> = { ...Reflect.get(CLOSE_HANDSHAKE, state) };
  if (cell === undefined) delete cells[event];
  else cells[event] = cell;
  return { ...CLOSE_HANDSHAKE, [state]: cells };
}

Deno.test("the search shows the path to a second close frame", () => {
  const { fault } = searchClosing(
    changed("closeSent", "close", { next: "closeSent", actions: ["sendClose"] }),
    { send: 0, close: 2, fail: 0, fault: 0, abort: 0 },
    0,
  );
  assertEquals(fault, { why: "A second close frame is sent (§5.5.1)", way: ["client: close", "client: close"] });
});

Deno.test("the search notices a missing action in each state", () => {
  const survivors: string[] = [];
  for (const [state, cells] of Object.entries(CLOSE_HANDSHAKE)) {
    for (const [event, { next, actions }] of Object.entries(cells)) {
      for (const [i, action] of actions.entries()) {
        const table = changed(state, event, { next, actions: actions.toSpliced(i, 1) });
        if (search(table) === undefined) survivors.push(`${state}, ${event}, ${action}`);
      }
    }
  }
  assertEquals(survivors, []);
});
