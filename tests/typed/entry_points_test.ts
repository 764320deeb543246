/**
 * Typed connections and requests on each entry point that accepts connections, and on each that opens one.
 *
 * @module
 */
import { createServer } from "node:http";
import { assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { connect, MessageError, serve, type WebSocketConnection } from "../../mod.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import { acceptNode, serveNode } from "../../lib/node/mod.ts";
import { upgradeRequest } from "../../lib/server/deno_serve.ts";
import { json, type Requests, requests, typed, type TypedConnection, typedHandler } from "../../lib/typed/mod.ts";
import { opening, serving } from "../http2/_support.ts";
import { listen } from "../node/_support.ts";
import { soon } from "../_support/wait.ts";
import { COUNT, LATE_COUNT } from "./_schemas.ts";

/** A server of an entry point, and a client of it. */
interface Ends extends AsyncDisposable {
  readonly client: WebSocketConnection;
}

type Report = (error: unknown) => void;

/** Each entry point with a handler; the first connection is the client. */
const ENTRY_POINTS: Readonly<Record<string, (handler: WebSocketHandler, onError: Report) => Promise<Ends>>> = {
  async serve(handler, onError) {
    const server = serve({ port: 0, hostname: "127.0.0.1", onError }, handler);
    return { client: await connect(server.url), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  },
  async "./deno-serve"(handler, onError) {
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      (request) => upgradeRequest(request, { onError }, handler),
    );
    return {
      client: await connect(`ws://127.0.0.1:${server.addr.port}`),
      [Symbol.asyncDispose]: () => server.shutdown(),
    };
  },
  async "./node"(handler, onError) {
    const server = createServer();
    serveNode(server, { onError }, handler);
    const { port, [Symbol.asyncDispose]: stop } = await listen(server);
    return { client: await connect(`ws://127.0.0.1:${port}`), [Symbol.asyncDispose]: stop };
  },
  async "./http2, with its own client"(handler, onError) {
    const server = await serving({ onError }, { handler });
    const session = await opening(server.url);
    return {
      client: await session.connect("/"),
      async [Symbol.asyncDispose]() {
        await session[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
      },
    };
  },
};

/** What the server's handler saw. */
interface Seen {
  readonly values: unknown[];
  readonly errors: unknown[];
  readonly closed: Promise<number>;
}

type Count = TypedConnection<{ n: bigint }, { n: number }, WebSocketConnection>;

/** Each way to read, as a handler that answers `{ n }` with `{ n: n + 1 }`. */
const LANES: Readonly<Record<string, (codec: ReturnType<typeof codecOf>, seen: LaneSeen) => WebSocketHandler>> = {
  callbacks: (codec, seen) =>
    typedHandler(codec, {
      message(peer, { n }) {
        seen.values.push(n);
        return peer.send({ n: Number(n) + 1 });
      },
      error: (_, error) => void seen.errors.push(error),
      close: (_, { closeCode }) => seen.close(closeCode),
    }),
  "for await": (codec, seen) =>
    typedHandler(codec, (peer: Count) =>
      watched(peer, seen, async () => {
        for await (const { n } of peer) {
          seen.values.push(n);
          await peer.send({ n: Number(n) + 1 });
        }
      })),
  streams: (codec, seen) => (socket) => {
    const peer = typed(socket, codec);
    return watched(peer, seen, () =>
      peer.readable.pipeThrough(
        new TransformStream<{ n: bigint }, { n: number }>({
          transform({ n }, controller) {
            seen.values.push(n);
            controller.enqueue({ n: Number(n) + 1 });
          },
        }),
      ).pipeTo(peer.writable));
  },
};

interface LaneSeen {
  readonly values: unknown[];
  readonly errors: unknown[];
  close(code: number): void;
}

async function watched(peer: Count, seen: LaneSeen, read: () => Promise<void>): Promise<void> {
  await read().catch((error) => seen.errors.push(error));
  seen.close((await peer.closed).closeCode);
}

function codecOf(later: boolean) {
  return json(later ? LATE_COUNT : COUNT);
}

function seeing(): { seen: Seen; lane: LaneSeen } {
  const { promise, resolve } = Promise.withResolvers<number>();
  const [values, errors]: [unknown[], unknown[]] = [[], []];
  return { seen: { values, errors, closed: promise }, lane: { values, errors, close: resolve } };
}

for (const [entryPoint, open] of Object.entries(ENTRY_POINTS)) {
  for (const [lane, handlerOf] of Object.entries(LANES)) {
    Deno.test(`${entryPoint}: values in both directions by ${lane}, and a clean end`, async () => {
      for (const later of [false, true]) {
        const reports: unknown[] = [];
        const { seen, lane } = seeing();
        await using ends = await open(handlerOf(codecOf(later), lane), (error) => void reports.push(error));
        const peer = typed(ends.client, json());
        const values = peer[Symbol.asyncIterator]();
        for (let n = 0; n < 20; n++) void peer.send({ n });
        for (let n = 0; n < 20; n++) assertEquals((await soon(values.next(), "A value")).value, { n: n + 1 });
        await soon(peer.close(4000), "The close");
        assertEquals(await soon(seen.closed, "The end of the server's side"), 4000);
        assertEquals([seen.values.length, seen.errors, reports], [20, [], []]);
      }
    });

    Deno.test(`${entryPoint}: a message that the codec refuses ends the connection by ${lane} with the codec's code`, async () => {
      for (const [text, closeCode] of [["{", 1007], [`{"n":"7"}`, 1008]] as const) {
        const reports: unknown[] = [];
        const { seen, lane } = seeing();
        await using ends = await open(handlerOf(codecOf(false), lane), (error) => void reports.push(error));
        await ends.client.send(`{"n":1}`);
        await ends.client.send(text);
        const info = await soon(ends.client.closed, "The end");
        await soon(seen.closed, "The end of the server's side");
        assertEquals([info.closeCode, seen.values], [closeCode, [1n]]);
        assertInstanceOf(seen.errors[0], MessageError);
        assertEquals([seen.errors.length, reports], [1, []]);
      }
    });
  }

  Deno.test(`${entryPoint}: the client's reader refuses a message of the server with the codec's code`, async () => {
    const ended = Promise.withResolvers<number>();
    const handler: WebSocketHandler = {
      open: (socket) => socket.send("{"),
      close: (_, { closeCode }) => ended.resolve(closeCode),
    };
    await using ends = await open(handler, () => {});
    const values = typed(ends.client, json(COUNT))[Symbol.asyncIterator]();
    await assertRejects(() => soon(values.next(), "The refusal"), MessageError);
    assertEquals(await soon(ended.promise, "The end of the server's side"), 1007);
  });

  Deno.test(`${entryPoint}: requests are answered in both directions`, async () => {
    const handler: WebSocketHandler = async (socket) => {
      const peer: Requests = requests(socket, { answer: async (asked) => `${asked}, ${await peer.request("name")}` });
      await peer.closed;
    };
    await using ends = await open(handler, () => {});
    const peer = requests(ends.client, { answer: () => "Ada" });
    assertEquals(await soon(peer.request("Hello"), "The answer"), "Hello, Ada");
    await soon(peer.close(), "The close");
  });
}

Deno.test("acceptNode: a connection that is accepted by hand is typed like any other", async () => {
  const server = createServer();
  const seen = Promise.withResolvers<unknown>();
  server.on("upgrade", async (request, socket, head) => {
    const peer = typed(await acceptNode({ request, socket, head }), json(COUNT));
    for await (const { n } of peer) {
      seen.resolve(n);
      await peer.send({ n: 2 });
    }
  });
  await using listening = await listen(server);
  const peer = typed(await connect(`ws://127.0.0.1:${listening.port}`), json());
  await peer.send({ n: 1 });
  assertEquals((await soon(peer[Symbol.asyncIterator]().next(), "The value")).value, { n: 2 });
  assertEquals(await seen.promise, 1n);
  await soon(peer.close(), "The close");
});
