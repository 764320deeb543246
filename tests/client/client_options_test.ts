import { assertEquals, assertThrows } from "@std/assert";
import {
  CONNECT_OPTION_KINDS,
  PROXY_OPTION_KINDS,
  RECONNECTING_OPTION_KINDS,
  WEB_SOCKET_OPTION_KINDS,
  WEB_SOCKET_STREAM_OPTION_KINDS,
} from "../../lib/client/client_options.ts";

Deno.test("a proxy is a URL, or a URL with header fields", () => {
  const { proxy } = CONNECT_OPTION_KINDS;
  for (const value of ["env", "http://a:1", new URL("http://a:1"), { url: "http://a:1", headers: {} }]) {
    proxy.check(value, "proxy");
  }
  assertThrows(() => proxy.check({ headers: {} }, "proxy"), TypeError, "proxy.url is missing");
  assertThrows(() => proxy.check({ href: "a" }, "proxy"), TypeError, 'Option "proxy" has no option "href"');
  assertThrows(() => proxy.check(1, "proxy"), TypeError);
  assertEquals(PROXY_OPTION_KINDS.url.required, true);
});

Deno.test("reconnecting takes header fields or a function that returns them, and no transport", () => {
  const { headers } = RECONNECTING_OPTION_KINDS;
  headers.check({ a: "b" }, "headers");
  headers.check(() => ({}), "headers");
  assertThrows(() => headers.check("a: b", "headers"), TypeError);
  assertEquals("conn" in RECONNECTING_OPTION_KINDS, false);
});

Deno.test("the web-compatible classes take no application data, and read lists as Web IDL does", () => {
  assertEquals(["data" in WEB_SOCKET_OPTION_KINDS, "data" in WEB_SOCKET_STREAM_OPTION_KINDS], [false, false]);
  WEB_SOCKET_STREAM_OPTION_KINDS.protocols.check(new Set(["chat"]), "protocols");
});
