import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { utf8 } from "../_support/frames.ts";
import { requestText } from "../_support/raw_peer.ts";
import { settle } from "../_support/wait.ts";
import { accepts, refused, statusLine } from "./_support.ts";

Deno.test("the upgrade hook sees the request, and sets the subprotocol, header fields and data", async () => {
  const { accepting, peer } = accepts<{ user: string }>({
    protocols: ["a"],
    async upgrade(request, { signal, remoteAddr }) {
      await settle();
      assertEquals([signal.aborted, remoteAddr], [false, undefined]);
      return {
        protocol: request.protocols[1]!,
        headers: { "Set-Cookie": "seen=1" },
        data: { user: `${request.path}?${request.query}` },
      };
    },
  });
  const head = await peer.ask(requestText({ "Sec-WebSocket-Protocol": "a, b" }));
  assertStringIncludes(head.toLowerCase(), "\r\nset-cookie: seen=1\r\n");
  assertStringIncludes(head.toLowerCase(), "\r\nsec-websocket-protocol: b\r\n");
  const socket = await accepting;
  assertEquals([socket.protocol, socket.data?.user], ["b", "/chat?x=1"]);
  socket.abort();
});

Deno.test("an upgrade hook that returns nothing accepts with the defaults", async () => {
  const { accepting, peer } = accepts({ protocols: ["a"], upgrade() {} });
  await peer.ask(requestText({ "Sec-WebSocket-Protocol": "a" }));
  const socket = await accepting;
  assertEquals([socket.protocol, socket.data], ["a", undefined]);
  socket.abort();
});

Deno.test("a hook that returns a Response refuses with it", async () => {
  const { answer, error } = await refused(accepts({
    upgrade: () => new Response("no such room", { status: 404, headers: { "X-Room": "none" } }),
  }));
  assertEquals(
    answer,
    "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 12\r\n" +
      "content-type: text/plain;charset=UTF-8\r\nx-room: none\r\n\r\nno such room",
  );
  assertEquals([error.status, error.headers.get("x-room")], [404, "none"]);
});

Deno.test("H15, H22: a HandshakeError of the hook refuses with its status and fields", async () => {
  const thrown = new HandshakeError("Who are you", { status: 401, headers: [["WWW-Authenticate", "Basic"]] });
  const { answer, error } = await refused(accepts({ upgrade: () => Promise.reject(thrown) }));
  assertEquals(statusLine(answer), "HTTP/1.1 401 Unauthorized");
  assertStringIncludes(answer.toLowerCase(), "\r\nwww-authenticate: basic\r\n");
  assertStrictEquals(error, thrown);
});

const MISTAKES: Record<string, unknown> = {
  "an Error": new Error("a secret"),
  "a ConnectionError of a connection of its own": new ConnectionError("a secret"),
  "something else": "a secret",
};
for (const [what, mistake] of Object.entries(MISTAKES)) {
  Deno.test(`H22: a hook that throws ${what} refuses with 500, and reveals nothing to the peer`, async () => {
    const { answer, error } = await refused(accepts({ upgrade: () => Promise.reject(mistake) }));
    assertEquals(statusLine(answer), "HTTP/1.1 500 Internal Server Error");
    assert(!answer.includes("secret"));
    assertStrictEquals(error.cause, mistake);
  });
}

for (
  const [what, answer] of Object.entries({
    "a subprotocol that was not requested": { protocol: "b" },
    "H20: a header value with CR and LF": { headers: { "X-A": "1\r\nX-B: 2" } },
    "a header field of the handshake's own": { headers: { "Sec-WebSocket-Accept": "mine" } },
  })
) {
  Deno.test(`${what}, chosen by the hook, is the server's error: 500`, async () => {
    const { answer: bytes, error } = await refused(accepts({ upgrade: () => answer }));
    assertEquals(statusLine(bytes), "HTTP/1.1 500 Internal Server Error");
    assertInstanceOf(error.cause, TypeError);
    assert(!/x-b/i.test(bytes));
  });
}

Deno.test("H23: a hook that hangs gets its signal aborted at the deadline, and the client gets 503", async () => {
  using time = new FakeTime();
  const reasons: unknown[] = [];
  const late = Promise.withResolvers<AbortSignal>();
  const { accepting, peer } = accepts({
    handshakeTimeout: 1_000,
    async upgrade(_, info) {
      info.signal.addEventListener("abort", () => reasons.push(info.signal.reason));
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      late.resolve(info.signal);
      return { headers: { "X-Too": "late" } };
    },
  });
  await peer.send(utf8(requestText()));
  await time.advance(1_000);
  const answer = await peer.readText();
  assertEquals(statusLine(answer), "HTTP/1.1 503 Service Unavailable");
  await time.advance(500);
  assertEquals((await late.promise).aborted, true);
  await peer.closeWrite();
  const error = await assertRejects(() => accepting, HandshakeError, "The handshake took more than 1000 ms");
  assertEquals([error.status, reasons], [503, [error]]);
  assertEquals(time.timers, 0);
});

Deno.test("H23: a hook that first reads its signal after the deadline finds it aborted", async () => {
  using time = new FakeTime();
  const late = Promise.withResolvers<AbortSignal>();
  const { accepting, peer } = accepts({
    handshakeTimeout: 1_000,
    async upgrade(_, info) {
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      late.resolve(info.signal);
    },
  });
  await peer.send(utf8(requestText()));
  await time.advance(1_500);
  assertEquals((await late.promise).aborted, true);
  peer.close();
  assertStrictEquals((await late.promise).reason, await assertRejects(() => accepting, HandshakeError));
});
