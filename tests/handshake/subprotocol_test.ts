import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import type { HeaderFields } from "../../lib/handshake/http_fields.ts";
import {
  answeredSubprotocol,
  checkSubprotocols,
  chooseSubprotocol,
  parseSubprotocols,
} from "../../lib/handshake/subprotocol.ts";
import { assertLinear, assertRefuses } from "./_support.ts";

const fieldsOf = (...values: string[]): HeaderFields => values.map((value) => ["sec-websocket-protocol", value]);

Deno.test("the requested subprotocols keep the client's order", () => {
  assertEquals(parseSubprotocols(fieldsOf("chat ,\tsuperchat")), ["chat", "superchat"]);
  assertEquals(parseSubprotocols([]), []);
});

Deno.test("H17: several subprotocol fields are one list", () => {
  assertEquals(parseSubprotocols(fieldsOf("a, b", "c")), ["a", "b", "c"]);
});

Deno.test("empty elements of the list are skipped (RFC 9110 §5.6.1.2)", () => {
  for (const value of ["", " ", ","]) assertEquals(parseSubprotocols(fieldsOf(value)), []);
  for (const value of ["a,b", "a,,b", ",a, ,b,"]) assertEquals(parseSubprotocols(fieldsOf(value)), ["a", "b"]);
  assertEquals(parseSubprotocols(fieldsOf("a", "", ",b")), ["a", "b"]);
});

Deno.test("subprotocols that differ only in case are two subprotocols for a server", () => {
  assertEquals(parseSubprotocols(fieldsOf("a, A")), ["a", "A"]);
});

Deno.test("H16: a subprotocol that is not a token is refused with 400", () => {
  for (const value of ["a b", "a;b", '"a"', "a/b", "(a)", "a\0", "a\xe9"]) {
    assertRefuses(() => parseSubprotocols(fieldsOf(value)), 400, "is not a token");
  }
});

Deno.test("H16: a duplicate subprotocol is refused with 400, in one field or in two", () => {
  assertRefuses(() => parseSubprotocols(fieldsOf("a, b, a")), 400, 'Subprotocol "a" is requested twice');
  assertRefuses(() => parseSubprotocols(fieldsOf("a", "a")), 400, 'Subprotocol "a" is requested twice');
});

Deno.test("Granian, CVE-2026-55517: bytes of 0x80 and more are refused with 400", () => {
  for (let byte = 0x80; byte <= 0xff; byte++) {
    assertRefuses(() => parseSubprotocols(fieldsOf(`a, ${String.fromCharCode(byte)}`)), 400);
  }
});

Deno.test("CVE-2021-32640: a million spaces inside a subprotocol, and a million subprotocols, take linear time", () => {
  assertLinear(() => assertRefuses(() => parseSubprotocols(fieldsOf(`b${" ".repeat(1_000_000)}x`)), 400));
  const many = Array.from({ length: 200_000 }, (_, i) => `p${i}`);
  assertLinear(() => assertEquals(parseSubprotocols(fieldsOf(many.join(","))).length, many.length));
});

Deno.test("the server's order decides, and without a common one there is none: never one that was not requested", () => {
  assertEquals(chooseSubprotocol(["a", "b"], ["b", "a"]), "b");
  assertEquals(chooseSubprotocol(["a", "b"], ["c", "b"]), "b");
  assertEquals(chooseSubprotocol(["A"], ["a"]), "");
  assertEquals(chooseSubprotocol([], ["a"]), "");
  assertEquals(chooseSubprotocol(["a"], []), "");
});

Deno.test("an application's subprotocols must be distinct tokens", () => {
  checkSubprotocols([]);
  checkSubprotocols(["a", "A"]);
  for (const protocols of [[""], ["a b"], ["a,b"], ["a", "a"], ["a\r\nb"], ["\u20ac"]]) {
    assertStrictEquals(assertThrows(() => checkSubprotocols(protocols), DOMException).name, "SyntaxError");
  }
});

const refuse = (message: string) => new HandshakeError(message, { status: 101 });

Deno.test("the server's choice is one of the requested subprotocols, or none if none was requested", () => {
  assertEquals(answeredSubprotocol(fieldsOf("b"), ["a", "b"], refuse), "b");
  assertEquals(answeredSubprotocol([], [], refuse), "");
});

Deno.test("a server's choice that was not requested, is a list, a duplicate or missing is refused", () => {
  const cases: [answer: string[], requested: string[], words: string][] = [
    [["c"], ["a"], 'subprotocol "c", which was not requested'],
    [["A"], ["a"], 'subprotocol "A", which was not requested'],
    [["a"], [], 'subprotocol "a", which was not requested'],
    [[""], ["a"], 'subprotocol "", which was not requested'],
    [[""], [], 'subprotocol "", which was not requested'],
    [["a, b"], ["a", "b"], 'subprotocol "a, b", which was not requested'],
    [["a\x80"], ["a"], "which was not requested"],
    [["a", "b"], ["a", "b"], "Server sent 2 subprotocol fields"],
    [["a", "a"], ["a"], "Server sent 2 subprotocol fields"],
    [[], ["a"], "Server chose none of the requested subprotocols"],
  ];
  for (const [answer, requested, words] of cases) {
    assertRefuses(() => answeredSubprotocol(fieldsOf(...answer), requested, refuse), 101, words);
  }
});
