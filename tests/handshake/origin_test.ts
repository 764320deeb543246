import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import { compileOriginPolicy, type OriginPolicy } from "../../lib/handshake/origin.ts";
import { SEED, seeded } from "../_support/random.ts";
import { printed } from "../_support/printed.ts";
import { settle } from "../_support/wait.ts";
import { assertRefuses, mutate } from "./_support.ts";

/** Asserts which of some origins a policy lets in. */
function assertAllows(policy: OriginPolicy | undefined, host: string, cases: [string | undefined, boolean][]): void {
  const check = compileOriginPolicy(policy);
  for (const [origin, allowed] of cases) {
    if (allowed) check({ origin, host });
    else assertRefuses(() => check({ origin, host }), 403, "is not allowed");
  }
}

Deno.test("H14: by default an origin must have the host and port of the request, and may be absent", () => {
  assertAllows(undefined, "example.com", [
    [undefined, true],
    ["http://example.com", true],
    ["https://example.com", true], // A proxy may have ended TLS.
    ["https://EXAMPLE.com", true],
    ["https://example.com:8443", false],
    ["https://www.example.com", false],
    ["https://example.com.evil.test", false],
    ["https://evil.test/example.com", false],
    ["https://evil.test@example.com", false],
    ["https://example.com@evil.test", false],
    ["https://example.com/", false],
    ["https://evil.test https://example.com", false],
    ["capacitor://example.com", false],
    ["example.com", false],
    ["null", false],
    ["", false],
    ["https://", false],
    ["://example.com", false],
  ]);
  assertAllows(undefined, "Localhost:8080", [["http://localhost:8080", true], ["http://localhost", false]]);
  assertAllows(undefined, "[::1]:8080", [["http://[::1]:8080", true], ["http://[::1]", false]]);
});

Deno.test("H14: the default port counts as no port", () => {
  assertAllows(undefined, "a.test:443", [["https://a.test", true], ["http://a.test", false], [
    "https://a.test:443",
    true,
  ]]);
  assertAllows(undefined, "a.test:80", [["http://a.test", true], ["https://a.test", false]]);
  assertAllows(undefined, "a.test", [["http://a.test:80", true]]);
});

Deno.test("CVE-2026-61666: a Host that no URL could have refuses an origin, and throws nothing else", () => {
  for (const host of ["", "%", "[", "a b", "http://", ":", "\0", "a:99999", "xn--a"]) {
    assertRefuses(() => compileOriginPolicy()({ origin: "https://example.com", host }), 403);
    compileOriginPolicy()({ origin: undefined, host });
  }
  assertAllows(undefined, "", [["https://", false], ["file://", false]]);
});

Deno.test("H14: any accepts every origin", () => {
  assertAllows("any", "a.test", [[undefined, true], ["null", true], ["https://evil.test", true], ["?", true]]);
});

Deno.test("H14: a list accepts exactly its entries, and a request without an origin", () => {
  assertAllows(["https://example.com", "http://localhost:8080", "capacitor://localhost", "file://"], "a.test", [
    [undefined, true],
    ["https://example.com", true],
    ["http://localhost:8080", true],
    ["capacitor://localhost", true],
    ["file://", true],
    ["http://example.com", false],
    ["https://example.com:8443", false],
    ["https://EXAMPLE.com", false],
    ["https://www.example.com", false],
    ["https://example.com.evil.test", false],
    ["https://a.test", false],
    ["null", false],
    ["", false],
  ]);
  assertAllows([], "a.test", [[undefined, true], ["https://a.test", false]]);
});

Deno.test("H14: null is accepted only if it is listed", () => {
  assertAllows(["null"], "a.test", [["null", true], ["https://a.test", false]]);
  assertAllows(["https://*.test"], "a.test", [["null", false]]);
});

Deno.test("H14: a leading wildcard stands for one or more labels, never for a part of one or for none", () => {
  assertAllows(["https://*.example.com"], "a.test", [
    ["https://www.example.com", true],
    ["https://a.b.c-d.example.com", true],
    ["https://example.com", false],
    ["https://.example.com", false],
    ["https://a..example.com", false],
    ["https://.a.example.com", false],
    ["https://evilexample.com", false],
    ["https://evil-example.com", false],
    ["http://www.example.com", false],
    ["https://www.example.com:8443", false],
    ["https://www.example.com.evil.test", false],
    ["https://evil.test/.example.com", false],
    ["https://evil.test#.example.com", false],
    ["https://evil.test?.example.com", false],
    ["https://evil.test\\.example.com", false],
    ["https://evil.test:80.example.com", false],
    ["https://u@a.example.com", false],
    ["https://a b.example.com", false],
    ["https://\xe9.example.com", false],
    ["https://*.example.com", false],
    ["https://", false],
  ]);
  assertAllows(["http://*.a.test:8080"], "a.test", [["http://b.a.test:8080", true], ["http://b.a.test", false]]);
});

Deno.test("H14: a function decides, and only true accepts", () => {
  const seen: (string | undefined)[] = [];
  const policy = (origin: string | undefined) => {
    seen.push(origin);
    return origin === "https://a.test";
  };
  assertAllows(policy, "a.test", [["https://a.test", true], ["https://b.test", false], [undefined, false]]);
  assertEquals(seen, ["https://a.test", "https://b.test", undefined]);
  // What JavaScript can do though the types forbid it: a promise is truthy.
  const truthy: () => boolean = () => JSON.parse("{}");
  assertAllows(truthy, "a.test", [["https://a.test", false]]);
});

Deno.test("a policy whose promise rejects refuses, and the error is printed", async () => {
  const rejecting: () => boolean = () => JSON.parse("0") || Promise.reject("no answer");
  const lines = await printed(async () => {
    assertAllows(rejecting, "a.test", [["https://a.test", false]]);
    await settle();
  });
  assertEquals(lines, ["no answer"]);
});

Deno.test("H14: a refusal names the origin, or says that there was none", () => {
  const check = compileOriginPolicy(() => false);
  const error = assertThrows(() => check({ origin: "https://a.test\x1b", host: "" }), HandshakeError);
  assertStringIncludes(error.message, 'Origin "https://a.test\\u001b" is not allowed');
  assertRefuses(() => check({ origin: undefined, host: "" }), 403, "A request without an origin is not allowed");
});

Deno.test("an entry that could never match an origin is a TypeError when the policy is compiled", () => {
  const mistakes = [
    "",
    "*",
    "any",
    "example.com",
    "*.example.com",
    "//example.com",
    "https://",
    "https://*",
    "https://*.",
    "https://*.*.example.com",
    "https://a.*.example.com",
    "https://*example.com",
    "*://example.com",
    "https://example.com/",
    "https://example.com/a",
    "https://Example.com",
    "https://example.com:443",
    "https://*.example.com:443",
    "https://example.com:99999",
    "https://user@example.com",
    "https://b\xfccher.test",
    "https://[::1",
    "wss://example.com",
    "ws://example.com",
    "capacitor://local host",
    "capacitor://localhost/",
    " https://example.com",
  ];
  for (const entry of mistakes) {
    assertThrows(() => compileOriginPolicy(["https://good.test", entry]), TypeError, "Cannot allow origin", entry);
  }
});

Deno.test("a wildcard accepts what a naive implementation of the rule accepts, and nothing else", () => {
  const random = seeded();
  const check = compileOriginPolicy(["https://*.example.com"]);
  const naive = /^https:\/\/([a-z0-9_-]+\.)+example\.com$/;
  for (let round = 0; round < 5000; round++) {
    const origin = mutate(random, "https://a.b.example.com", "ab.-:/@#?\\*%_A");
    let allowed = true;
    try {
      check({ origin, host: "a.test" });
    } catch {
      allowed = false;
    }
    assertEquals(allowed, naive.test(origin), `SEED=${SEED}: ${origin}`);
  }
});
