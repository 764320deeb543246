import { assert, assertEquals, assertNotEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { HandshakeError } from "../../lib/errors.ts";
import { isKey } from "../../lib/handshake/accept_key.ts";
import {
  checkUpgradeResponse,
  createUpgradeRequest,
  type CreateUpgradeRequestOptions,
  parseWebSocketUrl,
} from "../../lib/handshake/client_handshake.ts";
import { serializeExtensions } from "../../lib/handshake/extension_header.ts";
import { fieldValues, type HeaderFields } from "../../lib/handshake/http_fields.ts";
import { RequestHeadParser, type ResponseHead, ResponseHeadParser } from "../../lib/handshake/http_head.ts";
import { acceptUpgrade, readUpgradeRequest } from "../../lib/handshake/server_handshake.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { below, SEED, seeded } from "../_support/random.ts";
import { bytesOf, changedFields, mutate, randomText, readResponse, responseHead, textOf } from "./_support.ts";

Deno.test("ws and wss URLs are accepted, and http and https are aliases of them", () => {
  const cases = [
    ["ws://a.test", "ws://a.test/"],
    ["WSS://A.test:443/b?c", "wss://a.test/b?c"],
    ["http://a.test:80/", "ws://a.test/"],
    ["https://a.test:8443/b", "wss://a.test:8443/b"],
    ["https://a.test:80/", "wss://a.test:80/"],
    [" ws://a.test/%23 ", "ws://a.test/%23"],
  ];
  for (const [given = "", href] of cases) assertEquals(parseWebSocketUrl(given).href, href, given);
});

Deno.test("a URL object is not changed", () => {
  const url = new URL("https://a.test/");
  assertEquals(parseWebSocketUrl(url).href, "wss://a.test/");
  assertEquals(url.href, "https://a.test/");
});

Deno.test("a URL that does not parse, has another scheme or a fragment is a SyntaxError", () => {
  const bad: [url: string, words: string][] = [
    ["", "Cannot parse URL"],
    ["/chat", "Cannot parse URL"],
    ["ws://", "Cannot parse URL"],
    ["ws://a.test:99999", "Cannot parse URL"],
    ["ftp://a.test", 'Cannot use URL scheme "ftp:"'],
    ["mailto:a@a.test", 'Cannot use URL scheme "mailto:"'],
    ["ws://a.test/#", "it has a fragment"],
    ["wss://a.test/#b", "it has a fragment"],
    ["https://a.test/?#", "it has a fragment"],
  ];
  for (const [url, words] of bad) {
    assertStrictEquals(assertThrows(() => parseWebSocketUrl(url), DOMException, words, url).name, "SyntaxError");
  }
});

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** The text of a request with the key of RFC 6455 §1.3. */
function requestText(options: Omit<CreateUpgradeRequestOptions, "url" | "key"> & { url: string }): string {
  const { bytes } = createUpgradeRequest({ ...options, url: parseWebSocketUrl(options.url), key: KEY });
  return textOf(bytes);
}

/** The fields of a request. */
function requestFields(options: Parameters<typeof requestText>[0]): HeaderFields {
  return new RequestHeadParser(DEFAULT_LIMITS).push(bytesOf(requestText(options)))?.fields ?? [];
}

Deno.test("a request is written as RFC 6455 §4.1 requires, Host first", () => {
  assertEquals(
    requestText({
      url: "ws://server.example.com/chat?a=b c",
      protocols: ["chat", "superchat"],
      extensions: "permessage-deflate; client_max_window_bits",
      headers: { Origin: "http://example.com" },
    }),
    [
      "GET /chat?a=b%20c HTTP/1.1",
      "Host: server.example.com",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${KEY}`,
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Protocol: chat, superchat",
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
      "origin: http://example.com",
      "",
      "",
    ].join("\r\n"),
  );
});

Deno.test("without subprotocols and extensions their fields are left out", () => {
  const names = requestFields({ url: "ws://a.test", protocols: [], extensions: "" }).map(([name]) => name);
  assertEquals(names, ["host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version"]);
});

Deno.test("each request has a new key", () => {
  const url = new URL("ws://a.test");
  const { key, bytes } = createUpgradeRequest({ url });
  assert(isKey(key));
  assert(textOf(bytes).includes(`Sec-WebSocket-Key: ${key}\r\n`));
  assertNotEquals(createUpgradeRequest({ url }).key, key);
});

Deno.test("Host leaves out the default port, and may be overridden", () => {
  const cases: [url: string, host: string, headers?: HeadersInit][] = [
    ["ws://a.test:80", "a.test"],
    ["wss://a.test:443", "a.test"],
    ["ws://a.test:443", "a.test:443"],
    ["ws://[::1]:8080", "[::1]:8080"],
    ["ws://127.0.0.1:8080", "b.test", { Host: "b.test" }],
  ];
  for (const [url, host, headers = {}] of cases) {
    assertEquals(fieldValues(requestFields({ url, headers }), "host"), [host]);
  }
});

Deno.test("a URL's user and password are sent as Basic credentials unless an Authorization is given", () => {
  const authorization = (url: string, headers: HeadersInit = {}): string[] =>
    fieldValues(requestFields({ url, headers }), "authorization");
  assertEquals(authorization("ws://a.test"), []);
  assertEquals(authorization("ws://Aladdin:open%20sesame@a.test"), ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="]); // RFC 7617 §2.
  assertEquals(authorization("ws://test:123%C2%A3@a.test"), ["Basic dGVzdDoxMjPCow=="]); // RFC 7617 §2.1.
  assertEquals(authorization("ws://u@a.test"), [`Basic ${btoa("u:")}`]);
  assertEquals(authorization("ws://:p@a.test"), [`Basic ${btoa(":p")}`]);
  assertEquals(authorization("ws://u%zz:p@a.test"), [`Basic ${btoa("u%zz:p")}`]);
  assertEquals(authorization("ws://u:p@a.test", { Authorization: "Bearer x" }), ["Bearer x"]);
  assert(!requestText({ url: "ws://u:p@a.test/b" }).includes("u:p"), "they are nowhere else");
});

Deno.test("subprotocols that are not tokens, and duplicates, are a SyntaxError", () => {
  for (const protocols of [["a b"], ["a", "a"], [""], ["a\r\nX: b"]]) {
    assertStrictEquals(assertThrows(() => requestText({ url: "ws://a", protocols }), DOMException).name, "SyntaxError");
  }
});

Deno.test("H20, CVE-2026-1527: an application's values cannot break out of their place in the request", () => {
  for (const text of ["a\r\nb", "a\nb", "a\rb", "a\0b"]) {
    assertThrows(() => requestText({ url: "ws://a.test", extensions: text }), TypeError);
    assertThrows(() => requestText({ url: "ws://a.test", headers: [["x", text]] }), TypeError);
    assertThrows(() => requestText({ url: "ws://a.test", headers: [["Host", text]] }), TypeError);
    assertThrows(() => requestText({ url: "ws://a.test", headers: [[text, "x"]] }), TypeError);
    assertThrows(() => createUpgradeRequest({ url: new URL("ws://a.test"), key: text }), TypeError);
    assert(requestText({ url: `ws://a.test/${text}?${text}` }).startsWith("GET /a"), "a URL escapes or drops them");
  }
  for (const name of ["Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Transfer-Encoding"]) {
    assertThrows(
      () => requestText({ url: "ws://a.test", headers: { [name]: "x" } }),
      TypeError,
      "the handshake sets it",
    );
  }
});

const ANSWER = [
  "HTTP/1.1 101 Switching Protocols",
  "Upgrade: websocket",
  "Connection: Upgrade",
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
];

/** The answer of RFC 6455 §1.3 with one field replaced by others. */
function replacing(name: string, ...values: string[]): ResponseHead {
  return responseHead(...changedFields(ANSWER, { without: [name], more: values.map((value) => `${name}: ${value}`) }));
}

/** Asserts that an answer to a request for the subprotocol a and the extension x is refused with its own status. */
async function assertFails(head: ResponseHead, words: string, protocols: string[] = []): Promise<HandshakeError> {
  const check = () => checkUpgradeResponse(head, { key: KEY, protocols, offeredExtensions: ["x"] });
  const error = await assertRejects(check, HandshakeError, words);
  assertEquals(error.status, head.status);
  return error;
}

Deno.test("the response of RFC 6455 §1.3 is accepted", async () => {
  assertEquals(await checkUpgradeResponse(responseHead(...ANSWER), { key: KEY }), { protocol: "", extensions: [] });
});

Deno.test("letter case and other connection options do not matter", async () => {
  for (const head of [replacing("Upgrade", "WebSocket"), replacing("Connection", "keep-alive", "UPGRADE")]) {
    assertEquals((await checkUpgradeResponse(head, { key: KEY })).protocol, "");
  }
});

Deno.test("a status that is not 101 fails, and the error has the response's status and fields", async () => {
  for (const status of [200, 301, 401, 404, 426, 503]) {
    const head = responseHead(`HTTP/1.1 ${status} x`, ...ANSWER.slice(1), "Location: ws://b.test");
    const error = await assertFails(head, `Server answered ${status}, not 101`);
    assertEquals(error.headers.get("location"), "ws://b.test");
  }
  await assertFails(responseHead("HTTP/1.0 101 x", ...ANSWER.slice(1)), "101 in HTTP/1.0");
});

Deno.test("an Upgrade that is missing, wrong or not alone fails the handshake", async () => {
  for (const values of [[], [""], ["h2c"], ["notwebsocket"], ["websocket, h2c"], ["websocket", "websocket"]]) {
    await assertFails(replacing("Upgrade", ...values), "Header Upgrade is");
  }
});

Deno.test("a Connection that is missing or lacks the token Upgrade fails the handshake", async () => {
  for (const values of [[], [""], ["close"], ["notupgrade"]]) {
    await assertFails(replacing("Connection", ...values), 'Header Connection lacks "Upgrade"');
  }
});

Deno.test("an Accept that is missing, wrong or duplicate fails the handshake", async () => {
  const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
  await assertFails(replacing("Sec-WebSocket-Accept"), "Accept is missing");
  await assertFails(replacing("Sec-WebSocket-Accept", accept, accept), "Accept appears 2 times");
  for (const value of ["", KEY, accept.toLowerCase(), accept.slice(0, -1), `${accept}, ${accept}`, `"${accept}"`]) {
    await assertFails(replacing("Sec-WebSocket-Accept", value), "Header Sec-WebSocket-Accept is");
  }
});

Deno.test("an extension that was not offered fails, and an offered one comes with its parameters", async () => {
  await assertFails(replacing("Sec-WebSocket-Extensions", "y"), 'extension "y", which was not offered');
  await assertFails(replacing("Sec-WebSocket-Extensions", "x", "X"), 'extension "X", which was not offered');
  const answer = replacing("Sec-WebSocket-Extensions", "x; a=1");
  await assertRejects(() => checkUpgradeResponse(answer, { key: KEY }), HandshakeError, "which was not offered");
  const { extensions } = await checkUpgradeResponse(answer, { key: KEY, offeredExtensions: ["y", "x"] });
  assertEquals(extensions, [{ name: "x", params: [{ name: "a", value: "1" }] }]);
});

Deno.test("invalid syntax of the extensions fails the handshake", async () => {
  for (const value of [";", "x;", "x; a=", 'x; a="']) {
    await assertFails(replacing("Sec-WebSocket-Extensions", value), "Extension list");
  }
});

Deno.test("a subprotocol that was not requested, several, or none although some were requested, fails the handshake", async () => {
  await assertFails(replacing("Sec-WebSocket-Protocol", "a"), "which was not requested");
  await assertFails(replacing("Sec-WebSocket-Protocol", "a, b"), "which was not requested", ["a", "b"]);
  await assertFails(replacing("Sec-WebSocket-Protocol", "a", "b"), "Server sent 2 subprotocol fields", ["a", "b"]);
  await assertFails(replacing("Sec-WebSocket-Protocol"), "none of the requested", ["a"]);
  const options = { key: KEY, protocols: ["a", "b"] };
  assertEquals((await checkUpgradeResponse(replacing("Sec-WebSocket-Protocol", "b"), options)).protocol, "b");
});

Deno.test("CVE-2026-55517: bytes of 0x80 and more in the response's subprotocol and extensions fail the handshake", async () => {
  for (const char of ["\x80", "\xe9", "\xff"]) {
    await assertFails(replacing("Sec-WebSocket-Protocol", `a${char}`), "which was not requested", ["a"]);
    await assertFails(replacing("Sec-WebSocket-Extensions", `x${char}`), "Extension list");
  }
});

Deno.test("a client's request and a server's response arrive on the other side", async () => {
  const random = seeded();
  for (let round = 0; round < 100; round++) {
    const protocols = [...new Set(Array.from({ length: below(random, 4) }, () => randomText(random)))];
    const offers = Array.from({ length: below(random, 4) }, () => ({
      name: randomText(random),
      params: [{ name: randomText(random), value: below(random, 2) === 0 ? undefined : randomText(random) }],
    }));
    const url = parseWebSocketUrl(
      `ws://a.test:${1 + below(random, 65535)}/${randomText(random, "ab/?%&= é")}`,
    );
    const { bytes, key } = createUpgradeRequest({ url, protocols, extensions: serializeExtensions(offers) });

    const head = new RequestHeadParser(DEFAULT_LIMITS).push(bytes);
    assert(head);
    const request = readUpgradeRequest(head);
    assertEquals([request.key, request.protocols, request.extensions], [key, protocols, offers], `SEED=${SEED}`);
    assertEquals(request.url, `ws://${url.host}${url.pathname}${url.search}`, `SEED=${SEED}`);

    const protocol = protocols.at(-1) ?? "";
    const accepted = offers.slice(0, 1);
    const answer = await acceptUpgrade(request, { protocol, extensions: serializeExtensions(accepted) });
    const offeredExtensions = offers.map(({ name }) => name);
    const agreed = await checkUpgradeResponse(readResponse(answer).head, { key, protocols, offeredExtensions });
    assertEquals(agreed, { protocol, extensions: accepted }, `SEED=${SEED}`);
  }
});

Deno.test("any response is an agreement or a HandshakeError", async () => {
  const random = seeded();
  const text = [...ANSWER, "Sec-WebSocket-Protocol: a", "Sec-WebSocket-Extensions: x; b=1", "", ""].join("\r\n");
  let agreements = 0;
  for (let round = 0; round < 2000; round++) {
    const mutated = mutate(random, text, '\r\n \t:,;=" abx01\0\xff');
    try {
      const head = new ResponseHeadParser(DEFAULT_LIMITS).push(bytesOf(mutated));
      if (head === undefined) continue;
      const agreed = await checkUpgradeResponse(head, { key: KEY, protocols: ["a", "b"], offeredExtensions: ["x"] });
      assert(["a", "b"].includes(agreed.protocol), `SEED=${SEED}: ${JSON.stringify(mutated)}`);
      agreements++;
    } catch (error) {
      assert(error instanceof HandshakeError, `SEED=${SEED}, ${error}: ${JSON.stringify(mutated)}`);
    }
  }
  assert(agreements > 0, "some are agreements");
});
