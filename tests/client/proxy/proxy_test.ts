import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { chooseProxy, environmentProxy, parseProxy } from "../../../lib/client/proxy/proxy.ts";
import { parseTarget } from "../../../lib/client/target.ts";

Deno.test("a proxy is a URL: its scheme chooses the protocol, and the default port", () => {
  const cases: [url: string, protocol: string, secure: boolean, hostname: string, port: number][] = [
    ["http://a.test", "http", false, "a.test", 80],
    ["http://a.test:3128/", "http", false, "a.test", 3128],
    ["https://a.test", "http", true, "a.test", 443],
    ["socks5://a.test", "socks5", false, "a.test", 1080],
    ["socks5h://[::1]:9050", "socks5", false, "::1", 9050],
    ["a.test:3128", "http", false, "a.test", 3128],
    ["127.0.0.1", "http", false, "127.0.0.1", 80],
  ];
  for (const [url, protocol, secure, hostname, port] of cases) {
    const proxy = parseProxy(url);
    assertEquals(
      [proxy.protocol, proxy.secure, proxy.hostname, proxy.port],
      [protocol, secure, hostname, port],
      url,
    );
  }
  assertEquals(parseProxy(new URL("http://a.test:3128")).port, 3128);
});

Deno.test("a proxy's credentials are kept out of everything that is shown", () => {
  const proxy = parseProxy({ url: "http://user:s%20cret@a.test:3128/", headers: { "X-Tenant": "7" } });
  assertEquals([proxy.username, proxy.password, proxy.href], ["user", "s%20cret", "http://a.test:3128/"]);
  assertEquals(proxy.headers, [["x-tenant", "7"]]);
});

Deno.test("an invalid proxy URL is a SyntaxError that shows no credentials", () => {
  const bad: [url: string, words: string][] = [
    ["", "it is not a URL"],
    ["http://user:secret@a.test:99999", "it is not a URL"],
    ["socks4://user:secret@a.test", 'its scheme is "socks4:"'],
    ["ws://a.test", 'its scheme is "ws:"'],
    ["socks5://", "it has no host"],
  ];
  for (const [url, words] of bad) {
    const error = assertThrows(() => parseProxy(url), DOMException, words, url);
    assertStrictEquals(error.name, "SyntaxError");
    assertEquals(/secret/.test(error.message), false, error.message);
  }
});

Deno.test("header fields of CONNECT are checked before anything is sent", () => {
  assertThrows(() => parseProxy({ url: "http://a.test", headers: { Upgrade: "websocket" } }), TypeError);
});

Deno.test("RFC 1929: a SOCKS proxy accepts at most 255 bytes of each credential", () => {
  assertEquals(parseProxy(`socks5://${"é".repeat(127)}:x@a.test`).protocol, "socks5");
  assertThrows(() => parseProxy(`socks5://${"é".repeat(128)}:x@a.test`), TypeError, "256 bytes");
  assertThrows(() => parseProxy(`socks5://x:${"y".repeat(256)}@a.test`), TypeError, "256 bytes");
  assertEquals(parseProxy(`http://x:${"y".repeat(256)}@a.test`).protocol, "http");
});

const TO = { hostname: "a.test", port: 443 };
const ENVIRONMENTS: [what: string, env: Record<string, string>, ws: string | undefined, wss: string | undefined][] = [
  ["nothing", {}, undefined, undefined],
  ["each scheme's own", { HTTP_PROXY: "http://p:1", HTTPS_PROXY: "http://s:2" }, "http://p:1/", "http://s:2/"],
  ["one for all", { ALL_PROXY: "socks5://p:1" }, "socks5://p:1", "socks5://p:1"],
  ["a scheme's own before the one for all", { ALL_PROXY: "p:1", https_proxy: "s:2" }, "http://p:1/", "http://s:2/"],
  [
    "lower case first",
    { https_proxy: "s:1", HTTPS_PROXY: "s:2", http_proxy: "p:1", HTTP_PROXY: "p:2" },
    "http://p:1/",
    "http://s:1/",
  ],
  ["empty values", { https_proxy: "", HTTPS_PROXY: "s:2", http_proxy: "", all_proxy: "" }, undefined, "http://s:2/"],
  ["a host of NO_PROXY", { ALL_PROXY: "p:1", NO_PROXY: "a.test" }, undefined, undefined],
  ["a host of no_proxy", { all_proxy: "p:1", no_proxy: "test", NO_PROXY: "b.test" }, undefined, undefined],
  ["another host's NO_PROXY", { ALL_PROXY: "p:1", NO_PROXY: "b.test" }, "http://p:1/", "http://p:1/"],
  ["HTTP_PROXY of a CGI request", { HTTP_PROXY: "evil:1", REQUEST_METHOD: "GET" }, undefined, undefined],
  ["http_proxy in CGI", { http_proxy: "p:1", HTTP_PROXY: "evil:1", REQUEST_METHOD: "GET" }, "http://p:1/", undefined],
];
for (const [what, env, ws, wss] of ENVIRONMENTS) {
  Deno.test(`the environment's proxy with ${what}`, () => {
    const href = (secure: boolean) => environmentProxy({ ...TO, secure }, (name) => env[name])?.href;
    assertEquals([href(false), href(true)], [ws, wss]);
  });
}

Deno.test("a given proxy serves every handshake; the environment is read for each, except for Unix sockets", () => {
  const [ws, wss, unix] = [parseTarget("ws://a.test"), parseTarget("wss://b.test"), parseTarget("ws+unix:/run/a.sock")];
  const asked: string[] = [];
  const env = (name: string) => {
    asked.push(name);
    return { https_proxy: "s:2", no_proxy: "a.test", all_proxy: "p:1" }[name];
  };
  assertEquals(chooseProxy(undefined, ws, env)(wss), undefined);
  assertEquals(chooseProxy("p:1", ws, env)(wss)?.href, "http://p:1/");
  assertThrows(() => chooseProxy("p:1", unix, env), TypeError, "Unix socket");
  assertEquals(chooseProxy("env", unix, env)(unix), undefined);
  assertEquals(asked, []);
  const choose = chooseProxy("env", ws, env);
  assertEquals([choose(ws), choose(wss)?.href], [undefined, "http://s:2/"]);
});
