import { assertEquals, assertThrows } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { Socks5Handshake } from "../../../lib/client/proxy/socks5.ts";
import { ConnectionError } from "../../../lib/errors.ts";
import { fromHex } from "../../_support/bytes.ts";
import { assertReads, splittings } from "../../_support/feed.ts";

const NAME = { hostname: "a.test", port: 8080 };
const LOGIN = { username: "user", password: "sécret" };

/** Feeds a proxy's answers: what is sent in reply, and what came behind them. */
function exchange(
  chunks: Uint8Array<ArrayBuffer>[],
  { to = NAME, login }: { to?: typeof NAME; login?: typeof LOGIN } = {},
): { sent: string; complete: boolean; rest: string } {
  const handshake = new Socks5Handshake(to, login);
  let sent = "";
  let rest = "";
  for (const chunk of chunks) {
    if (handshake.complete) {
      rest += encodeHex(chunk);
      continue;
    }
    sent += encodeHex(handshake.push(chunk));
    chunk.fill(0xee); // What was pushed may be reused.
    rest += encodeHex(handshake.rest);
  }
  return { sent, complete: handshake.complete, rest };
}

const hex = (text: string) => encodeHex(new TextEncoder().encode(text));

Deno.test("RFC 1928 §3: username authentication is offered only if there are credentials", () => {
  assertEquals(encodeHex(new Socks5Handshake(NAME).greeting()), "050100");
  assertEquals(encodeHex(new Socks5Handshake(NAME, LOGIN).greeting()), "05020002");
});

const REQUESTS: [hostname: string, request: string][] = [
  ["a.test", `03 06 ${hex("a.test")}`],
  ["192.0.2.1", "01 c0000201"],
  ["2001:db8::1", "04 20010db8000000000000000000000001"],
];
for (const [hostname, request] of REQUESTS) {
  Deno.test(`RFC 1928 §4: the request for ${hostname} has its own address type`, () => {
    const expected = { sent: `050100${request.replaceAll(" ", "")}1f90`, complete: true, rest: "" };
    const answers = fromHex("0500 05000001 7f000001 1f90");
    assertReads(answers, (chunks) => exchange(chunks, { to: { ...NAME, hostname } }), expected);
  });
}

for (const address of ["01 7f000001", "04 00000000000000000000000000000001", `03 06 ${hex("b.test")}`, "03 00"]) {
  Deno.test(`RFC 1928 §6: a reply with address ${address} is read to its end and no further`, () => {
    const expected = { sent: `0501000306${hex("a.test")}1f90`, complete: true, rest: "cafe" };
    assertReads(fromHex(`0500 050000 ${address} 1f90 cafe`), (chunks) => exchange(chunks), expected);
  });
}

Deno.test("RFC 1929: user name and password are sent as UTF-8 with their lengths in bytes", () => {
  const login = `0104${hex("user")}07${hex("sécret")}`;
  const expected = { sent: `${login}0501000306${hex("a.test")}1f90`, complete: true, rest: "" };
  const answers = fromHex("0502 0100 05000001 00000000 0000");
  assertReads(answers, (chunks) => exchange(chunks, { login: LOGIN }), expected);
});

const FAULTS: [answers: string, login: typeof LOGIN | undefined, message: string][] = [
  ["4854 5450", undefined, "answered with version 72"], // HTTP
  ["0400", undefined, "answered with version 4"],
  ["05ff", undefined, "takes no client with no credentials"],
  ["05ff", LOGIN, "takes no client with a user name and password"],
  ["0502", undefined, "chose method 2, which was not offered"],
  ["0501", LOGIN, "chose method 1, which was not offered"],
  ["0502 0101", LOGIN, "answered 1: user name and password refused"],
  ["0502 0500", LOGIN, "answered with version 5"],
  ["0500 0400", undefined, "answered with version 4"],
  ["0500 0502", undefined, "answered 2: connection not allowed"],
  ["0500 05050001 00000000 0000", undefined, "answered 5: connection refused"],
  ["0500 0563", undefined, "answered 99: unknown"],
  ["0500 05000002", undefined, "answered with address type 2"],
];
for (const [answers, login, message] of FAULTS) {
  Deno.test(`${answers} ${login ? "to a client with credentials " : ""}is a ConnectionError: SOCKS proxy ${message}`, () => {
    for (const { chunks } of splittings(fromHex(answers))) {
      assertThrows(() => exchange(chunks, { ...(login && { login }) }), ConnectionError, `SOCKS proxy ${message}`);
    }
  });
}

Deno.test("a name may have 255 bytes, and not more", () => {
  const of = (length: number) => new Socks5Handshake({ hostname: "a".repeat(length), port: 80 });
  assertEquals(of(255).push(fromHex("0500")).length, 4 + 1 + 255 + 2);
  assertThrows(() => of(256), RangeError, "256 bytes");
});

Deno.test("pushing more bytes after the proxy has connected throws", () => {
  const handshake = new Socks5Handshake(NAME);
  handshake.push(fromHex("0500 05000001 00000000 0000"));
  assertEquals(assertThrows(() => handshake.push(fromHex("00")), DOMException).name, "InvalidStateError");
});
