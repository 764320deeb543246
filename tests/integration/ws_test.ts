/**
 * `npm:ws`, the WebSocket of Node, as our server's client and as our client's server. It runs in this process.
 *
 * @module
 */
import { createServer } from "node:http";
// @ts-types="./peers/ws.d.ts"
import WebSocket, { type WebSocketEvents, WebSocketServer, type WebSocketServerOptions } from "npm:ws@^8.18.0";
import { assert, assertEquals, assertInstanceOf, assertLess, assertRejects, assertStrictEquals } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { CloseInfo, WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { serve } from "../../lib/server/serve.ts";
import { within } from "../_support/deadline.ts";
import { utf8 } from "../_support/frames.ts";
import { assertMessage, bytesOfSize, messages, textOfSize } from "../_support/messages.ts";
import { NO_UNIX_SOCKETS, unless } from "../_support/needs.ts";
import { CLOSES, ECHO, LOOPBACK, pairingServer, urlOf } from "./_support.ts";

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The arguments of an emitter's next event of one name. */
function next<Name extends keyof WebSocketEvents>(socket: WebSocket, name: Name): Promise<WebSocketEvents[Name]> {
  return within(new Promise((resolve) => socket.once(name, (...args) => resolve(args))), 10_000, `The event ${name}`);
}

/** Opens a client of ws. */
async function open(...args: ConstructorParameters<typeof WebSocket>): Promise<WebSocket> {
  const socket = new WebSocket(...args);
  await next(socket, "open");
  return socket;
}

/** A ws message as one of ours. */
function messageOf([data, isBinary]: WebSocketEvents["message"]): Message {
  return isBinary ? data : decode(data);
}

/** A server of ws on the loopback interface, and its sockets in the order in which they came. */
async function wsServer(options: WebSocketServerOptions = {}) {
  const server = new WebSocketServer({ host: LOOPBACK.hostname, port: LOOPBACK.port, ...options });
  await new Promise<void>((resolve) => server.once("listening", resolve));
  return {
    server,
    url: `ws://${LOOPBACK.hostname}:${server.address().port}/`,
    /** Connects our client; gives both ends. */
    async pair(options: Parameters<typeof connect>[1] = {}): Promise<[ours: WebSocketConnection, theirs: WebSocket]> {
      const theirs = new Promise<WebSocket>((resolve) => server.once("connection", resolve));
      const ours = await within(connect(this.url, options));
      return [ours, await within(theirs)];
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const client of server.clients) client.terminate();
      await within(new Promise<void>((resolve) => server.close(resolve)), 10_000, "The end of the ws server");
    },
  };
}

const ourServer = () => pairingServer((url: string) => open(url));

/** Both ways to put our end and theirs together. */
const ROLES = { "our server and the client of ws": ourServer, "our client and the server of ws": wsServer } as const;

/** The end of a connection as each side tells it. */
async function bothEnds(ours: WebSocketConnection, theirs: WebSocket, end: () => void) {
  const closed = next(theirs, "close");
  end();
  const [code, reason] = await closed;
  return { ours: await within(ours.closed), theirs: { code, reason: decode(reason) } };
}

for (const [kind, handler] of Object.entries(ECHO)) {
  Deno.test(`a server whose handler is ${kind} echoes ws, up to the limit of 16 MiB`, async () => {
    await using server = serve(LOOPBACK, handler);
    const socket = await open(urlOf(server.addr));
    for (const message of messages()) {
      const answer = next(socket, "message");
      socket.send(message);
      assertMessage(messageOf(await answer), message);
    }
    const closed = next(socket, "close");
    socket.close();
    await closed;
  });

  Deno.test(`a server whose handler is ${kind} assembles fragments of ws, with pings between them`, async () => {
    await using server = serve(LOOPBACK, handler);
    const socket = await open(urlOf(server.addr));
    const pongs: string[] = [];
    socket.on("pong", (data) => pongs.push(decode(data)));
    const text = textOfSize(70_000);
    const bytes = utf8(text);
    // 40 000 is no multiple of 3: the cut is inside a character.
    const cuts = [0, 40_000, 40_000, 40_001, bytes.length];
    for (const binary of [false, true]) {
      const answer = next(socket, "message");
      for (let i = 1; i < cuts.length; i++) {
        socket.send(bytes.subarray(cuts[i - 1]!, cuts[i]!), { binary, fin: i === cuts.length - 1 });
        socket.ping(`${binary} ${i}`);
      }
      assertMessage(messageOf(await answer), binary ? bytes : text);
    }
    // Of pings that come together only the latest must be answered (RFC 6455 §5.5.3).
    while (pongs.at(-1) !== "true 4") await next(socket, "pong");
    const closed = next(socket, "close");
    socket.close();
    await closed;
  });
}

Deno.test("the ws server echoes our client, up to the limit of 16 MiB", async () => {
  await using server = await wsServer();
  const [ours, theirs] = await server.pair();
  theirs.on("message", (data, binary) => theirs.send(data, { binary }));
  const received = ours[Symbol.asyncIterator]();
  for (const message of messages()) {
    await within(ours.send(message));
    assertMessage((await within(received.next())).value, message);
  }
  await ours.close();
});

Deno.test("a client assembles fragments of ws, with pings between them", async () => {
  await using server = await wsServer();
  const [ours, theirs] = await server.pair();
  const bytes = bytesOfSize(100_000);
  const pongs: string[] = [];
  theirs.on("pong", (data) => pongs.push(decode(data)));
  for (let at = 0; at < bytes.length; at += 10_000) {
    theirs.send(bytes.subarray(at, at + 10_000), { fin: at + 10_000 === bytes.length });
    theirs.ping(`${at}`);
  }
  assertMessage((await within(ours[Symbol.asyncIterator]().next())).value, bytes);
  while (pongs.at(-1) !== "90000") await next(theirs, "pong");
  await ours.close();
});

for (const [roles, setUp] of Object.entries(ROLES)) {
  Deno.test(`with ${roles}, pings are answered both ways and the round trip is measured`, async () => {
    await using server = await setUp();
    const [ours, theirs] = await server.pair();
    const pong = next(theirs, "pong");
    theirs.ping("are you there?");
    assertEquals(decode((await pong)[0]), "are you there?");
    assertStrictEquals(ours.roundTripTime, undefined);
    const time = await within(ours.ping());
    assert(time > 0);
    assertLess(time, 10_000);
    assertStrictEquals(ours.roundTripTime, time);
    await within(ours.ping("a payload of our own"));
    await ours.close();
  });

  for (const { code, reason } of CLOSES) {
    const told = { code: code ?? 1005, reason: reason ?? "" };
    const name = `${told.code} "${told.reason.slice(0, 8)}"`;

    Deno.test(`with ${roles}, a close of ws with ${name} arrives and is answered with its code`, async () => {
      await using server = await setUp();
      const [ours, theirs] = await server.pair();
      const ends = await bothEnds(ours, theirs, () => theirs.close(code, reason));
      assertEquals<CloseInfo>(ends.ours, { closeCode: told.code, reason: told.reason, wasClean: true });
      assertEquals(ends.theirs, { code: told.code, reason: "" });
    });

    if (code === undefined) continue;
    Deno.test(`with ${roles}, our close with ${name} arrives and is answered`, async () => {
      await using server = await setUp();
      const [ours, theirs] = await server.pair();
      const ends = await bothEnds(ours, theirs, () => void ours.close(code, reason));
      assertEquals(ends.theirs, told);
      // ws answers with the reason, too.
      assertEquals<CloseInfo>(ends.ours, { closeCode: told.code, reason: told.reason, wasClean: true });
    });
  }

  Deno.test(`with ${roles}, terminate() of ws is 1006 and a ConnectionError`, async () => {
    await using server = await setUp();
    const [ours, theirs] = await server.pair();
    const reading = ours[Symbol.asyncIterator]().next();
    const ends = await Promise.all([
      bothEnds(ours, theirs, () => theirs.terminate()),
      assertRejects(() => within(reading), ConnectionError),
    ]);
    const { error, ...info } = ends[0].ours;
    assertEquals<CloseInfo>(info, { closeCode: 1006, reason: "", wasClean: false });
    assertStrictEquals(ends[1], error);
    assertEquals(ends[0].theirs, { code: 1006, reason: "" });
  });

  Deno.test(`with ${roles}, terminate() of ws while our bytes are unread is 1006, too`, async () => {
    await using server = await setUp();
    const [ours, theirs] = await server.pair();
    // What ws has not read when it closes resets the connection.
    ours.send(bytesOfSize(8 * 1024 * 1024)).catch(() => {});
    const ends = await bothEnds(ours, theirs, () => theirs.terminate());
    assertInstanceOf(ends.ours.error, ConnectionError);
    assertEquals(ends.ours.closeCode, 1006);
    assertEquals(ends.ours.wasClean, false);
  });

  Deno.test(`with ${roles}, our abort() is 1006 for ws`, async () => {
    await using server = await setUp();
    const [ours, theirs] = await server.pair();
    const ends = await bothEnds(ours, theirs, () => ours.abort());
    assertEquals(ends.theirs.code, 1006);
    assertEquals(ends.ours.wasClean, false);
  });
}

Deno.test("a server and the ws client agree on a subprotocol and see each other's header fields", async () => {
  const seen = Promise.withResolvers<WebSocketConnection>();
  await using server = serve({
    ...LOOPBACK,
    protocols: ["graphql-ws", "chat"],
    upgrade: (request) => ({ headers: [["Set-Cookie", `id=${request.headers.get("X-Id")}`], ["Set-Cookie", "b=2"]] }),
  }, async (socket) => {
    seen.resolve(socket);
    await socket.closed;
  });
  const socket = new WebSocket(`${urlOf(server.addr)}a/b?c=d`, ["chat", "graphql-ws"], { headers: { "X-Id": "7" } });
  const upgrade = next(socket, "upgrade");
  await next(socket, "open");
  const ours = await within(seen.promise);
  assertEquals([socket.protocol, ours.protocol], ["graphql-ws", "graphql-ws"]);
  // ws offers permessage-deflate by default; the server did not accept it.
  assertEquals([socket.extensions, ours.extensions], ["", ""]);
  assertEquals(ours.headers.get("Sec-WebSocket-Extensions")?.startsWith("permessage-deflate"), true);
  assertEquals((await upgrade)[0].headers["set-cookie"], ["id=7", "b=2"]);
  assertEquals(ours.url, `${urlOf(server.addr)}a/b?c=d`);
  const closed = next(socket, "close");
  socket.close();
  await closed;
});

Deno.test("a client and the ws server agree on a subprotocol and see each other's header fields", async () => {
  await using peer = await wsServer({ handleProtocols: (protocols) => [...protocols].at(-1) ?? false });
  const asked = Promise.withResolvers<Readonly<Record<string, unknown>>>();
  peer.server.on("headers", (lines, request) => {
    lines.push("X-Answer: 42");
    asked.resolve(request.headers);
  });
  const [ours, theirs] = await peer.pair({
    protocols: ["graphql-ws", "chat"],
    headers: { Authorization: "Bearer token", Cookie: "a=1" },
  });
  assertEquals([theirs.protocol, ours.protocol], ["chat", "chat"]);
  const { authorization, cookie, host } = await within(asked.promise);
  assertEquals({ authorization, cookie, host }, {
    authorization: "Bearer token",
    cookie: "a=1",
    host: new URL(peer.url).host,
  });
  assertEquals(ours.headers.get("X-Answer"), "42");
  await ours.close();
});

Deno.test("a server's refusal reaches the client of ws as a response with its status, header fields and body", async () => {
  await using server = serve({
    ...LOOPBACK,
    upgrade: () => new Response("Who are you?", { status: 401, headers: { "WWW-Authenticate": "Basic" } }),
  }, ECHO.callbacks);
  const socket = new WebSocket(urlOf(server.addr));
  const [request, response] = await next(socket, "unexpected-response");
  assertEquals([response.statusCode, response.headers["www-authenticate"]], [401, "Basic"]);
  let body = "";
  for await (const bytes of response) body += decode(bytes);
  assertEquals(body, "Who are you?");
  request.destroy();

  // Without that listener ws makes an error of it.
  const [error] = await next(new WebSocket(urlOf(server.addr)), "error");
  assertEquals(error.message, "Unexpected server response: 401");
});

Deno.test("a refusal of the server of ws is a HandshakeError with its status, header fields and body", async () => {
  await using peer = await wsServer({
    verifyClient: (_, answer) => answer(false, 401, "Who are you?", { "WWW-Authenticate": "Basic" }),
  });
  const error = await assertRejects(() => within(connect(peer.url)), HandshakeError);
  assertEquals([error.status, error.headers.get("WWW-Authenticate")], [401, "Basic"]);
  assertEquals(decode(error.body ?? new Uint8Array()), "Who are you?");
});

Deno.test("our client refuses a server that chooses none of the requested subprotocols, as that of ws does", async () => {
  await using peer = await wsServer({ handleProtocols: () => false });
  await assertRejects(() => within(connect(peer.url, { protocols: ["chat"] })), HandshakeError, "subprotocol");
  await using server = serve(LOOPBACK, ECHO.callbacks);
  const [error] = await next(new WebSocket(urlOf(server.addr), ["chat"]), "error");
  assertEquals(error.message, "Server sent no subprotocol");
});

Deno.test({
  ...unless(
    NO_UNIX_SOCKETS,
    "one ws+unix URL means the same to our client and to that of ws, with our server and with that of ws",
  ),
  async fn() {
    const folder = await Deno.makeTempDir();
    const resource = "/chat?x=1&y=a:b";

    const paths: string[] = [];
    const server = serve({
      path: `${folder}/ours.sock`,
      upgrade: ({ path, query }) => void paths.push(`${path}?${query}`),
    }, ECHO.callbacks);
    const url = `ws+unix:${folder}/ours.sock:${resource}`;
    const theirs = await open(url);
    theirs.close();
    await next(theirs, "close");
    await (await within(connect(url))).close();
    await server.shutdown();

    const http = createServer();
    const wss = new WebSocketServer({ server: http });
    await new Promise<void>((resolve) => http.listen(`${folder}/theirs.sock`, resolve));
    const connection = new Promise<string | undefined>((resolve) =>
      wss.once("connection", (_, request) => resolve(request.url))
    );
    const socket = await within(connect(`ws+unix:${folder}/theirs.sock:${resource}`));
    paths.push(await within(connection) ?? "");
    await within(socket.close());
    await new Promise<void>((resolve) => wss.close(resolve));
    await new Promise<void>((resolve) => void http.close(() => resolve()));

    assertEquals(paths, [resource, resource, resource]);
    await Deno.remove(folder, { recursive: true });
  },
});
