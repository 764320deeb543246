import { assertEquals } from "@std/assert";
import { parseAddress, parseDecimal, parseRange } from "../../lib/handshake/ip_address.ts";

Deno.test("an IP address is parsed to its bytes and its usual form, and other text is not", () => {
  assertEquals(parseAddress("192.0.2.1"), { bytes: [192, 0, 2, 1], text: "192.0.2.1" });
  const zeros = new Array<number>(10).fill(0);
  assertEquals(parseAddress("2001:DB8::0:1"), {
    bytes: [0x20, 0x01, 0x0d, 0xb8, ...zeros, 0, 1],
    text: "2001:db8::1",
  });
  assertEquals(parseAddress("::ffff:192.0.2.1")?.text, "192.0.2.1");
  for (const text of ["", "127.1", "0x7f.0.0.1", "192.0.2.01", "192.0.2.256", "1.2.3.4.5", ":::", "[::1]", "a.test"]) {
    assertEquals(parseAddress(text), undefined, text);
  }
});

Deno.test("a range is an address with a number of significant bits", () => {
  const cases: [range: string, address: string, inside: boolean][] = [
    ["10.0.0.0/8", "10.255.0.1", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["192.0.2.128/25", "192.0.2.127", false],
    ["192.0.2.1", "192.0.2.1", true],
    ["192.0.2.1", "192.0.2.2", false],
    ["0.0.0.0/0", "192.0.2.1", true],
    ["0.0.0.0/0", "::1", false],
    ["2001:db8::/32", "2001:db8:1::1", true],
    ["2001:db8::/32", "2001:db9::1", false],
  ];
  for (const [range, address, inside] of cases) {
    assertEquals(parseRange(range)?.(parseAddress(address)!), inside, `${address} in ${range}`);
  }
  for (const text of ["", "a.test", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "::/129", "/8"]) {
    assertEquals(parseRange(text), undefined, text);
  }
});

Deno.test("a decimal number has no sign, no leading zero and a maximum", () => {
  assertEquals(["0", "9", "10", "09", "-1", "+1", "1e0", "", " 1", "11"].map((text) => parseDecimal(text, 10)), [
    0,
    9,
    10,
    ...new Array<undefined>(7).fill(undefined),
  ]);
});
