import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { reworded } from "../../lib/client/refusal.ts";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { utf8 } from "../_support/frames.ts";
import { settle } from "../_support/wait.ts";
import { connects, refused } from "./_support.ts";

const BODIES: [what: string, fields: string, body: string, read: string][] = [
  ["a body that ends with the connection", "", "the end", "the end"],
  ["a body over maxErrorBodyBytes", "", "x".repeat(50_000), "x".repeat(20)],
  ["a Content-Length over maxErrorBodyBytes", "Content-Length: 50000\r\n", "x".repeat(50_000), "x".repeat(20)],
  ["a body that is shorter than its Content-Length", "Content-Length: 10\r\n", "short", "short"],
  ["a Content-Length that is no number", "Content-Length: many\r\n", "body", "body"],
  ["a chunked body", "Transfer-Encoding: chunked\r\n", "4;x=1\r\nbody\r\n2\r\n!!\r\n0\r\nX: 1\r\n\r\n", "body!!"],
  [
    "a chunked body over maxErrorBodyBytes",
    "Transfer-Encoding: chunked\r\n",
    `c350\r\n${"x".repeat(50_000)}`,
    "x".repeat(20),
  ],
  ["a chunked body that is malformed", "Transfer-Encoding: chunked\r\n", "2\r\nok\r\nz\r\n", "ok"],
  ["a coding besides chunked", "Transfer-Encoding: gzip\r\n", "zipped", "zipped"],
  [
    "a chunked body and a length",
    "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "4\r\nbody\r\n0\r\n\r\n",
    "body",
  ],
];
for (const [what, fields, body, read] of BODIES) {
  Deno.test(`of a refusal with ${what}, connect reads no more than it must`, async () => {
    const error = await refused(connects({ maxErrorBodyBytes: 20 }), `HTTP/1.1 500 X\r\n${fields}\r\n${body}`);
    assertEquals(new TextDecoder().decode(error.body), read);
  });
}

Deno.test("a refusal whose body never ends is reported after a second, with the body so far", async () => {
  using time = new FakeTime();
  const { connecting, peer, conn } = connects();
  await peer.readHead();
  await peer.send(utf8("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npage\r\n"));
  await time.advance(999);
  assertEquals(conn.closes, 0);
  await time.advance(1);
  const error = await assertRejects(() => connecting, HandshakeError);
  assertEquals([error.status, new TextDecoder().decode(error.body)], [404, "page"]);
  assertEquals([conn.closes, time.timers], [1, 0]);
});

Deno.test("a complete refusal is reported at once, whether or not the connection stays open", async () => {
  const answers: [answer: string, body: string][] = [
    ["HTTP/1.1 204 No Content\r\n\r\n", ""],
    ["HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", ""],
    ["HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", "no"],
    ["HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno", "no"],
  ];
  for (const [answer, body] of answers) {
    using time = new FakeTime();
    const { connecting, peer } = connects();
    await peer.readHead();
    await peer.send(utf8(answer)); // and no end
    const error = await assertRejects(() => connecting, HandshakeError);
    assertEquals([new TextDecoder().decode(error.body), time.timers], [body, 0], answer);
  }
});

Deno.test("a refusal whose connection is reset is still reported", async () => {
  const { connecting, peer, conn } = connects();
  await peer.readHead();
  await peer.send(utf8("HTTP/1.1 503 Service Unavailable\r\n\r\npart"));
  await settle();
  conn.reset();
  const error = await assertRejects(() => connecting, HandshakeError);
  assertEquals([error.status, new TextDecoder().decode(error.body)], [503, "part"]);
});

Deno.test("an error that gets another message keeps its class and its properties", () => {
  const lost = reworded(new ConnectionError("lost", { cause: 7 }), (message) => `${message} there`);
  assertInstanceOf(lost, ConnectionError);
  assertEquals([lost.message, lost.cause], ["lost there", 7]);

  const facts = { status: 503, headers: new Headers({ "Retry-After": "1" }), body: utf8("no"), cause: 7 };
  const refusal = reworded(new HandshakeError("refused", facts), (message) => `${message} there`);
  assertInstanceOf(refusal, HandshakeError);
  assertEquals([refusal.message, refusal.status, refusal.cause], ["refused there", 503, 7]);
  assertEquals([refusal.headers.get("retry-after"), refusal.body], ["1", utf8("no")]);
  const bare = reworded(new HandshakeError("refused", { status: 0 }), String);
  assert(bare instanceof HandshakeError && bare.body === undefined && !("cause" in bare));
});

Deno.test("an error of another library is left unchanged", () => {
  const error = new TypeError("mistake");
  assertStrictEquals(reworded(error, () => "other"), error);
});
