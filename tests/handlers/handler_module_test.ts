import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { checkHandler, type HandlerModule, readCloseReply } from "../../lib/handlers/handler_module.ts";

const transferData = () => {};
const hook = () => {};

Deno.test("a handler must have transferData, and may have doExtraHandshake and passiveClosingHandshake", () => {
  const whole = { doExtraHandshake: hook, transferData, passiveClosingHandshake: hook } satisfies HandlerModule;
  assertEquals(checkHandler({ transferData }), {
    transferData,
    doExtraHandshake: undefined,
    passiveClosingHandshake: undefined,
  });
  assertEquals(checkHandler({ ...whole, somethingElse: 1 }), whole);
});

Deno.test("a handler may use the names of mod_pywebsocket; Sluice's names take precedence", () => {
  const old = {
    web_socket_do_extra_handshake: hook,
    web_socket_transfer_data: transferData,
    web_socket_passive_closing_handshake: hook,
  };
  assertEquals(checkHandler(old), { doExtraHandshake: hook, transferData, passiveClosingHandshake: hook });
  const ours = () => {};
  assertStrictEquals(checkHandler({ ...old, transferData: ours }).transferData, ours);
});

Deno.test("A5: a handler without transferData, or with an export that is not a function, is refused with its name", () => {
  assertThrows(() => checkHandler({}), TypeError, "transferData is missing");
  assertThrows(() => checkHandler({ doExtraHandshake: hook }), TypeError, "transferData is missing");
  assertThrows(() => checkHandler({ transferData: "x" }), TypeError, "transferData is not a function");
  assertThrows(
    () => checkHandler({ transferData, doExtraHandshake: {} }),
    TypeError,
    "doExtraHandshake is not a function",
  );
  assertThrows(
    () => checkHandler({ transferData, web_socket_passive_closing_handshake: 1 }),
    TypeError,
    "passiveClosingHandshake is not a function",
  );
});

Deno.test("the answer to a close is [code, reason], { code, reason }, or nothing, which echoes the code without the reason", () => {
  const received = { closeCode: 4000, reason: "bye" };
  for (
    const [reply, closeCode, reason] of [
      [[4001, "why"], 4001, "why"],
      [[4001], 4001, ""],
      [{ code: 4001, reason: "why" }, 4001, "why"],
      [{ code: 4001 }, 4001, ""],
      [undefined, 4000, ""],
      [null, 4000, ""],
      [[1005, "not on the wire"], 1005, ""],
    ] as const
  ) assertEquals(readCloseReply(reply, received), { closeCode, reason });
});

Deno.test("A4: any other answer to a close is the handler's error", () => {
  for (const reply of [4001, "4001", [], ["4001"], [4001, 1], {}, { closeCode: 4001 }, true]) {
    assertThrows(() => readCloseReply(reply, { closeCode: 1000, reason: "" }), TypeError, "must return [code, reason]");
  }
  for (const reply of [[1006], [999], [4000, "x".repeat(124)]]) {
    assertThrows(() => readCloseReply(reply, { closeCode: 1000, reason: "" }), RangeError, "Cannot send");
  }
});
