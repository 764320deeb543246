import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { HandshakeError } from "../../lib/errors.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import { upgradeRequest } from "../../lib/server/upgrade_request.ts";
import { utf8 } from "../_support/frames.ts";
import { assertMessage, messages } from "../_support/messages.ts";
import { RawPeer, requestText } from "../_support/raw_peer.ts";
import { soon } from "../_support/wait.ts";
import { start, taking } from "./_deno_serve.ts";
import { ORIGIN_REFUSED, overlook, printed, RETURNED_AT_ONCE } from "../_support/printed.ts";

overlook(ORIGIN_REFUSED, RETURNED_AT_ONCE);

const ECHOES: Record<string, WebSocketHandler> = {
  "for await": async (socket) => {
    for await (const message of socket) await socket.send(message);
  },
  "streams": (socket) => socket.readable.pipeTo(socket.writable),
  "the streams of opened": async (socket) => {
    const { readable, writable } = await socket.opened;
    await readable.pipeTo(writable);
  },
  "batches": async (socket) => {
    for await (const batch of socket.batches) for (const message of batch) await socket.send(message);
  },
  "callbacks": { message: (socket, data) => socket.send(data) },
};

for (const [name, echo] of Object.entries(ECHOES)) {
  Deno.test(`upgradeRequest echoes by ${name}, and the closing handshake is clean`, async () => {
    await using server = start(echo);
    const socket = await connect(server.url);
    const replies = socket[Symbol.asyncIterator]();
    for (const message of messages([0, 1, 126, 65_536, 1024 * 1024])) {
      void socket.send(message);
      assertMessage((await soon(replies.next(), "A reply")).value, message);
    }
    const { closeCode, wasClean } = await soon(socket.close(4321, "done"), "The end");
    assertEquals([closeCode, wasClean], [4321, true]);
    assertEquals(server.reports, []);
  });
}

Deno.test("the connection has the properties of the handshake", async () => {
  const { handler, taken } = taking();
  await using server = start(handler, { protocols: ["b", "a"], headers: { "Set-Cookie": "k=v" }, data: { name: "x" } });
  const client = await connect(server.url, { protocols: ["a", "b"], perMessageDeflate: true });
  const socket = await taken;
  const { role, url, protocol, extensions, remoteAddr, data, readyState, roundTripTime } = socket;
  assert(remoteAddr !== undefined);
  assertEquals({ role, url, protocol, extensions, remoteAddr: { ...remoteAddr }, data, readyState, roundTripTime }, {
    role: "server",
    url: server.url,
    protocol: "b",
    extensions: "",
    remoteAddr: { ...client.localAddr! },
    data: { name: "x" },
    readyState: 1,
    roundTripTime: undefined,
  });
  assertEquals(socket.headers.get("sec-websocket-version"), "13");
  assertEquals([client.protocol, client.extensions, client.headers.get("set-cookie")], ["b", "", "k=v"]);
  await client.close();
});

Deno.test("a request whose Upgrade a proxy dropped gets a response that says so, and the console prints how to fix it", async () => {
  const lines = await printed(async () => {
    await using server = start({});
    using peer = await RawPeer.dial(server.port);
    await peer.send(utf8(requestText({ Upgrade: undefined, Connection: "close" })));
    assertStringIncludes(await peer.readText(), "Does a proxy drop it?");
  });
  assertEquals(lines.length, 1);
  assertStringIncludes(String(lines[0]), "proxy_set_header Upgrade $http_upgrade;");
});

Deno.test("an invalid request, or one with a refused origin, is not upgraded", async () => {
  let opened = 0;
  await using server = start({ open: () => void opened++ });
  const rows: [changes: Record<string, string | undefined>, status: string][] = [
    [{ Origin: "https://evil.example" }, "403"],
    [{ "Sec-WebSocket-Version": "8" }, "426"],
    [{ "Sec-WebSocket-Version": undefined }, "426"],
    [{ "Sec-WebSocket-Key": "x" }, "400"],
    [{ Upgrade: undefined, Connection: undefined }, "426"],
    [{ "Sec-WebSocket-Protocol": "a, a" }, "400"],
  ];
  for (const [changes, status] of rows) {
    using peer = await RawPeer.dial(server.port);
    await peer.send(utf8(requestText(changes)));
    const head = await peer.readHead();
    assertEquals(head.split(" ")[1], status, JSON.stringify(changes));
    assertEquals(/^connection: close/im.test(head), true);
  }
  assertEquals([opened, server.reports], [0, []]);
  await using open = start({}, { origins: ["https://app.example"] });
  await (await connect(open.url, { headers: { Origin: "https://app.example" } })).close();
  await assertRejects(() => connect(open.url, { headers: { Origin: "https://a.example" } }), HandshakeError);
});

Deno.test("invalid options throw at the call", () => {
  const request = new Request("http://127.0.0.1/");
  assertThrows(() => upgradeRequest(request, { maxMessageBytes: 0 }, {}), RangeError);
  assertThrows(() => upgradeRequest(request, { origins: ["example.com"] }, {}), TypeError);
});

Deno.test("one request is upgraded once: a second call is a TypeError; and a path with a dot segment is refused as everywhere", async () => {
  const errors: unknown[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const response = upgradeRequest(request, {}, () => {});
    try {
      if (response.status !== 400) upgradeRequest(request, {}, () => {});
    } catch (error) {
      errors.push(error);
    }
    return response;
  });
  const { port } = server.addr;
  const socket = await connect(`ws://127.0.0.1:${port}`);
  await socket.closed;
  assertEquals(errors.map((error) => error instanceof TypeError), [true]);
  using peer = await RawPeer.dial(port);
  await peer.send(utf8(requestText({}, "GET /chat/../admin HTTP/1.1")));
  await peer.expectStatus(400);
});
