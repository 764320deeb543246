/**
 * `WebSocketStream` and `WebSocket` with servers of other projects: `npm:ws`, Deno's own, Python's `websockets`; and libraries
 * that take a `WebSocket` constructor.
 *
 * @module
 */
// @ts-types="./peers/ws.d.ts"
import { WebSocketServer } from "npm:ws@^8.18.0";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { WebSocket } from "../../lib/client/websocket.ts";
import { WebSocketStream } from "../../lib/client/websocket_stream.ts";
import { WebSocketError } from "../../lib/errors.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { runDeno } from "../_support/child.ts";
import { within } from "../_support/deadline.ts";
import { assertMessage, messages } from "../_support/messages.ts";
import { unless } from "../_support/needs.ts";
import { NO_PYTHON, pythonServer } from "./_python.ts";
import { CLOSES, LOOPBACK, urlOf } from "./_support.ts";

/** A server that echoes. */
interface EchoServer extends AsyncDisposable {
  readonly url: string;
}

async function wsServer(): Promise<EchoServer> {
  const server = new WebSocketServer({ host: LOOPBACK.hostname, port: LOOPBACK.port, perMessageDeflate: true });
  server.on("connection", (socket) => socket.on("message", (data, binary) => socket.send(data, { binary })));
  await new Promise<void>((resolve) => server.once("listening", resolve));
  return {
    url: `ws://${LOOPBACK.hostname}:${server.address().port}/`,
    [Symbol.asyncDispose]: () => within(new Promise<void>((resolve) => server.close(resolve))),
  };
}

function denoServer(): EchoServer {
  const server = Deno.serve({ ...LOOPBACK, onListen: () => {} }, (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => socket.send(data);
    return response;
  });
  return { url: urlOf(server.addr), [Symbol.asyncDispose]: () => within(server.shutdown()) };
}

async function closingServer(): Promise<EchoServer> {
  const { ports, ...server } = await pythonServer<number>("websockets_close.py");
  return { ...server, url: `ws://127.0.0.1:${ports}/` };
}

const SERVERS = { "npm:ws": wsServer, "Deno": denoServer, "Python's websockets": closingServer } as const;

/** The next event of one name. */
function next<Type extends keyof WebSocketEventMap>(socket: WebSocket, type: Type): Promise<WebSocketEventMap[Type]> {
  const event = new Promise<WebSocketEventMap[Type]>((resolve) =>
    socket.addEventListener(type, resolve, { once: true })
  );
  return within(event, 10_000, `The event ${type}`);
}

/** Below Python's limit of 1 MiB. */
const SIZES = [0, 1, 125, 126, 65_535, 65_536, 1_000_000];

for (const [name, start] of Object.entries(SERVERS)) {
  const python = start === closingServer;
  const test = (title: string, fn: () => Promise<void>): void =>
    Deno.test({
      ...unless(python ? NO_PYTHON : undefined, title),
      fn,
    });

  test(`WebSocketStream pipes the echo of ${name}, compressed if that is agreed`, async () => {
    await using server = await start();
    const stream = new WebSocketStream(server.url, { perMessageDeflate: true });
    const { readable, writable } = await within(stream.opened);
    const sent = [...messages(SIZES)];
    const reader = readable.getReader();
    const writer = writable.getWriter();
    for (const message of sent) {
      await within(writer.write(message));
      assertMessage((await within(reader.read())).value, message);
    }
    await within(writer.close());
    assertEquals(await within(stream.closed), { closeCode: 1005, reason: "" });
    assertEquals((await reader.read()).done, true);
  });

  test(`${name} echoes WebSocket's messages in order, in both binary types, blobs too`, async () => {
    await using server = await start();
    const socket = new WebSocket(server.url);
    await next(socket, "open");
    for (const binaryType of ["arraybuffer", "blob"] as const) {
      socket.binaryType = binaryType;
      const sent = [...messages(SIZES)];
      const received: Promise<Message>[] = [];
      const done = new Promise<void>((resolve) => {
        socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer | Blob>) => {
          received.push(bytesOf(data));
          if (received.length === sent.length) resolve();
        };
      });
      for (const [at, message] of sent.entries()) {
        socket.send(at % 4 === 3 && typeof message !== "string" ? new Blob([message]) : message);
      }
      await within(done, 20_000, "The echoes");
      for (const [at, message] of sent.entries()) assertMessage(await received[at]!, message);
    }
    socket.close(1000);
    const { code, wasClean } = await next(socket, "close");
    assertEquals([code, wasClean, socket.bufferedAmount], [1000, true, 0]);
  });

  for (const { code, reason } of CLOSES) {
    const told = { closeCode: code ?? 1005, reason: reason ?? "" };
    test(`WebSocketStream and WebSocket close with ${told.closeCode} "${told.reason.slice(0, 8)}" and ${name}`, async () => {
      await using server = await start();
      const stream = new WebSocketStream(server.url);
      await within(stream.opened);
      stream.close({ ...(code === undefined ? {} : { closeCode: code }), ...(reason === undefined ? {} : { reason }) });
      assertEquals((await within(stream.closed)).closeCode, told.closeCode);

      const socket = new WebSocket(server.url);
      await next(socket, "open");
      socket.close(code, reason);
      const event = await next(socket, "close");
      assertEquals([event.code, event.wasClean], [told.closeCode, true]);
    });
  }
}

async function bytesOf(data: string | ArrayBuffer | Blob): Promise<Message> {
  if (typeof data === "string") return data;
  return new Uint8Array(data instanceof Blob ? await data.arrayBuffer() : data);
}

Deno.test({
  ...unless(
    NO_PYTHON,
    "a close by Python's websockets is reported with its code and reason, and a dropped connection with 1006",
  ),
  async fn() {
    await using server = await closingServer();
    for (const { code = 1000, reason = "" } of [...CLOSES, { code: 1011, reason: "größer" }]) {
      const url = `${server.url}close?${code}&${encodeURIComponent(reason)}`;
      const stream = new WebSocketStream(url);
      const { readable } = await within(stream.opened);
      assertEquals(await within(Array.fromAsync(readable)), ["bye"]);
      assertEquals(await within(stream.closed), { closeCode: code, reason });

      const socket = new WebSocket(url);
      assertEquals((await next(socket, "message")).data, "bye");
      const event = await next(socket, "close");
      assertEquals([event.code, event.reason, event.wasClean], [code, reason, true]);
    }

    const stream = new WebSocketStream(`${server.url}abort`);
    const { readable, writable } = await within(stream.opened);
    await writable.getWriter().write("go");
    const error = await assertRejects(() => within(stream.closed), WebSocketError);
    assertEquals(error.closeCode, 1006);
    assertStrictEquals(await assertRejects(() => within(Array.fromAsync(readable))), error);

    const socket = new WebSocket(`${server.url}abort`);
    await next(socket, "open");
    const failed = next(socket, "error");
    socket.send("go");
    const { code, wasClean } = await next(socket, "close");
    assertEquals([code, wasClean], [1006, false]);
    assertInstanceOf(Reflect.get(await failed, "error"), WebSocketError);
  },
});

/** Runs a library in a process of its own. */
async function library(name: string): Promise<unknown> {
  const script = new URL("./peers/websocket_libraries.ts", import.meta.url).href;
  return JSON.parse(await runDeno(["run", "--quiet", "--no-check", "-A", script, name], { ms: 120_000 }));
}

Deno.test("graphql-ws talks to its server over our WebSocket: queries, subscriptions, an abandoned one, errors", async () => {
  const told = await library("graphql-ws");
  assert(typeof told === "object" && told !== null && "states" in told && Array.isArray(told.states));
  const { states, ...results } = told;
  assertEquals(results, {
    query: [{ hello: "wörld" }],
    all: [{ count: 1 }, { count: 2 }, { count: 3 }],
    some: [{ count: 1 }, { count: 2 }],
    error: 'Cannot query field "unknown" on type "Query".',
    together: 3,
    left: 3,
    sockets: 5,
    protocol: "graphql-transport-ws",
  });
  const once = ["connecting", "opened", "connected", "closed 1000 true"];
  assertEquals(states, Array.from({ length: 5 }, () => once).flat());
});

Deno.test("partysocket reconnects with our WebSocket when the server drops the connection", async () => {
  assertEquals(await library("partysocket"), {
    received: "2: hello",
    // It tells of an error as a close with 1000 of its own.
    log: ["open", "close 1000", "open", "close 4000"],
    sockets: 2,
  });
});
