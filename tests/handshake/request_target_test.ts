import { assert, assertEquals } from "@std/assert";
import { checkTarget, readResource } from "../../lib/handshake/request_target.ts";
import type { HeaderFields } from "../../lib/handshake/http_fields.ts";
import { assertLinear, assertRefuses } from "./_support.ts";

/** The parts of a target, in a request for another host. */
const read = (target: string) => readResource({ target, version: "HTTP/1.1", fields: [["host", "named.test"]] });

/** The host of a request for `/`. */
const readHost = (fields: HeaderFields, version = "HTTP/1.1") => readResource({ target: "/", version, fields }).host;

Deno.test("a target has a form that its method may use (RFC 9112 §3.2)", () => {
  checkTarget("GET", "/");
  checkTarget("GET", "//a?b");
  checkTarget("GET", "HTTPS://a.test");
  checkTarget("OPTIONS", "*");
  checkTarget("CONNECT", "a.test:443");
  for (const [method, target] of [["GET", "*"], ["GET", "a.test:443"], ["POST", ""], ["CONNECT", ""]] as const) {
    assertRefuses(() => checkTarget(method, target), 400, `Request target "${target}" is malformed`);
  }
});

Deno.test("a target in origin-form is a path and perhaps a query, and is not decoded", () => {
  const cases: [target: string, path: string, query: string][] = [
    ["/", "/", ""],
    ["/chat", "/chat", ""],
    ["/chat?", "/chat", ""],
    ["/chat?a=1?b=/%00", "/chat", "a=1?b=/%00"],
    ["/a/..%2fb", "/a/..%2fb", ""],
    ["/a{b}", "/a%7Bb%7D", ""],
    ["//evil.test/x", "//evil.test/x", ""],
    ["/http://evil.test/", "/http://evil.test/", ""],
    ["/?http://evil.test/", "/", "http://evil.test/"],
  ];
  for (const [target, path, query] of cases) {
    assertEquals(read(target), { host: "named.test", path, query }, target);
  }
});

Deno.test("H12: a target in absolute-form has a host, a path and perhaps a query", () => {
  const cases: [target: string, authority: string, path: string, query: string][] = [
    ["http://a.test", "a.test", "/", ""],
    ["WS://a.test:80/", "a.test:80", "/", ""],
    ["wss://[::1]:8080/chat?a/b", "[::1]:8080", "/chat", "a/b"],
    ["https://a.test?x=/y", "a.test", "/", "x=/y"],
  ];
  for (const [target, authority, path, query] of cases) {
    assertEquals(read(target), { host: authority, path, query }, target);
  }
});

Deno.test("H12: a target in absolute-form without a valid host is refused with 400", () => {
  for (
    const target of ["http://", "http:///a", "http://?a", "http://u@a.test/", "http://a%/", "ws://a:b/", "ws://a\\b/"]
  ) {
    assertRefuses(() => read(target), 400, "has no valid host");
  }
});

Deno.test("H13: a fragment in the target is refused with 400, also an empty one", () => {
  for (const target of ["/#", "/a#b", "/a?b#c", "http://a.test/#", "http://a.test#b"]) {
    assertRefuses(() => read(target), 400, "is malformed");
  }
});

Deno.test("H3: any other target is refused with 400", () => {
  for (const target of ["", "*", "a", "a.test:80", "ftp://a.test/", "://a", "/a b", "/\t", "/\x7f", "/\x80"]) {
    assertRefuses(() => read(target), 400, "is malformed");
  }
});

Deno.test("H6: a host is a name or an address, with or without a port", () => {
  const hosts = [
    "a",
    "a.test",
    "A-b_c.test:80",
    "127.0.0.1:8080",
    "[::1]",
    "[2001:db8::1]:443",
    "xn--bcher-kva.test",
    "a:",
  ];
  for (const host of hosts) {
    assertEquals(readHost([["host", host]]), host);
    assert(URL.canParse(`ws://${host}/`));
  }
});

Deno.test("HTTP/1.0 does not need a Host, and an invalid one is refused", () => {
  assertEquals(readHost([], "HTTP/1.0"), undefined);
  assertRefuses(() => readHost([["host", ""]], "HTTP/1.0"), 400, "is not a host");
  assertRefuses(() => readHost([["host", "a"], ["host", "a"]], "HTTP/1.0"), 400, "appears 2 times");
});

Deno.test("H6: a Host that is missing or duplicate is refused with 400", () => {
  assertRefuses(() => readHost([]), 400, "Header Host is missing");
  assertRefuses(() => readHost([["host", "a"], ["x", ""], ["host", "a"]]), 400, "Header Host appears 2 times");
});

Deno.test("H6, CVE-2026-61666: an invalid Host is refused with 400, and throws nothing else", () => {
  const hosts = [
    "",
    " ",
    ":80",
    "a b",
    "a,b",
    "a/b",
    "a?b",
    "a#b",
    "a\\b",
    "u@a.test",
    "a:b",
    "a:-1",
    "a:65536",
    "a:1:2",
    "::1",
    "[::1",
    "[::1]x",
    "[1]",
    "a[::1]",
    "%",
    "a%zz",
    "a%61",
    "%2f",
    "1.2.3.4.5",
    "999.1.1.1",
    "xn--a",
    "b\xfccher.test",
    "a\0",
    "<a>",
    "http://a",
  ];
  for (const host of hosts) assertRefuses(() => readHost([["host", host]]), 400, "is not a host");
});

Deno.test("a target and a host of a million characters are parsed in linear time", () => {
  for (const filler of ["/", "?", "a", "://", "%", "."]) {
    assertLinear(() => read(`/${filler.repeat(1_000_000)}`));
    assertLinear(() => assertRefuses(() => readHost([["host", `[${filler.repeat(1_000_000)}`]]), 400));
  }
});

Deno.test("every character of a target is treated as the URL parser treats it", () => {
  for (let code = 0x21; code < 0x7f; code++) {
    const char = String.fromCharCode(code);
    if (char === "#" || char === "\\" || char === "?") continue;
    const { path, query } = read(`/a${char}b?c${char}d`);
    const url = new URL(`ws://named.test/a${char}b?c${char}d`);
    assertEquals([path, query], [url.pathname, url.search.slice(1)], char);
  }
});
