import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  applicationFields,
  badRequest,
  fieldValues,
  hasToken,
  type HeaderFields,
  isFieldValue,
  isToken,
  isVisible,
  listValues,
  packFields,
  quote,
  singleValue,
  toHeaders,
  trimSpace,
  unpackFields,
} from "../../lib/handshake/http_fields.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { assertLinear } from "./_support.ts";

const FIELDS: HeaderFields = [
  ["connection", "keep-alive,  Upgrade"],
  ["host", "a.test"],
  ["connection", "\tx ,,"],
];

Deno.test("fieldValues returns every value of a name in order, and none if the field is absent", () => {
  assertEquals(fieldValues(FIELDS, "connection"), ["keep-alive,  Upgrade", "\tx ,,"]);
  assertEquals(fieldValues(FIELDS, "upgrade"), []);
});

Deno.test("listValues joins several fields into one list, trims the elements and skips empty ones", () => {
  assertEquals(listValues(FIELDS, "connection"), ["keep-alive", "Upgrade", "x"]);
  assertEquals(listValues([["a", ""], ["a", " , "]], "a"), []);
  assertEquals(listValues([], "a"), []);
});

Deno.test("hasToken matches a whole element in any case", () => {
  assert(hasToken(FIELDS, "connection", "upgrade"));
  assert(!hasToken(FIELDS, "upgrade", "websocket"));
});

Deno.test("aiohttp#12723: a token is not matched by a part of an element", () => {
  for (const value of ["notupgrade", "upgraded", "up grade", "upgrade;q=1", '"upgrade"', "upgrade/1"]) {
    assert(!hasToken([["connection", value]], "connection", "upgrade"), value);
  }
});

Deno.test("CVE-2021-32640, CVE-2023-26103: a list of a million spaces and commas is read in linear time", () => {
  for (const filler of [" ", "\t", ",", " ,"]) {
    const fields: HeaderFields = [["connection", `b${filler.repeat(1_000_000)}x`]];
    assertLinear(() => assert(!hasToken(fields, "connection", "upgrade")));
  }
});

Deno.test("a token is one or more of the tchar of RFC 9110 §5.6.2", () => {
  const tchars = Array.from({ length: 0x101 }, (_, code) => String.fromCharCode(code)).filter(isToken).join("");
  assertEquals(tchars, "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");
  assert(isToken(tchars));
  assert(!isToken(""));
  assert(!isToken("a b"));
});

Deno.test("a field's value is bytes, and HTAB is the only control character allowed", () => {
  const refused = Array.from({ length: 0x102 }, (_, code) => code).filter((code) =>
    !isFieldValue(`a${String.fromCharCode(code)}b`)
  );
  const controls = Array.from({ length: 0x20 }, (_, code) => code).filter((code) => code !== 9);
  assertEquals(refused, [...controls, 0x7f, 0x100, 0x101]);
  assert(isFieldValue(""));
});

Deno.test("visible text is one or more of 0x21 to 0x7E", () => {
  const visible = Array.from({ length: 0x100 }, (_, code) => String.fromCharCode(code)).filter(isVisible);
  assertEquals([visible.length, visible[0], visible.at(-1)], [94, "!", "~"]);
  assert(!isVisible(""));
});

Deno.test("trimSpace takes SP and HTAB and leaves the byte 0xA0", () => {
  assertEquals(trimSpace(" \t a \t b\t "), "a \t b");
  assertEquals(trimSpace("\xa0a\xa0"), "\xa0a\xa0");
  assertEquals(trimSpace(" \t "), "");
});

Deno.test("toHeaders joins repeated fields and keeps cookies apart", () => {
  const headers = toHeaders([["a", "1"], ["set-cookie", "x=1"], ["a", "2"], ["set-cookie", "y=2"]]);
  assertEquals(headers.get("a"), "1, 2");
  assertEquals(headers.getSetCookie(), ["x=1", "y=2"]);
});

Deno.test("quote shows a peer's text in printable ASCII and at most 64 characters of it", () => {
  assertEquals(quote('a"b'), '"a\\"b"');
  assertEquals(quote("\0\x1b[2J\x7f\x9b\u20ac\r\n"), '"\\u0000\\u001b[2J\\u007f\\u009b\\u20ac\\r\\n"');
  assertEquals(quote("x".repeat(65)), `"${"x".repeat(64)}..."`);
});

Deno.test("a malformed request gets 400", () => {
  const error = badRequest("Bad");
  assertEquals([error.message, error.status], ["Bad", 400]);
});

Deno.test("an application's fields are pairs, a record or Headers", () => {
  assertEquals(applicationFields(), []);
  assertEquals(applicationFields([["X-B", "2"], ["x-a", "1"]]), [["x-a", "1"], ["x-b", "2"]]);
  assertEquals(applicationFields({ "X-A": "1" }), [["x-a", "1"]]);
  assertEquals(applicationFields(new Headers({ "Set-Cookie": "a=1" })), [["set-cookie", "a=1"]]);
});

Deno.test("an application cannot set a field that belongs to the handshake", () => {
  const names = [
    "Connection",
    "Content-Length",
    "Transfer-Encoding",
    "Upgrade",
    "Sec-WebSocket-Accept",
    "sec-websocket-x",
  ];
  for (const name of names) {
    assertThrows(() => applicationFields({ [name]: "1" }), TypeError, "the handshake sets it");
  }
});

Deno.test("H20, CVE-2026-1527: an application's field with CR, LF or NUL inside is a TypeError", () => {
  for (const char of ["\r", "\n", "\0", "\r\n"]) {
    assertThrows(() => applicationFields([["x", `a${char}b: c`]]), TypeError);
    assertThrows(() => applicationFields([[`x${char}y`, "a"]]), TypeError);
  }
});

Deno.test("packed fields come back as Headers, whatever their values contain", () => {
  const fields: HeaderFields = [["a", "1"], ["b", "x: y\tz"], ["a", "2"], ["c", ""], ["set-cookie", "p=q"], [
    "set-cookie",
    "r=s",
  ]];
  assertEquals([...unpackFields(packFields(fields))], [...toHeaders(fields)]);
  assertEquals([...unpackFields(packFields([]))], []);
});

Deno.test("singleValue returns the value of a field, undefined if it is missing, and refuses duplicates", () => {
  assertEquals(singleValue(FIELDS, "Host"), "a.test");
  assertEquals(singleValue(FIELDS, "Origin"), undefined);
  assertThrows(() => singleValue(FIELDS, "Connection"), HandshakeError, "Header Connection appears 2 times");
  const refuse = (message: string) => new RangeError(message);
  assertThrows(() => singleValue(FIELDS, "Connection", refuse), RangeError, "Header Connection appears 2 times");
});

Deno.test("CVE-2021-32640: a text of a million characters is checked in linear time, wherever the invalid character is", () => {
  const long = "a".repeat(1_000_000);
  for (const text of [long, `\0${long}`, `${long}\0`, `${long} ${long}\n`]) {
    assertLinear(() => [isToken, isVisible, isFieldValue].forEach((judge) => judge(text)));
  }
});
