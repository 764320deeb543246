/**
 * Compression with `npm:ws`, in both roles and with every combination of the parameters of RFC 7692 §7.1.
 *
 * @module
 */
// @ts-types="./peers/ws.d.ts"
import WebSocket, { type PerMessageDeflateOptions as WsOptions, WebSocketServer } from "npm:ws@^8.18.0";
import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import {
  type PerMessageDeflate,
  permessageDeflate,
  type PerMessageDeflateOptions,
} from "../../lib/extensions/permessage_deflate/permessage_deflate.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { serve } from "../../lib/server/serve.ts";
import { within } from "../_support/deadline.ts";
import { utf8 } from "../_support/frames.ts";
import { assertMessage } from "../_support/messages.ts";
import { PAYLOAD_SIZES, PAYLOADS } from "../_support/payloads.ts";
import { ECHO, LOOPBACK, urlOf } from "./_support.ts";

/** Our options, those of ws, and what the two agree on. */
interface Combination {
  readonly ours: PerMessageDeflateOptions;
  readonly theirs: WsOptions;
}

/** Every choice of context takeover and of windows, as each side may make it. */
const COMBINATIONS: readonly Combination[] = [true, false].flatMap((server) =>
  [true, false].flatMap((client) =>
    [undefined, 8, 9, 12, 15].map((bits): Combination => ({
      ours: {
        threshold: 0,
        serverContextTakeover: server,
        clientContextTakeover: client,
        ...(bits === undefined ? {} : { serverMaxWindowBits: bits, clientMaxWindowBits: bits }),
      },
      theirs: {
        threshold: 0,
        serverNoContextTakeover: !server,
        clientNoContextTakeover: !client,
        ...(bits === undefined ? {} : { serverMaxWindowBits: bits, clientMaxWindowBits: bits }),
      },
    }))
  )
);

/** Each kind of payload, each size once for some kind. */
function* samples(sizes: readonly number[] = PAYLOAD_SIZES): Generator<Message> {
  for (const [i, payload] of Object.values(PAYLOADS).entries()) {
    for (const [j, size] of sizes.entries()) if ((i + j) % 2 === 0) yield payload(size);
  }
}

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The next message of a socket of ws, as one of ours. */
function nextMessage(socket: WebSocket): Promise<Message> {
  return within(
    new Promise((resolve) => socket.once("message", (data, binary) => resolve(binary ? data : decode(data)))),
  );
}

function closedOf(socket: WebSocket): Promise<unknown> {
  return within(new Promise<void>((resolve) => socket.once("close", () => resolve())));
}

/** A client of ws at a server of ours that echoes. */
async function atOurServer(options: PerMessageDeflateOptions, theirs: WsOptions) {
  const deflate = permessageDeflate(options);
  const opened = Promise.withResolvers<WebSocketConnection>();
  const server = serve({ ...LOOPBACK, extensions: [deflate] }, {
    open: opened.resolve,
    message: (socket, data) => socket.send(data),
  });
  const socket = new WebSocket(urlOf(server.addr), [], { perMessageDeflate: theirs });
  await within(new Promise<void>((resolve) => socket.once("open", () => resolve())));
  return {
    deflate,
    socket,
    /** What was agreed on; ws itself tells only the name. */
    extensions: (await within(opened.promise)).extensions,
    async [Symbol.asyncDispose](): Promise<void> {
      const closed = closedOf(socket);
      socket.close();
      await closed;
      await within(server.shutdown());
      assertEquals(deflate.contextBytes, 0);
    },
  };
}

/** A client of ours at a server of ws that echoes. */
async function atTheirServer(options: PerMessageDeflateOptions, theirs: WsOptions) {
  const deflate = permessageDeflate(options);
  const server = new WebSocketServer({ host: LOOPBACK.hostname, port: LOOPBACK.port, perMessageDeflate: theirs });
  await new Promise<void>((resolve) => server.once("listening", resolve));
  const peer = new Promise<WebSocket>((resolve) => server.once("connection", resolve));
  const socket = await within(
    connect(`ws://${LOOPBACK.hostname}:${server.address().port}/`, { extensions: [deflate] }),
  );
  const their = await within(peer);
  their.on("message", (data, binary) => their.send(data, { binary }));
  return {
    deflate,
    socket,
    their,
    async [Symbol.asyncDispose](): Promise<void> {
      await within(socket.close());
      await within(new Promise<void>((resolve) => server.close(resolve)));
      assertEquals(deflate.contextBytes, 0);
    },
  };
}

/** Everything that was sent was compressed, but for what does not get smaller. */
function assertCompressed({ stats }: PerMessageDeflate, messages: number): void {
  assertGreater(stats.messagesIn, messages / 2);
  assertGreater(stats.messagesOut, messages / 2);
  assertGreater(stats.bytesIn, 2 * stats.compressedIn);
  assertGreater(stats.bytesOut, 2 * stats.compressedOut);
}

const named = ({ ours }: Combination) => JSON.stringify({ ...ours, threshold: undefined });

for (const combination of COMBINATIONS) {
  const { ours, theirs } = combination;
  const { serverContextTakeover, clientContextTakeover, serverMaxWindowBits } = ours;

  Deno.test(`our server with ${named(combination)} echoes the compressed messages of the ws client`, async () => {
    await using ends = await atOurServer(ours, theirs);
    const { socket, deflate, extensions } = ends;
    assertEquals(extensions.includes("server_no_context_takeover"), !serverContextTakeover);
    assertEquals(extensions.includes("client_no_context_takeover"), !clientContextTakeover);
    for (const side of serverMaxWindowBits === undefined ? [] : ["server", "client"]) {
      assertStringIncludes(extensions, `${side}_max_window_bits=${serverMaxWindowBits}`);
    }
    let count = 0;
    for (const message of samples()) {
      const answer = nextMessage(socket);
      socket.send(message);
      assertMessage(await answer, message);
      count++;
    }
    assertCompressed(deflate, count);
  });

  Deno.test(`the ws server echoes our client with ${named(combination)}`, async () => {
    await using ends = await atTheirServer(ours, theirs);
    const { socket, their, deflate } = ends;
    assertEquals(their.extensions, "permessage-deflate");
    assertEquals(socket.extensions.includes("server_no_context_takeover"), !serverContextTakeover);
    assertEquals(socket.extensions.includes("client_no_context_takeover"), !clientContextTakeover);
    const received = socket[Symbol.asyncIterator]();
    let count = 0;
    for (const message of samples()) {
      await within(socket.send(message));
      assertMessage((await within(received.next())).value, message);
      count++;
    }
    assertCompressed(deflate, count);
  });
}

for (const takeover of [true, false]) {
  const ours = { threshold: 0, serverContextTakeover: takeover, clientContextTakeover: takeover };
  const theirs = { threshold: 0, serverNoContextTakeover: !takeover, clientNoContextTakeover: !takeover };
  const kept = takeover ? "with" : "without";

  Deno.test(`D5: our server assembles compressed fragments of ws, with pings between them, ${kept} takeover`, async () => {
    await using ends = await atOurServer(ours, theirs);
    for (const [name, payload] of Object.entries(PAYLOADS)) {
      const message = payload(40_000);
      const bytes = typeof message === "string" ? utf8(message) : message;
      const answer = nextMessage(ends.socket);
      for (let at = 0; at <= bytes.length; at += 10_000) {
        // The last fragment is empty.
        const part = bytes.subarray(at, at + 10_000);
        ends.socket.send(part, { binary: typeof message !== "string", fin: at === bytes.length });
        ends.socket.ping(name);
      }
      assertMessage(await answer, message);
    }
  });

  Deno.test(`D5: our client assembles compressed fragments of ws, with pings between them, ${kept} takeover`, async () => {
    await using ends = await atTheirServer(ours, theirs);
    const received = ends.socket[Symbol.asyncIterator]();
    for (const [name, payload] of Object.entries(PAYLOADS)) {
      const message = payload(40_000);
      const bytes = typeof message === "string" ? utf8(message) : message;
      for (let at = 0; at <= bytes.length; at += 10_000) {
        const part = bytes.subarray(at, at + 10_000);
        ends.their.send(part, { binary: typeof message !== "string", fin: at === bytes.length });
        ends.their.ping(name);
      }
      assertMessage((await within(received.next())).value, message);
    }
  });

  Deno.test(`D8: ws and Sluice send messages below their threshold uncompressed between compressed ones, ${kept} takeover`, async () => {
    await using ends = await atOurServer({ ...ours, threshold: 500 }, { ...theirs, threshold: 1000 });
    for (const size of [10, 2_000, 700, 20, 5_000, 700, 3_000]) {
      const message = PAYLOADS["English-like text"]!(size);
      const answer = nextMessage(ends.socket);
      ends.socket.send(message);
      assertMessage(await answer, message);
    }
    const { messagesIn, messagesOut } = ends.deflate.stats;
    // The threshold of ws is for those who keep no context; ours is for all.
    assertEquals([messagesIn, messagesOut], [takeover ? 7 : 3, 5]);
  });
}

Deno.test("a ws client without compression gets none, and a ws server without it works uncompressed", async () => {
  await using server = serve({ ...LOOPBACK, perMessageDeflate: true }, ECHO.callbacks);
  const socket = new WebSocket(urlOf(server.addr), [], { perMessageDeflate: false });
  await within(new Promise<void>((resolve) => socket.once("open", () => resolve())));
  assertEquals(socket.extensions, "");
  const answer = nextMessage(socket);
  socket.send("plain".repeat(1000));
  assertMessage(await answer, "plain".repeat(1000));
  const closed = closedOf(socket);
  socket.close();
  await closed;
});
