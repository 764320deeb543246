/**
 * Deno's own WebSockets, written in Rust, as peers: `WebSocket` and `WebSocketStream` with our server, `Deno.upgradeWebSocket`
 * with our client.
 *
 * @module
 */
import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { ConnectOptions } from "../../lib/client/client_options.ts";
import { ConnectionError } from "../../lib/errors.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { CloseInfo, WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { serve } from "../../lib/server/serve.ts";
import { runDeno } from "../_support/child.ts";
import { within } from "../_support/deadline.ts";
import { assertMessage, bytesOfSize, messages, SIZES } from "../_support/messages.ts";
import { CLOSES, ECHO, LOOPBACK, pairingServer, urlOf } from "./_support.ts";

/** The next event of one name. */
function next<Name extends keyof WebSocketEventMap>(socket: WebSocket, name: Name): Promise<WebSocketEventMap[Name]> {
  const event = new Promise<WebSocketEventMap[Name]>((resolve) =>
    socket.addEventListener(name, resolve, { once: true })
  );
  return within(event, 10_000, `The event ${name}`);
}

/** Opens a client of Deno. */
async function open(url: string, protocols: string[] = []): Promise<WebSocket> {
  const socket = new WebSocket(url, protocols);
  socket.binaryType = "arraybuffer";
  await next(socket, "open");
  return socket;
}

/** An event's data as one of our messages. */
function messageOf({ data }: MessageEvent<string | ArrayBuffer>): Message {
  return typeof data === "string" ? data : new Uint8Array(data);
}

/** A server of Deno that gives its ends of the connections in the order in which they come. */
function denoServer() {
  let opened = Promise.withResolvers<WebSocket>();
  const server = Deno.serve({ ...LOOPBACK, onListen: () => {} }, (request) => {
    const protocol = request.headers.get("Sec-WebSocket-Protocol")?.split(", ").at(-1);
    const { socket, response } = Deno.upgradeWebSocket(request, protocol === undefined ? {} : { protocol });
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => opened.resolve(socket));
    return response;
  });
  return {
    url: urlOf(server.addr),
    async pair(options: ConnectOptions = {}): Promise<[ours: WebSocketConnection, theirs: WebSocket]> {
      opened = Promise.withResolvers();
      const ours = await within(connect(this.url, options));
      return [ours, await within(opened.promise)];
    },
    [Symbol.asyncDispose]: () => within(server.shutdown(), 10_000, "The end of Deno's server"),
  };
}

const ourServer = () =>
  pairingServer((url: string, { protocols = [] }: { protocols?: string[] } = {}) => open(url, protocols), {
    protocols: ["b", "a"],
  });

/** Both ways to put our end and theirs together. */
const ROLES = {
  "our server and Deno's WebSocket": ourServer,
  "our client and Deno.upgradeWebSocket": denoServer,
} as const;

/** The end of a connection as each side tells it. */
async function bothEnds(ours: WebSocketConnection, theirs: WebSocket, end: () => void) {
  const closed = next(theirs, "close");
  end();
  const { code, reason, wasClean } = await closed;
  return { ours: await within(ours.closed), theirs: { code, reason, wasClean } };
}

for (const [kind, handler] of Object.entries(ECHO)) {
  Deno.test(`a server whose handler is ${kind} echoes Deno's WebSocket, up to 16 MiB`, async () => {
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
}

Deno.test("a server echoes Deno's WebSocketStream, agrees on a subprotocol and receives its close code and reason", async () => {
  const ended = Promise.withResolvers<CloseInfo>();
  await using server = serve({ ...LOOPBACK, protocols: ["chat"] }, {
    ...ECHO.callbacks,
    close: (_, info) => ended.resolve(info),
  });
  const script = new URL("peers/websocket_stream.ts", import.meta.url);
  const args = ["run", "--quiet", "--unstable-net", "--allow-net=127.0.0.1"];
  const output = await runDeno([...args, script.href, urlOf(server.addr), "chat", ...SIZES.map(String)]);
  assertEquals(JSON.parse(output), { protocol: "chat", echoed: 2 * SIZES.length });
  assertEquals<CloseInfo>(await within(ended.promise), { closeCode: 4001, reason: "größer", wasClean: true });
});

Deno.test("Deno.upgradeWebSocket echoes our client, up to 16 MiB", async () => {
  await using server = denoServer();
  const [ours, theirs] = await server.pair();
  theirs.addEventListener("message", ({ data }) => theirs.send(data));
  const received = ours[Symbol.asyncIterator]();
  for (const message of messages()) {
    await within(ours.send(message));
    assertMessage((await within(received.next())).value, message);
  }
  await ours.close();
});

Deno.test("a server and Deno's WebSocket agree on a subprotocol", async () => {
  await using server = ourServer();
  const [ours, theirs] = await server.pair({ protocols: ["a", "b"] });
  assertEquals([ours.protocol, theirs.protocol], ["b", "b"]);
  await ours.close();
});

Deno.test("a client and Deno.upgradeWebSocket agree on a subprotocol", async () => {
  await using server = denoServer();
  // Deno's end of it does not know its subprotocol.
  const [ours] = await server.pair({ protocols: ["a", "b"] });
  assertEquals(ours.protocol, "b");
  await ours.close();
});

for (const [roles, setUp] of Object.entries(ROLES)) {
  Deno.test(`with ${roles}, our ping is answered and its round trip measured`, async () => {
    await using server = setUp();
    const [ours] = await server.pair();
    assertStrictEquals(await within(ours.ping()), ours.roundTripTime);
    await ours.close();
  });

  for (const { code, reason } of CLOSES) {
    const told = { code: code ?? 1005, reason: reason ?? "" };
    const name = `${told.code} "${told.reason.slice(0, 8)}"`;

    Deno.test(`with ${roles}, a close of Deno's end with ${name} arrives and is answered`, async () => {
      await using server = setUp();
      const [ours, theirs] = await server.pair();
      const ends = await bothEnds(ours, theirs, () => theirs.close(code, reason));
      assertEquals<CloseInfo>(ends.ours, { closeCode: told.code, reason: told.reason, wasClean: true });
      assertEquals(ends.theirs.wasClean, true);
      assertEquals(ends.theirs.code, told.code);
    });

    if (code === undefined) continue;
    Deno.test(`with ${roles}, our close with ${name} arrives and is answered`, async () => {
      await using server = setUp();
      const [ours, theirs] = await server.pair();
      const ends = await bothEnds(ours, theirs, () => void ours.close(code, reason));
      assertEquals(ends.theirs, { ...told, wasClean: true });
      const { closeCode, wasClean } = ends.ours;
      assertEquals({ closeCode, wasClean }, { closeCode: told.code, wasClean: true });
    });
  }

  Deno.test(`with ${roles}, our abort() is an unclean end for Deno's`, async () => {
    await using server = setUp();
    const [ours, theirs] = await server.pair();
    const ends = await bothEnds(ours, theirs, () => ours.abort());
    // Deno 2.9 says 0, not 1006: only that it was unclean can be relied on.
    assertEquals(ends.theirs.wasClean, false);
    assertInstanceOf(ends.ours.error, ConnectionError);
  });
}

Deno.test("a server that shuts down closes Deno's WebSocket with 1001 after all sent messages", async () => {
  const sent = Promise.withResolvers<void>();
  await using server = serve(LOOPBACK, async (socket) => {
    socket.send(bytesOfSize(1024 * 1024)).catch(() => {});
    sent.resolve();
    await socket.closed;
  });
  const socket = await open(urlOf(server.addr));
  const message = next(socket, "message");
  const closed = next(socket, "close");
  await within(sent.promise);
  const stopped = server.shutdown({ reason: "bye" });
  assertMessage(messageOf(await message), bytesOfSize(1024 * 1024));
  const { code, reason } = await closed;
  assertEquals({ code, reason }, { code: 1001, reason: "bye" });
  await within(stopped);
});
