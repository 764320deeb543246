import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { authority, hostAndPort, parseTarget, withoutBrackets } from "../../lib/client/target.ts";

Deno.test("a URL names the host to dial; the form to be shown has no credentials", () => {
  const target = parseTarget("https://user:secret@a.test:8443/chat?x=1");
  assertEquals(target.href, "wss://a.test:8443/chat?x=1");
  assertEquals([target.url.username, target.url.password, target.path], ["user", "secret", undefined]);
  assertEquals(parseTarget("ws://a.test", "/run/socket").path, "/run/socket");
});

const UNIX: [url: string, path: string, request: string][] = [
  ["ws+unix:/run/a.sock", "/run/a.sock", "ws://localhost/"],
  ["ws+unix:/run/a.sock:", "/run/a.sock", "ws://localhost/"],
  ["ws+unix:/run/a.sock:/chat?x=1&y=:", "/run/a.sock", "ws://localhost/chat?x=1&y=:"],
  ["WS+UNIX:///run/a.sock:/chat", "/run/a.sock", "ws://localhost/chat"],
  ["wss+unix:/run/a.sock?x=1", "/run/a.sock", "wss://localhost/?x=1"],
  ["ws+unix:/run/my%20a%3A1.sock:/b%20c", "/run/my a:1.sock", "ws://localhost/b%20c"],
  ["ws+unix:/run/%zz", "/run/%zz", "ws://localhost/"],
  // The resource cannot become a host.
  ["ws+unix:/run/a.sock://evil.test/", "/run/a.sock", "ws://localhost//evil.test/"],
  ["ws+unix:/run/a.sock:chat", "/run/a.sock", "ws://localhost/chat"],
];
for (const [url, path, request] of UNIX) {
  Deno.test(`${url} leads to the Unix socket ${path} and requests ${request}`, () => {
    const target = parseTarget(url);
    assertEquals([target.path, target.url.href, target.href], [path, request, new URL(url).href]);
  });
}

Deno.test("the option path beside a ws+unix URL is a TypeError, even if both name the same socket", () => {
  for (const url of ["ws+unix:/run/a.sock:/chat", "wss+unix:/run/b.sock"]) {
    const why = `Cannot use path "/run/b.sock" together with "${url}": both name a Unix socket`;
    assertThrows(() => parseTarget(url, "/run/b.sock"), TypeError, why);
  }
});

Deno.test("a ws+unix URL with a fragment, a host or a relative path is a SyntaxError", () => {
  const bad: [url: string, words: string][] = [
    ["ws+unix:/run/a.sock#", "it has a fragment"],
    ["ws+unix://run/a.sock", "it has a host"],
    ["ws+unix:run/a.sock", "must begin with a slash"],
    ["wss+unix:", "must begin with a slash"],
  ];
  for (const [url, words] of bad) {
    assertStrictEquals(assertThrows(() => parseTarget(url), DOMException, words, url).name, "SyntaxError");
  }
});

Deno.test("no error shows the credentials of a URL", () => {
  const urls = [
    "ws://user:secret@a.test/#b",
    "ftp://user:secret@a.test/",
    "ws://user:secret@a.test:99999/",
    "ws://user:sec/ret@a.test/",
    "x:secret@",
    "ws+unix://user:secret@a.test/",
  ];
  for (const url of urls) {
    const { message } = assertThrows(() => parseTarget(url), DOMException);
    assertEquals(/user|sec|ret/.test(message), false, message);
  }
});

Deno.test("host and port are those that are dialled", () => {
  assertEquals(hostAndPort(new URL("ws://a.test")), { hostname: "a.test", port: 80 });
  assertEquals(hostAndPort(new URL("wss://a.test")), { hostname: "a.test", port: 443 });
  assertEquals(hostAndPort(new URL("ws://[::1]:8080")), { hostname: "::1", port: 8080 });
  assertEquals([withoutBrackets("[::1]"), withoutBrackets("a.test")], ["::1", "a.test"]);
  assertEquals(authority({ hostname: "::1", port: 80 }), "[::1]:80");
  assertEquals(authority({ hostname: "a.test", port: 80 }), "a.test:80");
});
