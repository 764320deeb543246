import { assertEquals } from "@std/assert";
import {
  CLOSE_HANDSHAKE,
  type CloseAction,
  type CloseHandshakeEvent,
  type CloseState,
} from "../../lib/connection/close_handshake.ts";

/** The table once more, by hand: every state and every event; `-` changes nothing. */
const EXPECTED: Record<CloseState, Record<CloseHandshakeEvent, string>> = {
  open: {
    close: "closeSent: startTimer sendClose",
    peerClose: "closeReceived: startTimer awaitReplies",
    fault: "failing: awaitReplies",
    fail: "failed: startTimer sendClose endWriting",
    end: "closed: finish",
    flushed: "-",
    timeout: "-",
    abort: "closed: finish",
  },
  closeSent: {
    close: "-",
    peerClose: "exchanged: endWriting",
    fault: "failed: endWriting",
    fail: "failed: endWriting",
    end: "closed: finish",
    flushed: "-",
    timeout: "closed: finish",
    abort: "closed: finish",
  },
  closeReceived: {
    close: "exchanged: sendClose endWriting",
    peerClose: "-",
    fault: "-",
    fail: "exchanged: sendClose endWriting",
    end: "closeReceived:",
    flushed: "-",
    timeout: "closed: finish",
    abort: "closed: finish",
  },
  exchanged: {
    close: "-",
    peerClose: "-",
    fault: "-",
    fail: "-",
    end: "exchanged: flush",
    flushed: "closed: finish",
    timeout: "closed: finish",
    abort: "closed: finish",
  },
  failing: {
    close: "failed: startTimer sendClose endWriting",
    peerClose: "-",
    fault: "-",
    fail: "failed: startTimer sendClose endWriting",
    end: "-",
    flushed: "-",
    timeout: "-",
    abort: "closed: finish",
  },
  failed: {
    close: "-",
    peerClose: "-",
    fault: "-",
    fail: "-",
    end: "failed: flush",
    flushed: "closed: finish",
    timeout: "closed: finish",
    abort: "closed: finish",
  },
  closed: { close: "-", peerClose: "-", fault: "-", fail: "-", end: "-", flushed: "-", timeout: "-", abort: "-" },
};

const STATES = Object.keys(EXPECTED) as CloseState[];
const EVENTS = Object.keys(EXPECTED.open) as CloseHandshakeEvent[];
const ACTIONS: readonly CloseAction[] = ["startTimer", "awaitReplies", "sendClose", "endWriting", "flush", "finish"];

/** Every way from a state on which no state comes twice, as the actions on it and the state at its end. */
function paths(state: CloseState, seen: CloseState[] = []): { end: CloseState; actions: CloseAction[] }[] {
  const steps = Object.values(CLOSE_HANDSHAKE[state]).filter(({ next }) => next !== state && !seen.includes(next));
  if (steps.length === 0) return [{ end: state, actions: [] }];
  return steps.flatMap(({ next, actions }) =>
    paths(next, [...seen, state]).map((path) => ({ end: path.end, actions: [...actions, ...path.actions] }))
  );
}

const count = (actions: readonly CloseAction[], action: CloseAction) => actions.filter((one) => one === action).length;

for (const state of STATES) {
  Deno.test(`in state ${state} the closing handshake answers each event as RFC 6455 §7 wants it`, () => {
    const actual = Object.fromEntries(EVENTS.map((event) => {
      const transition = CLOSE_HANDSHAKE[state][event];
      return [event, transition === undefined ? "-" : [`${transition.next}:`, ...transition.actions].join(" ")];
    }));
    assertEquals(actual, EXPECTED[state]);
  });
}

Deno.test("the table has these states and no others, and leads to them only", () => {
  assertEquals(Object.keys(CLOSE_HANDSHAKE), STATES);
  for (const cells of Object.values(CLOSE_HANDSHAKE)) {
    for (const [event, { next }] of Object.entries(cells)) {
      assertEquals(EVENTS.some((known) => known === event), true, event);
      assertEquals(STATES.includes(next), true, next);
    }
  }
});

Deno.test("the table asks for known actions only, and for each of them somewhere", () => {
  const used = Object.values(CLOSE_HANDSHAKE).flatMap((cells) =>
    Object.values(cells).flatMap(({ actions }) => actions)
  );
  assertEquals([...new Set(used)].toSorted(), ACTIONS.toSorted());
});

Deno.test("closed is absorbing", () => {
  assertEquals(CLOSE_HANDSHAKE.closed, {});
});

Deno.test("every path from open ends in closed, and finishes once, as its last action", () => {
  const all = paths("open");
  assertEquals(all.length > 10, true);
  for (const { end, actions } of all) {
    assertEquals(end, "closed", actions.join(" "));
    assertEquals(actions.at(-1), "finish");
    assertEquals(count(actions, "finish"), 1, actions.join(" "));
  }
});

Deno.test("on no path is a second close frame sent, or anything after it but the end (§5.5.1)", () => {
  for (const { actions } of paths("open")) assertEquals(count(actions, "sendClose") <= 1, true, actions.join(" "));
});

Deno.test("whatever waits has a deadline: no path leaves open but to closed without a timer", () => {
  for (const { next, actions } of Object.values(CLOSE_HANDSHAKE.open)) {
    assertEquals(next === "closed" || ["startTimer", "awaitReplies"].includes(actions[0]!), true, next);
  }
  // What waits for the application and not for the peer is over with "fail".
  assertEquals(CLOSE_HANDSHAKE.failing.fail?.actions[0], "startTimer");
  for (const state of STATES.filter((state) => state !== "open" && state !== "closed")) {
    if (state !== "failing") assertEquals(CLOSE_HANDSHAKE[state].timeout?.next, "closed", state);
    assertEquals(CLOSE_HANDSHAKE[state].abort?.next, "closed", state);
  }
});
