import { assertEquals, assertThrows } from "@std/assert";
import { createBasicAuth, readUsers } from "../../lib/standalone/basic_auth.ts";

const check = createBasicAuth(["Aladdin:open sesame", "zoë:pässword:with:colons"]);
const asks = (authorization?: string) => check(new Headers(authorization === undefined ? {} : { authorization }));
const basic = (text: string) => `Basic ${new TextEncoder().encode(text).toBase64()}`;

Deno.test("RFC 7617's example is accepted, whatever the case of the scheme and the space after it", async () => {
  assertEquals(await asks("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), true);
  assertEquals(await asks("basic   QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), true);
});

Deno.test("every listed user is accepted; a password may have colons and letters outside ASCII", async () => {
  assertEquals(await asks(basic("zoë:pässword:with:colons")), true);
});

Deno.test("all others are refused: no field, no user, part of a password, another scheme, invalid base64, two fields in one", async () => {
  const bad = [
    undefined,
    "",
    "Basic",
    basic(""),
    basic("Aladdin:open sesam"),
    basic("Aladdin:open sesame "),
    basic("aladdin:open sesame"),
    basic("Aladdin:pässword:with:colons"),
    "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    "Basic ????",
    "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==, Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
  ];
  for (const field of bad) assertEquals(await asks(field), false, field);
});

Deno.test("a list without users refuses every client", async () => {
  assertEquals(await createBasicAuth([])(new Headers()), false);
  assertEquals(await createBasicAuth([])(new Headers({ authorization: basic("") })), false);
});

Deno.test("a file has a user on each line", () => {
  assertEquals(readUsers("a:1\r\n\nb:2:3\n"), ["a:1", "b:2:3"]);
  assertThrows(() => readUsers("\n"), RangeError, "it contains no user");
  assertThrows(() => readUsers("a:1\nb\n"), RangeError, "user 2 has no colon");
});
