import { assertEquals, assertThrows } from "@std/assert";
import {
  acceptExtendedConnect,
  checkExtendedConnect,
  connectFields,
  createExtendedConnect,
  readExtendedConnect,
  refusalFields,
} from "../../lib/handshake/extended_connect.ts";
import { parseWebSocketUrl } from "../../lib/handshake/client_handshake.ts";
import type { HeaderFields } from "../../lib/handshake/http_fields.ts";
import { DEFAULT_LIMITS } from "../../lib/limits.ts";
import { assertRefuses } from "./_support.ts";

/** The request of RFC 8441 §5.1. */
const REQUEST: HeaderFields = [
  [":method", "CONNECT"],
  [":protocol", "websocket"],
  [":scheme", "https"],
  [":path", "/chat"],
  [":authority", "server.example.com"],
  ["sec-websocket-protocol", "chat, superchat"],
  ["sec-websocket-extensions", "permessage-deflate"],
  ["sec-websocket-version", "13"],
  ["origin", "http://www.example.com"],
];

/** The request with one field replaced by others. */
const replacing = (name: string, ...values: string[]): HeaderFields => [
  ...REQUEST.filter(([field]) => field !== name),
  ...values.map((value) => [name, value] as const),
];

const read = (fields: HeaderFields, limits = {}) =>
  readExtendedConnect(fields, { secure: true, limits: { ...DEFAULT_LIMITS, ...limits } });

Deno.test("the request of RFC 8441 §5.1 is parsed, and its response is the one given there", () => {
  const { headers, fields, ...request } = read(REQUEST);
  assertEquals(request, {
    method: "CONNECT",
    target: "/chat",
    path: "/chat",
    query: "",
    url: "wss://server.example.com/chat",
    secure: true,
    host: "server.example.com",
    origin: "http://www.example.com",
    version: 13,
    key: "",
    protocols: ["chat", "superchat"],
    extensions: [{ name: "permessage-deflate", params: [] }],
  });
  assertEquals(headers.get("Host"), "server.example.com");
  assertEquals(fields.some(([name]) => name.startsWith(":")), false);
  assertEquals(acceptExtendedConnect(request, { protocol: "chat", headers: { "Set-Cookie": "a=b" } }), [
    [":status", "200"],
    ["sec-websocket-protocol", "chat"],
    ["set-cookie", "a=b"],
  ]);
});

Deno.test("a client's request and a server's response arrive on the other side over HTTP/2", () => {
  const fields = createExtendedConnect({
    url: parseWebSocketUrl("https://user:pass@example.com:8443/chat?room=1"),
    protocols: ["chat", "news"],
    extensions: "permessage-deflate",
    headers: { Cookie: "a=b" },
  });
  assertEquals(fields, [
    [":method", "CONNECT"],
    [":protocol", "websocket"],
    [":scheme", "https"],
    [":authority", "example.com:8443"],
    [":path", "/chat?room=1"],
    ["sec-websocket-version", "13"],
    ["sec-websocket-protocol", "chat, news"],
    ["sec-websocket-extensions", "permessage-deflate"],
    ["authorization", "Basic dXNlcjpwYXNz"],
    ["cookie", "a=b"],
  ]);
  const request = read(fields);
  assertEquals([request.url, request.query], ["wss://example.com:8443/chat?room=1", "room=1"]);
  const [[, status], ...answer] = acceptExtendedConnect(request, {
    protocol: "news",
    extensions: "permessage-deflate",
  }) as [
    readonly [string, string],
    ...HeaderFields,
  ];
  const agreed = checkExtendedConnect({ status: Number(status), fields: answer }, {
    protocols: ["chat", "news"],
    offeredExtensions: ["permessage-deflate"],
  });
  assertEquals(agreed, { protocol: "news", extensions: [{ name: "permessage-deflate", params: [] }] });
});

Deno.test("in cleartext the scheme is http, and a Host header from the application becomes the authority", () => {
  const fields = createExtendedConnect({ url: parseWebSocketUrl("ws://127.0.0.1/"), headers: { Host: "example.com" } });
  assertEquals(fields.slice(2, 5), [[":scheme", "http"], [":authority", "example.com"], [":path", "/"]]);
  assertEquals(fields.some(([name]) => name === "host"), false);
});

const BAD: [what: string, fields: HeaderFields, status: number, words: string][] = [
  ["H4: another method", replacing(":method", "GET"), 405, "CONNECT"],
  ["no protocol, as in a plain CONNECT", replacing(":protocol"), 400, "missing"],
  ["another protocol", replacing(":protocol", "connect-udp"), 501, '"connect-udp"'],
  ["two protocols", replacing(":protocol", "websocket", "websocket"), 400, "appears 2 times"],
  ["no scheme", replacing(":scheme"), 400, ":scheme is missing"],
  ["a scheme that is not HTTP's", replacing(":scheme", "ftp"), 400, '"ftp"'],
  ["no path", replacing(":path"), 400, ":path is missing"],
  ["H3: a path that is none", replacing(":path", "chat"), 400, "malformed"],
  ["H3: a path with a fragment", replacing(":path", "/chat#x"), 400, "malformed"],
  ["H6: no authority and no host", replacing(":authority"), 400, "Host is missing"],
  ["a Host that is not the authority", replacing("host", "other.example.com"), 400, "Header Host is"],
  ["a path with a dot segment", replacing(":path", "/chat/../admin"), 400, "dot segment"],
  ["H6: an authority that is no host", replacing(":authority", "a b"), 400, "not a host"],
  ["H10: a body", [...REQUEST, ["content-length", "5"]], 400, "body"],
  ["H9: no version", replacing("sec-websocket-version"), 400, "must be 13, not none"],
  ["H9: another version", replacing("sec-websocket-version", "8"), 400, 'must be 13, not "8"'],
  ["two origins", [...REQUEST, ["origin", "http://evil.example"]], 400, "appears 2 times"],
  ["a subprotocol that is no token", replacing("sec-websocket-protocol", "a b"), 400, "token"],
];
for (const [what, fields, status, words] of BAD) {
  Deno.test(`a request over HTTP/2 is refused with ${status} for ${what}`, () => {
    const { headers } = assertRefuses(() => read(fields), status, words);
    assertEquals(headers.get("Sec-WebSocket-Version"), what.startsWith("H9") ? "13" : null);
    assertEquals(headers.get("Upgrade"), null);
  });
}

Deno.test("H2: a request over HTTP/2 has the limits of a head: its fields, their bytes, its path", () => {
  assertRefuses(() => read(REQUEST, { maxHeaderCount: 8 }), 431, "more than 8 fields");
  assertRefuses(() => read(REQUEST, { maxHeaderBytes: 200 }), 431, "longer than 200 bytes");
  assertRefuses(() => read(REQUEST, { maxStartLineBytes: 4 }), 414, "longer than 4 bytes");
  assertEquals(read(REQUEST, { maxHeaderCount: 9, maxStartLineBytes: 5 }).path, "/chat");
});

Deno.test("the fields of a request are those of HTTP/1.1: authority before Host, and one joined cookie (RFC 9113 §8.2.3)", () => {
  assertEquals(
    connectFields([[":authority", "a"], ["cookie", "a=1"], ["host", "b"], ["x", "1"], ["cookie", "b=2"], ["x", "2"]]),
    [["host", "a"], ["x", "1"], ["x", "2"], ["cookie", "a=1; b=2"]],
  );
  assertEquals(connectFields([["host", "b"]]), [["host", "b"]]);
});

Deno.test("a server cannot choose a value that was not requested, or set a malformed or reserved field", () => {
  const request = read(REQUEST);
  for (
    const choice of [
      { protocol: "other" },
      { extensions: "x-other" },
      { headers: { "X-Bad": "a\x01b" } },
      { headers: { Upgrade: "websocket" } },
      { headers: { "Sec-WebSocket-Accept": "x" } },
    ]
  ) assertThrows(() => acceptExtendedConnect(request, choice), TypeError);
});

Deno.test("a refusal over HTTP/2 has the fields of HTTP/1.1 without the hop-by-hop ones (RFC 9113 §8.2.2)", () => {
  const headers = {
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Keep-Alive": "1",
    "Content-Length": "9",
    "X-Why": "so",
  };
  const fields = (size: number) => refusalFields({ status: 426, headers, body: new Uint8Array(size) });
  assertEquals(fields(0), [[":status", "426"], ["x-why", "so"]]);
  assertEquals(fields(3), [[":status", "426"], ["content-length", "3"], ["x-why", "so"]]);
});

Deno.test("a client accepts any 2xx, and no value that it did not request", () => {
  const asked = { protocols: [], offeredExtensions: [] };
  for (const status of [200, 201, 299]) {
    assertEquals(checkExtendedConnect({ status, fields: [] }, asked), { protocol: "", extensions: [] });
  }
  for (const status of [101, 199, 300, 404]) {
    assertRefuses(() => checkExtendedConnect({ status, fields: [] }, asked), status, "not 200");
  }
  const fields: HeaderFields = [["sec-websocket-protocol", "chat"]];
  assertRefuses(() => checkExtendedConnect({ status: 200, fields }, asked), 200, '"chat"');
  const extended: HeaderFields = [["sec-websocket-extensions", "x"]];
  assertRefuses(() => checkExtendedConnect({ status: 200, fields: extended }, asked), 200, '"x"');
});
