import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionError, invalidState, WebSocketError } from "../../lib/errors.ts";
import { cutOff, endOf, isEnd, isTooLate, notOpen, rejectNotOpen } from "../../lib/connection/not_open.ts";
import { settle } from "../_support/wait.ts";

Deno.test("a call that comes too late hears what it was, and whether the connection is closing or closed", () => {
  const errors = ([2, 3] as const).map((readyState) => notOpen("send", { readyState }));
  assertEquals(errors.map(({ name, message }) => [name, message]), [
    ["InvalidStateError", "Cannot send: the connection is closing"],
    ["InvalidStateError", "Cannot send: the connection is closed"],
  ]);
});

Deno.test("its cause is the error that ended the connection, if one did", () => {
  const cause = new ConnectionError("lost");
  assertStrictEquals(notOpen("send", { readyState: 3 }, cause).cause, cause);
  assertEquals("cause" in notOpen("send", { readyState: 3 }), false);
});

Deno.test("as a promise it is safe to ignore, and tells when it is awaited", async () => {
  const late = rejectNotOpen("ping", { readyState: 2 });
  await settle(); // the test fails where the rejection is unhandled
  await assertRejects(() => late, DOMException, "Cannot ping: the connection is closing");
});

Deno.test("a message that its sender never finished is no mistake of its reader", () => {
  assertEquals([isEnd(cutOff()), isTooLate(cutOff())], [true, true]);
});

Deno.test("only errors of ours that were made for an end are ends, so that no mistake of an application is taken for one", () => {
  const late = notOpen("send", { readyState: 3 });
  const lost = endOf(new ConnectionError("lost"));
  assertEquals([late, lost].map(isEnd), [true, true]);
  assertEquals([late, lost].map(isTooLate), [true, false]);
  const others = [
    new ConnectionError("lost"),
    invalidState("busy"),
    endOf(new Error("a bug")),
    endOf(new WebSocketError("mine")),
  ];
  assertEquals([...others, endOf("a reason"), undefined].filter((error) => isEnd(error) || isTooLate(error)), []);
});
