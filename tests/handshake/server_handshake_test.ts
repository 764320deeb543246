import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import { type RequestHead, RequestHeadParser } from "../../lib/handshake/http_head.ts";
import { acceptUpgrade, isUpgradeRequest, readUpgradeRequest } from "../../lib/handshake/server_handshake.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { SEED, seeded } from "../_support/random.ts";
import {
  assertRefuses,
  bytesOf,
  changedFields,
  type FieldChange,
  mutate,
  readResponse,
  requestHead,
  responseHead,
} from "./_support.ts";

/** The request of RFC 6455 §1.3, without what some names say and with more lines. */
function upgradeLines({ start = "GET /chat HTTP/1.1", ...change }: FieldChange & { start?: string } = {}): string[] {
  const fields = [
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Origin: http://example.com",
    "Sec-WebSocket-Protocol: chat, superchat",
    "Sec-WebSocket-Version: 13",
  ];
  return [start, ...changedFields(fields, change)];
}

const upgradeHead = (change?: Parameters<typeof upgradeLines>[0]): RequestHead => requestHead(...upgradeLines(change));

/** The request with one field replaced by others. */
const replacing = (name: string, ...values: string[]): RequestHead =>
  upgradeHead({ without: [name], more: values.map((value) => `${name}: ${value}`) });

Deno.test("the request of RFC 6455 §1.3 is parsed", () => {
  const head = upgradeHead({ start: "GET /chat?room=1 HTTP/1.1", more: ["Sec-WebSocket-Extensions: a; b=1"] });
  const { headers, ...request } = readUpgradeRequest(head);
  assertEquals(request, {
    method: "GET",
    target: "/chat?room=1",
    path: "/chat",
    query: "room=1",
    url: "ws://server.example.com/chat?room=1",
    secure: false,
    host: "server.example.com",
    origin: "http://example.com",
    version: 13,
    key: "dGhlIHNhbXBsZSBub25jZQ==",
    protocols: ["chat", "superchat"],
    extensions: [{ name: "a", params: [{ name: "b", value: "1" }] }],
    fields: head.fields,
  });
  assertEquals(headers.get("Host"), "server.example.com");
});

Deno.test("a browser's request is parsed", () => {
  const request = readUpgradeRequest(requestHead(
    "GET / HTTP/1.1",
    "Host: localhost:8080",
    "Connection: keep-alive, Upgrade",
    "Pragma: no-cache",
    "Upgrade: WebSocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: +/AAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
  ));
  assertEquals([request.origin, request.protocols, request.extensions.length], [undefined, [], 1]);
});

Deno.test("the Headers are created once, on first use", () => {
  const request = readUpgradeRequest(upgradeHead());
  assertStrictEquals(request.headers, request.headers);
});

Deno.test("the URL is wss if the caller says that the connection is encrypted", () => {
  const request = readUpgradeRequest(upgradeHead({ start: "GET / HTTP/1.1" }), { secure: true });
  assertEquals([request.url, request.secure], ["wss://server.example.com/", true]);
});

Deno.test("isUpgradeRequest tells a request for a WebSocket from an ordinary one", () => {
  assert(isUpgradeRequest(upgradeHead()));
  assert(isUpgradeRequest(replacing("Upgrade", "h2c, WebSocket")));
  assert(isUpgradeRequest(upgradeHead({ without: ["Connection"] })), "a proxy dropped the rest");
  assert(!isUpgradeRequest(requestHead("GET / HTTP/1.1", "Host: a.test")));
  assert(!isUpgradeRequest(replacing("Upgrade", "h2c")));
});

Deno.test("H4: a method that is not GET is refused with 405 and Allow", () => {
  for (const method of ["POST", "HEAD", "get", "OPTIONS", "CONNECT"]) {
    const error = assertRefuses(() => readUpgradeRequest(upgradeHead({ start: `${method} / HTTP/1.1` })), 405, method);
    assertEquals(error.headers.get("Allow"), "GET");
  }
});

Deno.test("H5: in HTTP/1.0 an upgrade is impossible, and is refused with 426", () => {
  const head = upgradeHead({ start: "GET / HTTP/1.0" });
  assert(!isUpgradeRequest(head));
  const error = assertRefuses(() => readUpgradeRequest(head), 426, "HTTP/1.0");
  assertEquals(error.headers.get("Upgrade"), "websocket");
});

Deno.test("H6: a Host that is missing, duplicate or invalid is refused with 400", () => {
  assertRefuses(() => readUpgradeRequest(upgradeHead({ without: ["Host"] })), 400, "Host is missing");
  assertRefuses(() => readUpgradeRequest(replacing("Host", "a.test", "b.test")), 400, "Host appears 2 times");
  assertRefuses(() => readUpgradeRequest(replacing("Host", "a.test/%zz")), 400, "is not a host");
});

Deno.test("H7: a plain request is refused with 426 and Upgrade", () => {
  for (const more of [[], ["Connection: keep-alive"], ["Upgrade: h2c"]]) {
    const head = upgradeHead({ without: ["Upgrade", "Connection"], more });
    const error = assertRefuses(() => readUpgradeRequest(head), 426, "This resource is a WebSocket");
    assertEquals(error.headers.get("Upgrade"), "websocket");
  }
});

Deno.test("H7: a refusal of a WebSocket client's request without Upgrade, Connection or HTTP/1.1 mentions proxies", () => {
  const hint = "Does a proxy drop it?";
  for (const without of [["Upgrade"], ["Connection"]]) {
    assertRefuses(() => readUpgradeRequest(upgradeHead({ without })), 400, hint);
  }
  assertRefuses(() => readUpgradeRequest(upgradeHead({ without: ["Upgrade", "Connection"] })), 426, hint);
  assertRefuses(() => readUpgradeRequest({ ...upgradeHead(), version: "HTTP/1.0" }), 426, hint);
  const visit = upgradeHead({ without: ["Upgrade", "Connection", "Sec-WebSocket-Key"] });
  assertEquals(assertRefuses(() => readUpgradeRequest(visit), 426, "no Upgrade").message.includes("proxy"), false);
});

Deno.test("H7: a request that lacks one of the tokens of Upgrade and Connection is refused with 400", () => {
  for (const value of ["keep-alive", "notupgrade", "", "close"]) {
    assertRefuses(() => readUpgradeRequest(replacing("Connection", value)), 400, 'Connection lacks "Upgrade"');
  }
  for (const value of ["h2c", "notwebsocket", "websocket2", ""]) {
    assertRefuses(() => readUpgradeRequest(replacing("Upgrade", value)), 400, 'Upgrade lacks "websocket"');
  }
});

Deno.test("CVE-2024-37890: a request without any one of its fields is refused, whichever it is", () => {
  for (const name of ["Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"]) {
    assertRefuses(
      () => readUpgradeRequest(upgradeHead({ without: [name] })),
      name === "Sec-WebSocket-Version" ? 426 : 400,
    );
  }
  assertRefuses(() => readUpgradeRequest(requestHead("GET / HTTP/1.1")), 400, "Host is missing");
});

Deno.test("H8, CVE-2026-5067: a key that is missing, duplicate or not 16 bytes in base64 is refused with 400", () => {
  assertRefuses(() => readUpgradeRequest(upgradeHead({ without: ["Sec-WebSocket-Key"] })), 400, "Key is missing");
  const key = "dGhlIHNhbXBsZSBub25jZQ==";
  assertRefuses(() => readUpgradeRequest(replacing("Sec-WebSocket-Key", key, key)), 400, "Key appears 2 times");
  for (const value of ["", "x", `${key}x`, `${key}, ${key}`, "A".repeat(8000), key.replace("d", "\xe9")]) {
    assertRefuses(() => readUpgradeRequest(replacing("Sec-WebSocket-Key", value)), 400, "is not 16 bytes in base64");
  }
});

Deno.test("H9: a version other than 13 is refused with 426 and the supported version", () => {
  const versions = [
    [],
    ["8"],
    ["0"],
    ["14"],
    ["+13"],
    ["013"],
    ["13abc"],
    ["13.0"],
    ["0xd"],
    ["1 3"],
    ["13, 8"],
    [""],
    ["13\xa0"],
  ];
  for (const values of [...versions, ["13", "13"], ["8", "13"]]) {
    const error = assertRefuses(
      () => readUpgradeRequest(replacing("Sec-WebSocket-Version", ...values)),
      426,
      "must be 13",
    );
    assertEquals([error.headers.get("Sec-WebSocket-Version"), error.headers.get("Upgrade")], ["13", "websocket"]);
  }
});

Deno.test("H10, CVE-2026-69243, CVE-2018-12541: an upgrade with a body is refused with 400", () => {
  for (const field of ["Content-Length: 1", "Transfer-Encoding: chunked"]) {
    assertRefuses(() => readUpgradeRequest(upgradeHead({ more: [field] })), 400, "cannot have a body");
  }
  for (const field of ["Content-Length: 00", "Content-Length: x", "Transfer-Encoding: identity"]) {
    assertRefuses(() => readUpgradeRequest(upgradeHead({ more: [field] })), 400, field.split(":")[0]);
  }
  assert(readUpgradeRequest(upgradeHead({ more: ["Content-Length: 0"] })));
});

Deno.test("H11, CVE-2026-39805: Content-Length with Transfer-Encoding, and Content-Length twice, are refused with 400", () => {
  const [length, encoding] = ["Content-Length: 0", "Transfer-Encoding: identity"];
  assertRefuses(() => readUpgradeRequest(upgradeHead({ more: [length, encoding] })), 400, "cannot be used together");
  assertRefuses(
    () => readUpgradeRequest(upgradeHead({ more: [length, length] })),
    400,
    "Content-Length appears 2 times",
  );
});

Deno.test("H12: the host of a target in absolute-form takes precedence over Host, which must still be there", () => {
  const start = "GET http://other.test:81/a?b HTTP/1.1";
  const request = readUpgradeRequest(upgradeHead({ start }));
  assertEquals([request.host, request.path, request.query], ["other.test:81", "/a", "b"]);
  assertEquals([request.url, request.target], ["ws://other.test:81/a?b", "http://other.test:81/a?b"]);
  assertRefuses(() => readUpgradeRequest(upgradeHead({ start, without: ["Host"] })), 400, "Host is missing");
});

Deno.test("H13: a fragment in the target is refused with 400, also if other code parsed the head", () => {
  const head = { ...upgradeHead(), target: "/chat#a" };
  assertRefuses(() => readUpgradeRequest(head), 400, 'Request target "/chat#a" is malformed');
});

Deno.test("H14: a duplicate Origin is refused with 400", () => {
  assertRefuses(() => readUpgradeRequest(replacing("Origin", "http://a", "http://b")), 400, "Origin appears 2 times");
});

Deno.test("H16: an invalid list of subprotocols is refused with 400", () => {
  for (const value of ["a, a", "a b", "a\xe9"]) {
    assertRefuses(() => readUpgradeRequest(replacing("Sec-WebSocket-Protocol", value)), 400, "Subprotocol");
  }
});

Deno.test("empty elements are skipped in every field that is a list (RFC 9110 §5.6.1.2)", () => {
  const request = readUpgradeRequest(upgradeHead({
    without: ["Connection", "Upgrade", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"],
    more: [
      "Connection: , keep-alive,,",
      "Connection: ,Upgrade",
      "Upgrade: ,websocket,",
      "Sec-WebSocket-Protocol: foo,,bar",
      "Sec-WebSocket-Protocol: ",
      "Sec-WebSocket-Extensions: , x,,",
    ],
  }));
  assertEquals(request.protocols, ["foo", "bar"]);
  assertEquals(request.extensions, [{ name: "x", params: [] }]);
  const empty = readUpgradeRequest(replacing("Sec-WebSocket-Protocol", " , "));
  assertEquals(empty.protocols, []);
  assertEquals(readUpgradeRequest(replacing("Sec-WebSocket-Extensions", "")).extensions, []);
});

Deno.test("the path is the URL's: segments that the URL parser would remove are refused, characters that it escapes are escaped", () => {
  for (
    const path of ["/chat/../admin", "/./a", "/a/..", "/%2e%2E/a", "/.%2e", "/a\\b", "/a/%2e?x", "http://a.test/../b"]
  ) {
    assertRefuses(() => readUpgradeRequest(upgradeHead({ start: `GET ${path} HTTP/1.1` })), 400, "dot segment");
  }
  for (
    const target of [
      "/a{b}|c?d'e",
      "//host/path",
      "/a%2fb",
      "/...",
      "/.a/b..",
      "/a;x=..",
      "/?../..",
      "http://a.test//b",
    ]
  ) {
    const { path, query, url } = readUpgradeRequest(upgradeHead({ start: `GET ${target} HTTP/1.1` }));
    assertEquals([new URL(url).pathname, new URL(url).search.slice(1)], [path, query], target);
  }
});

Deno.test("H17: repeated fields of subprotocols and extensions are one list", () => {
  const head = upgradeHead({
    more: ["Sec-WebSocket-Protocol: x", "Sec-WebSocket-Extensions: a", "Sec-WebSocket-Extensions: b"],
  });
  const { protocols, extensions } = readUpgradeRequest(head);
  assertEquals(protocols, ["chat", "superchat", "x"]);
  assertEquals(extensions.map(({ name }) => name), ["a", "b"]);
});

Deno.test("H18, GHSA-5v72-xg48-5rpm: invalid syntax of extensions is refused with 400, an unusual name is not", () => {
  assertRefuses(() => readUpgradeRequest(replacing("Sec-WebSocket-Extensions", "a; =")), 400, "Extension list");
  assertEquals(readUpgradeRequest(replacing("Sec-WebSocket-Extensions", "constructor")).extensions.length, 1);
});

Deno.test("the response of RFC 6455 §1.3 is written", async () => {
  const bytes = await acceptUpgrade(readUpgradeRequest(upgradeHead()), { protocol: "chat" });
  assertEquals(
    new TextDecoder().decode(bytes),
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
  );
});

Deno.test("H16: without subprotocol and extensions their fields are left out", async () => {
  const request = readUpgradeRequest(upgradeHead());
  const bytes = await acceptUpgrade(request);
  assertEquals(await acceptUpgrade(request, { protocol: "", extensions: "" }), bytes);
  assertEquals(readResponse(bytes).head.fields.map(([name]) => name), [
    "upgrade",
    "connection",
    "sec-websocket-accept",
  ]);
});

Deno.test("the response carries the accepted extensions and the application's fields", async () => {
  const request = readUpgradeRequest(replacing("Sec-WebSocket-Extensions", "a, b; c"));
  const bytes = await acceptUpgrade(request, {
    extensions: "b; d=1",
    headers: [["Set-Cookie", "x=1"], ["Set-Cookie", "y=2"]],
  });
  assertEquals(
    readResponse(bytes).head,
    responseHead(
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
      "Sec-WebSocket-Extensions: b; d=1",
      "set-cookie: x=1",
      "set-cookie: y=2",
    ),
  );
});

Deno.test("a subprotocol that was not requested or an extension that was not offered is a TypeError", async () => {
  const request = readUpgradeRequest(replacing("Sec-WebSocket-Extensions", "a"));
  for (const protocol of ["Chat", "chat, superchat", "other"]) {
    await assertRejects(
      () => acceptUpgrade(request, { protocol }),
      TypeError,
      "the client did not request it (it requested ",
    );
  }
  await assertRejects(() => acceptUpgrade(request, { extensions: "a, b" }), TypeError, "the client did not offer it");
  await assertRejects(() => acceptUpgrade(request, { extensions: "a;" }), TypeError, "is malformed");
});

Deno.test("H20, CVE-2026-1527: an application's values cannot break out of their place in the response", async () => {
  const request = readUpgradeRequest(replacing("Sec-WebSocket-Extensions", "a"));
  for (const char of ["\r\n", "\r", "\n", "\0"]) {
    const text = `a${char}b`;
    await assertRejects(() => acceptUpgrade({ ...request, protocols: [text] }, { protocol: text }), TypeError);
    await assertRejects(() => acceptUpgrade(request, { extensions: text }), TypeError);
    await assertRejects(() => acceptUpgrade(request, { headers: [["x", text]] }), TypeError);
    await assertRejects(() => acceptUpgrade(request, { headers: [[text, "x"]] }), TypeError);
  }
  for (const name of ["Upgrade", "Connection", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Content-Length"]) {
    await assertRejects(() => acceptUpgrade(request, { headers: { [name]: "x" } }), TypeError, "the handshake sets it");
  }
});

Deno.test("any request gives an UpgradeRequest whose URL parses, or a HandshakeError of the table", () => {
  const random = seeded();
  const text = [...upgradeLines({ more: ["Sec-WebSocket-Extensions: a; b=1"] }), "", ""].join("\r\n");
  const outcomes = new Map<number, number>();
  for (let round = 0; round < 5000; round++) {
    const mutated = mutate(random, text, '\r\n \t:,;/#%@[]"\\\0aW13\xff');
    let status = 101;
    try {
      const head = new RequestHeadParser(DEFAULT_LIMITS).push(bytesOf(mutated));
      if (head === undefined) continue;
      const { url, host } = readUpgradeRequest(head);
      assertEquals(new URL(url).host, new URL(`ws://${host}`).host);
    } catch (error) {
      assert(error instanceof HandshakeError, `SEED=${SEED}, ${error}: ${JSON.stringify(mutated)}`);
      status = error.status;
    }
    outcomes.set(status, (outcomes.get(status) ?? 0) + 1);
  }
  for (const status of outcomes.keys()) assert([101, 400, 405, 414, 426, 431, 505].includes(status), `${status}`);
  for (const status of [101, 400, 426]) assert((outcomes.get(status) ?? 0) > 0, `some of ${status}`);
});
