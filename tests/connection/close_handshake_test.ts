import { assertEquals } from "@std/assert";
import { CLOSE_HANDSHAKE, type CloseState } from "../../lib/connection/close_handshake.ts";

// What the table does is proved in every order of events by `tests/simulation/close_search_test.ts`.

const STATES = Object.keys(CLOSE_HANDSHAKE) as CloseState[];

Deno.test("every transition of the table leads to a known state", () => {
  for (const cells of Object.values(CLOSE_HANDSHAKE)) {
    for (const { next } of Object.values(cells)) assertEquals(STATES.includes(next), true, next);
  }
});

Deno.test("closed is absorbing", () => {
  assertEquals(CLOSE_HANDSHAKE.closed, {});
});

Deno.test("finish is the last action, and leads to closed", () => {
  for (const cells of Object.values(CLOSE_HANDSHAKE)) {
    for (const { next, actions } of Object.values(cells)) {
      assertEquals(actions.includes("finish"), next === "closed", next);
      assertEquals(actions.indexOf("finish") === -1 || actions.at(-1) === "finish", true, actions.join(" "));
    }
  }
});

Deno.test("an application can abort in every state but the last", () => {
  for (const state of STATES.filter((state) => state !== "closed")) {
    assertEquals(CLOSE_HANDSHAKE[state].abort?.next, "closed", state);
  }
});
