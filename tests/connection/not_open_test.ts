import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionError, invalidState, WebSocketError } from "../../lib/errors.ts";
import { cutOff, endOf, isEnd, isTooLate, notOpen, rejectNotOpen } from "../../lib/connection/not_open.ts";
import { settle } from "../_support/wait.ts";

Deno.test("the error of a late call names the call, and whether the connection is closing or closed", () => {
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

Deno.test("as a promise it may be ignored, and rejects when it is awaited", async () => {
  const late = rejectNotOpen("ping", { readyState: 2 });
  await settle(); // the test fails where the rejection is unhandled
  await assertRejects(() => late, DOMException, "Cannot ping: the connection is closing");
});

Deno.test("a message whose sender never finished it is not the reader's error", () => {
  assertEquals([isEnd(cutOff()), isTooLate(cutOff())], [true, true]);
});

Deno.test("only Sluice's own end errors count as ends, so that an application's error is not mistaken for one", () => {
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
