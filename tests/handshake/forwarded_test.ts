import { assertEquals, assertThrows } from "@std/assert";
import { compileProxies, forwardedSecure } from "../../lib/handshake/forwarded.ts";

/** The client that a proxy on the loopback interface speaks for; `10.0.0.0/8` are proxies too. */
function clientOf(...values: string[]): string | undefined {
  const client = compileProxies(["127.0.0.1", "10.0.0.0/8"]).client(values.map((value) => ["x-forwarded-for", value]));
  return client === undefined ? undefined : `${client.hostname} ${client.port}`;
}

Deno.test("a peer is trusted if its address, in any form, is listed or in a listed range", () => {
  const { trusts } = compileProxies(["127.0.0.1", "10.0.0.0/8", "192.168.16.0/20", "2001:DB8::/33", "::1"]);
  for (
    const hostname of [
      "127.0.0.1",
      "::ffff:127.0.0.1",
      "::ffff:7f00:1",
      "10.255.0.1",
      "192.168.31.255",
      "2001:db8:7fff::1",
      "0:0:0:0:0:0:0:1",
    ]
  ) assertEquals(trusts(hostname), true, hostname);
  for (
    const hostname of [
      "127.0.0.2",
      "127.1",
      "0x7f.0.0.1",
      "127.0.0.01",
      "11.0.0.1",
      "192.168.32.0",
      "2001:db8:8000::1",
      "::2",
      "::",
      "",
      "localhost",
      "::1%eth0",
      undefined,
    ]
  ) assertEquals(trusts(hostname), false, hostname);
});

Deno.test("a peer without an IP address is trusted if `unix` is listed, and a range of 0 bits matches every address of its kind", () => {
  const { trusts } = compileProxies(["unix", "0.0.0.0/0"]);
  assertEquals([undefined, "203.0.113.9", "2001:db8::1"].map(trusts), [true, true, false]);
  assertEquals(compileProxies([]).trusts("127.0.0.1"), false);
});

Deno.test("an entry that could never match throws at the start", () => {
  for (
    const entry of [
      "localhost",
      "127.0.0.1/33",
      "127.0.0.1/",
      "127.0.0.1/8/8",
      "127.0.0.1/-1",
      "127.0.0.1/08",
      "::/129",
      "::1]/#",
      "1.2.3",
      "256.0.0.1",
      "",
    ]
  ) assertThrows(() => compileProxies([entry]), TypeError, "it must be an IP address", entry);
});

Deno.test("the client is the last entry that is not a proxy: entries that the client writes come before it", () => {
  assertEquals(clientOf("203.0.113.9"), "203.0.113.9 0");
  assertEquals(clientOf("198.51.100.1, 203.0.113.9"), "203.0.113.9 0");
  assertEquals(clientOf("198.51.100.1 ,203.0.113.9 , 10.1.2.3"), "203.0.113.9 0");
  assertEquals(clientOf("198.51.100.1", "203.0.113.9", "10.1.2.3"), "203.0.113.9 0", "several fields are one list");
});

Deno.test("if every entry is a proxy the client is the first of them, and without the field it is unknown", () => {
  assertEquals(clientOf("10.0.0.9, 10.1.2.3"), "10.0.0.9 0");
  assertEquals(clientOf(), undefined);
});

Deno.test("an entry that is not an IP address ends the search at the proxy that forwarded it", () => {
  assertEquals(clientOf("203.0.113.9, unknown, 10.1.2.3"), "10.1.2.3 0");
  for (const entry of ["unknown", "_hidden", "203.0.113.9:x", "203.0.113.9:65536", "[::1", "[::1]x", "a.example"]) {
    assertEquals(clientOf(`203.0.113.9, ${entry}`), undefined, entry);
  }
  assertEquals(clientOf("203.0.113.9, ,"), "203.0.113.9 0");
});

Deno.test("an entry may have a port, and an address is returned in its usual form", () => {
  assertEquals(clientOf("203.0.113.9:5000"), "203.0.113.9 5000");
  assertEquals(clientOf("[2001:DB8::0001]:5000"), "2001:db8::1 5000");
  assertEquals(clientOf("[2001:db8::1]"), "2001:db8::1 0");
  assertEquals(clientOf("2001:db8:0:0::1"), "2001:db8::1 0");
  assertEquals(clientOf("::ffff:203.0.113.9"), "203.0.113.9 0");
});

Deno.test("the client's side counts as encrypted if the nearest proxy says so", () => {
  const secure = (...values: string[]) => forwardedSecure(values.map((value) => ["x-forwarded-proto", value]));
  assertEquals(["https", "HTTPS", "wss", "http, https"].map((value) => secure(value)), [true, true, true, true]);
  assertEquals(["http", "ws", "https, http"].map((value) => secure(value)), [false, false, false]);
  assertEquals([secure("https", "http"), secure("ftp"), secure("")], [false, undefined, undefined]);
  assertEquals(secure(), undefined);
});
