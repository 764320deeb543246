import { assertEquals, assertRejects } from "@std/assert";
import { readHixie75, readHixie76 } from "../../lib/legacy/hixie_handshake.ts";
import { frame, Opcode } from "../../lib/pipeline/frames/frame.ts";
import { utf8 } from "../_support/frames.ts";
import { assertRefuses, bytesOf, requestHead, textOf } from "../handshake/_support.ts";
import { EXCHANGES, hixie75Head, hixie76Head, KEY3 } from "./_support.ts";

const NO_BODY = new Uint8Array(0);

/** The request of the documentation under other keys. */
const withKeys = (key1: string, key2 = "1 2") =>
  hixie76Head({
    without: ["Sec-WebSocket-Key1", "Sec-WebSocket-Key2"],
    more: [`Sec-WebSocket-Key1: ${key1}`, `Sec-WebSocket-Key2: ${key2}`],
  });

Deno.test("hixie-76: the request of rpz.websocket's documentation is parsed", () => {
  const head = hixie76Head();
  const { answer: _answer, framing: _framing, headers, ...request } = readHixie76(head);
  assertEquals(request, {
    method: "GET",
    target: "/demo",
    path: "/demo",
    query: "",
    url: "ws://example.com/demo",
    location: "ws://example.com/demo",
    secure: false,
    host: "example.com",
    origin: "http://example.com",
    version: "hixie-76",
    key: "",
    protocols: ["sample"],
    extensions: [],
    fields: head.fields,
    bodyBytes: 8,
  });
  assertEquals(headers.get("Sec-WebSocket-Key2"), "12998 5 Y3 1  .P00");
});

Deno.test("hixie-76: the response is that of rpz.websocket's documentation, byte by byte", async () => {
  const answer = await readHixie76(hixie76Head()).answer(bytesOf(KEY3), { protocol: "sample" });
  assertEquals(textOf(answer).split("\r\n"), EXCHANGES["hixie-76"].answer.split("\r\n"));
});

Deno.test("hixie-76: published keys of other sources give their published responses", async () => {
  const exchanges = [
    // draft-hixie-thewebsocketprotocol-76 §1.2
    ["18x 6]8vM;54 *(5:  {   U1]8  z [  8", "1_ tx7X d  <  nw  334J702) 7]o}` 0", "Tm[K T2u", "fQJ,fN/4F4!~K~MH"],
    // websocket-driver's
    [
      "1   38 wZ3f9 23O0 3l 0r",
      "27   0E 6 2  1665:< ;U 1H",
      "\x91\x25\x3e\xd3\xa9\xe7\x6a\x88",
      "\xb4\x9c\x6e\x40\x53\x04\x04\x26\xe5\x1b\xbf\x6c\xb7\x9f\x1d\xf9",
    ],
  ] as const;
  for (const [key1, key2, key3, proof] of exchanges) {
    const answer = await readHixie76(withKeys(key1, key2)).answer(bytesOf(key3));
    assertEquals(textOf(answer.subarray(-20)), `\r\n\r\n${proof}`);
  }
});

Deno.test("hixie-75: the exchange of rpz.websocket's documentation, with the status line that hixie-75's clients compare", async () => {
  const request = readHixie75(hixie75Head());
  assertEquals([request.version, request.origin, request.bodyBytes], ["hixie-75", "http://example.com", 0]);
  const answer = await request.answer(NO_BODY);
  assertEquals(textOf(answer).split("\r\n"), [
    // The documentation has hixie-76's "WebSocket" here; draft-hixie-thewebsocketprotocol-75 has these bytes.
    "HTTP/1.1 101 Web Socket Protocol Handshake",
    "Upgrade: WebSocket",
    "Connection: Upgrade",
    "WebSocket-Origin: http://example.com",
    "WebSocket-Location: ws://example.com/demo",
    "",
    "",
  ]);
});

Deno.test("hixie-75: the subprotocol is in WebSocket-Protocol, and another draft's field is ignored", async () => {
  const head = hixie75Head(
    "WebSocket-Protocol: sample",
    "Sec-WebSocket-Protocol: other",
    "Sec-WebSocket-Extensions: a",
  );
  const request = readHixie75(head);
  assertEquals([request.protocols, request.extensions], [["sample"], []]);
  const lines = textOf(await request.answer(NO_BODY, { protocol: "sample" })).split("\r\n");
  assertEquals(lines.slice(5), ["WebSocket-Protocol: sample", "", ""]);
});

Deno.test("X7: a key without digits, without spaces, not divisible by its spaces, or beyond 32 bits gets 400", () => {
  const cases: [key: string, words: string][] = [
    ["a b c", "no digit"],
    ["12345", "no space"],
    ["0", "no space"],
    ["1 2 3", "is not a multiple of its 2 spaces"],
    ["2 L785 8o% s9Sy9@V. 4<1P5", "is not a multiple"], // websocket-driver's
    ["4294967296 x", "more than 32 bits"],
    ["8589934592  x", "more than 32 bits"],
    [`${"9".repeat(400)} x`, "more than 32 bits"],
  ];
  for (const [key, words] of cases) {
    assertRefuses(() => readHixie76(withKeys(key)), 400, words);
    assertRefuses(() => readHixie76(withKeys("1 2", key)), 400, words);
  }
});

Deno.test("X7: the largest and the smallest numbers of a key are accepted", () => {
  for (const key of ["4294967295 x", "8589934590  x", "0 x", "x0  y"]) readHixie76(withKeys(key, key));
});

Deno.test("X7: a missing or duplicate key gets 400", () => {
  for (const name of ["Sec-WebSocket-Key1", "Sec-WebSocket-Key2"]) {
    assertRefuses(() => readHixie76(hixie76Head({ without: [name] })), 400, `${name} is missing`);
    assertRefuses(() => readHixie76(hixie76Head({ more: [`${name}: 1 2`] })), 400, `${name} appears 2 times`);
  }
});

Deno.test("hixie-76: HyBi-01 to -03, which have other frames, get 400; HyBi-00 may call itself 0", () => {
  readHixie76(hixie76Head({ more: ["Sec-WebSocket-Draft: 0"] }));
  for (const draft of ["1", "2", "", "00"]) {
    assertRefuses(() => readHixie76(hixie76Head({ more: [`Sec-WebSocket-Draft: ${draft}`] })), 400, "Draft");
  }
});

for (
  const { version, read, head, body } of [
    { version: "hixie-75", read: readHixie75, head: hixie75Head("WebSocket-Protocol: sample"), body: "" },
    { version: "hixie-76", read: readHixie76, head: hixie76Head(), body: KEY3 },
  ]
) {
  const without = (...names: string[]) => ({ ...head, fields: head.fields.filter(([name]) => !names.includes(name)) });

  Deno.test(`${version}: the location is wss if the caller says that the connection is encrypted`, async () => {
    const request = read({ ...head, target: "/demo?a=1" }, { secure: true });
    assertEquals([request.secure, request.location, request.query], [true, "wss://example.com/demo?a=1", "a=1"]);
    const lines = textOf(await request.answer(bytesOf(body))).split("\r\n");
    assertEquals(lines.filter((line) => line.endsWith("-Location: wss://example.com/demo?a=1")).length, 1);
  });

  Deno.test(`${version}: a request without an origin, which the response must repeat, gets 400`, () => {
    assertRefuses(() => read(without("origin")), 400, "Origin is missing");
  });

  Deno.test(`${version}: RFC 6455's rules for method, host, body and Connection apply`, () => {
    assertRefuses(() => read({ ...head, method: "POST" }), 405);
    assertRefuses(() => read(without("host")), 400, "Host is missing");
    assertRefuses(() => read(without("connection")), 400, "Connection");
    assertRefuses(() => read({ ...head, fields: [...head.fields, ["content-length", "8"]] }), 400, "body");
    assertRefuses(() => read({ ...head, fields: [...head.fields, ["origin", "null"]] }), 400, "Origin appears 2 times");
  });

  Deno.test(`${version}: if the server chooses none, the response has no subprotocol`, async () => {
    const request = read(head);
    assertEquals(request.protocols, ["sample"]);
    assertEquals(textOf(await request.answer(bytesOf(body))).includes("Protocol:"), false);
  });

  Deno.test(`${version}: the application's fields come last, and none may belong to the handshake`, async () => {
    const request = read(head);
    const answer = await request.answer(bytesOf(body), { headers: { "Set-Cookie": "a=1" } });
    assertEquals(textOf(answer).split("\r\n")[5], "set-cookie: a=1");
    for (const name of ["WebSocket-Location", "Sec-WebSocket-Location", "Upgrade"]) {
      await assertRejects(
        () => request.answer(bytesOf(body), { headers: { [name]: "x" } }),
        TypeError,
        "the handshake sets it",
      );
    }
  });

  Deno.test(`${version}: a server's invalid choices throw TypeError`, async () => {
    const request = read(head);
    await assertRejects(() => request.answer(bytesOf(body), { protocol: "other" }), TypeError, "did not request");
    await assertRejects(() => request.answer(bytesOf(body), { extensions: "a" }), TypeError, "has none");
    await assertRejects(() => request.answer(bytesOf(`${body}x`)), TypeError, `body of ${body.length + 1} bytes`);
  });

  Deno.test(`${version}: its frames are read and written`, () => {
    const { framing } = read(head);
    const hello = frame(Opcode.TEXT, utf8("Hello"));
    const wire = framing?.serialize(hello) ?? NO_BODY;
    assertEquals(textOf(wire), "\x00Hello\xff");
    const frames: typeof hello[] = [];
    framing?.createParser({ maxMessageBytes: 5 }).push(bytesOf(textOf(wire)), frames);
    assertEquals(frames, [hello]);
  });
}

Deno.test("hixie-75 and hixie-76: an absolute target names the host", () => {
  const head = requestHead(
    "GET http://other.test/a HTTP/1.1",
    "Host: x",
    "Upgrade: WebSocket",
    "Connection: Upgrade",
    "Origin: null",
  );
  assertEquals(readHixie75(head).location, "ws://other.test/a");
});
