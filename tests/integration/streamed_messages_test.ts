/**
 * Messages that are read and sent while they are on their way, with peers that we did not write: `npm:ws`, Python's `websockets` and
 * Deno's own WebSocket. None of them is held here, which limits of 1 MiB on what is held would tell.
 *
 * @module
 */
// @ts-types="./peers/ws.d.ts"
import WebSocket, { WebSocketServer } from "npm:ws@^8.18.0";
import { assert, assertEquals, assertLess } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import type { StreamedMessage, WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { serve } from "../../lib/server/serve.ts";
import { within } from "../_support/deadline.ts";
import { assertMessage, bytesOfSize } from "../_support/messages.ts";
import { unless } from "../_support/needs.ts";
import { NO_PYTHON, python, pythonServer } from "./_python.ts";
import { LOOPBACK, urlOf } from "./_support.ts";

const MiB = 1024 * 1024;
const SIZE = 24 * MiB;
const CHUNK = 100_000;
const LIMITS = { maxMessageBytes: MiB, maxFragments: 5, messageTimeout: 50 };

/** Text that compresses, but not like a bomb: the numbers from 0 on. Most are seven digits, and each has a character of three bytes. */
const TEXT = Array.from({ length: SIZE / 10 }, (_, i) => `${i}€`).join("");
const BYTES = bytesOfSize(SIZE);

/** Content in chunks. */
function source<Content extends string | Uint8Array<ArrayBuffer>>(content: Content): ReadableStream<Content>;
function source(content: string | Uint8Array<ArrayBuffer>): ReadableStream<string | Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < content.length) controller.enqueue(content.slice(at, at += CHUNK));
      else controller.close();
    },
  });
}

/** A message put together, and the length of its longest chunk. */
async function gathered({ type, readable }: StreamedMessage) {
  let longest = 0;
  let text = "";
  const bytes = new Uint8Array(type === "binary" ? SIZE : 0);
  let at = 0;
  for await (const chunk of readable) {
    longest = Math.max(longest, chunk.length);
    if (typeof chunk === "string") text += chunk;
    else bytes.set(chunk, at);
    at += chunk.length;
  }
  return { content: type === "text" ? text : bytes.subarray(0, at), longest };
}

/** Echoes messages while they arrive. */
async function echo(socket: WebSocketConnection): Promise<void> {
  for await (const { readable } of socket.messages()) await socket.send(readable);
}

/** Sends a text and a binary message in chunks to a peer that echoes, and checks what comes back as it comes. */
async function converse(socket: WebSocketConnection): Promise<void> {
  const received = socket.messages();
  for (const content of [TEXT, BYTES]) {
    const sent = socket.send(typeof content === "string" ? source(content) : source(content));
    const { value } = await within(received.next(), 60_000, "The echo's beginning");
    const back = await within(gathered(value), 60_000, "The echo");
    assertMessage(back.content, content);
    assertLess(back.longest, MiB);
    await sent;
  }
  assertEquals((await within(socket.close())).wasClean, true);
}

for (const perMessageDeflate of [false, true]) {
  const how = perMessageDeflate ? "compressed" : "plain";

  Deno.test(`our client streams messages to and from the server of ws, ${how}, with pings between the fragments`, async () => {
    const server = new WebSocketServer({ host: LOOPBACK.hostname, port: LOOPBACK.port, perMessageDeflate });
    let pongs = 0;
    server.on("connection", (socket) => {
      socket.on("pong", () => pongs++);
      socket.on("message", (data, binary) => {
        for (let at = 0; at < data.length; at += CHUNK) {
          socket.send(data.subarray(at, at + CHUNK), { binary, fin: at + CHUNK >= data.length });
          socket.ping();
        }
      });
    });
    await new Promise<void>((resolve) => server.once("listening", resolve));
    try {
      const url = `ws://${LOOPBACK.hostname}:${server.address().port}/`;
      const socket = await within(connect(url, { ...LIMITS, perMessageDeflate, maxPingsPerSecond: Infinity }));
      assertEquals(socket.extensions.startsWith("permessage-deflate"), perMessageDeflate);
      await converse(socket);
      assert(pongs > 0);
    } finally {
      for (const client of server.clients) client.terminate();
      await within(new Promise<void>((resolve) => server.close(resolve)));
    }
  });

  Deno.test(`our server streams messages to and from the client of ws, ${how}`, async () => {
    await using server = serve({ ...LOOPBACK, ...LIMITS, perMessageDeflate }, echo);
    const socket = new WebSocket(urlOf(server.addr), [], { perMessageDeflate });
    await within(new Promise((resolve) => socket.once("open", () => resolve(undefined))));
    for (const content of [TEXT, BYTES]) {
      const binary = typeof content !== "string";
      const bytes = binary ? content : new TextEncoder().encode(content);
      const answer = new Promise<Uint8Array<ArrayBuffer>>((resolve) => socket.once("message", (data) => resolve(data)));
      for (let at = 0; at < bytes.length; at += CHUNK) {
        socket.send(bytes.subarray(at, at + CHUNK), { binary, fin: at + CHUNK >= bytes.length });
      }
      assertMessage(await within(answer, 60_000, "The echo"), bytes);
    }
    const closed = new Promise((resolve) => socket.once("close", () => resolve(undefined)));
    socket.close();
    await within(closed);
  });
}

for (const perMessageDeflate of [false, true]) {
  const how = perMessageDeflate ? "compressed" : "plain";

  Deno.test({
    ...unless(NO_PYTHON, `our client streams messages to and from a server of Python's websockets, ${how}`),
    async fn() {
      await using server = await pythonServer<number>("websockets_stream.py", "server");
      await converse(await within(connect(`ws://127.0.0.1:${server.ports}/`, { ...LIMITS, perMessageDeflate })));
    },
  });

  Deno.test({
    ...unless(NO_PYTHON, `our server streams messages to and from a client of Python's websockets, ${how}`),
    async fn() {
      await using server = serve({ ...LOOPBACK, ...LIMITS, perMessageDeflate }, echo);
      const child = python("websockets_stream.py", "client", urlOf(server.addr), `${SIZE}`);
      const { stdout } = await within(child.output(), 60_000, "The Python client");
      assertEquals(new TextDecoder().decode(stdout), "ok\nok\n");
    },
  });
}

Deno.test("our server streams messages to and from Deno's WebSocket", async () => {
  await using server = serve({ ...LOOPBACK, ...LIMITS }, echo);
  const socket = new globalThis.WebSocket(urlOf(server.addr));
  socket.binaryType = "arraybuffer";
  await within(new Promise((resolve) => socket.addEventListener("open", resolve, { once: true })));
  for (const content of [TEXT, BYTES]) {
    const answer = new Promise<string | ArrayBuffer>((resolve) =>
      socket.addEventListener("message", ({ data }) => resolve(data), { once: true })
    );
    socket.send(content);
    const data = await within(answer, 60_000, "The echo");
    assertMessage(typeof data === "string" ? data : new Uint8Array(data), content);
  }
  const closed = new Promise((resolve) => socket.addEventListener("close", resolve, { once: true }));
  socket.close();
  await within(closed);
});
