import { assertEquals } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { createHub } from "../../lib/hub/mod.ts";
import type { WebSocketCallbacks } from "../../lib/connection/readers/callbacks.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import { serve } from "../../lib/server/serve.ts";
import { below, seeded } from "../_support/random.ts";
import { close, RawPeer, text } from "../_support/raw_peer.ts";
import { soon, turn } from "../_support/wait.ts";

/** How long each broadcast lasts. Set it to 60 to look longer. */
const SECONDS = 1;
/** Clients that come and go at a time. */
const AT_A_TIME = 8;

/** Each of these is a way for a client to leave, which has said something before. */
const LEAVINGS: Readonly<Record<string, (peer: RawPeer) => Promise<void>>> = {
  "closes and waits": async (peer) => {
    await peer.send(close(1000));
    await peer.readToEnd();
  },
  "closes and is gone": (peer) => peer.send(close(1000)),
  "is gone": () => Promise.resolve(),
  "ends its side": async (peer) => {
    await peer.closeWrite();
    await peer.readToEnd();
  },
  "closes, and says more": (peer) => peer.send(close(4000), text("more")),
  "breaks the protocol": (peer) => peer.send("83 80 00 00 00 00"),
  "is silent for a while": async () => {
    for (let turns = 0; turns < 20; turns++) await turn();
  },
};

/** A way to send to all: what a server does with its connections. */
interface Broadcast {
  /** The callbacks, beside what the test needs of them. */
  handler(all: () => Iterable<WebSocketConnection>): WebSocketCallbacks;
  /** Is called again and again, from a timer. */
  tick?(all: () => Iterable<WebSocketConnection>): void;
}

const hub = createHub();
const BROADCASTS: Readonly<Record<string, Broadcast>> = {
  "a timer": {
    handler: () => ({}),
    tick(all) {
      for (const socket of all()) {
        void socket.send("tick");
        void socket.ping();
        void socket.send(ReadableStream.from(["a ", "source"]));
      }
    },
  },
  "another connection's callback": {
    handler: (all) => ({
      async message(_, data) {
        await turn();
        for (const socket of all()) void socket.send(data);
      },
      close(_, { closeCode }) {
        for (const socket of all()) void socket.send(`left with ${closeCode}`);
      },
    }),
  },
  "another connection's callback that awaits": {
    handler: (all) => ({
      message: (_, data) => Promise.all([...all()].map((socket) => socket.send(data))),
    }),
  },
  "a hub": {
    handler: () => ({
      open: (socket) => socket.subscribe("room", { slowPolicy: "wait" }),
      async message(socket, data) {
        await turn();
        socket.subscribe("another room"); // also where it closes meanwhile
        socket.publish("room", data);
      },
      close: (_, { closeCode }) => hub.publish("room", `left with ${closeCode}`),
    }),
    tick: () => hub.publish("room", "tick"),
  },
};

for (const [what, { handler, tick }] of Object.entries(BROADCASTS)) {
  Deno.test(`a broadcast from ${what} survives clients that come and go in every way, and ends no other connection`, async () => {
    const random = seeded();
    /** As applications keep them: one that closes is among them until `close` is called. */
    const clients = new Set<WebSocketConnection>();
    const all = () => [...server.connections, ...clients];
    const callbacks = handler(all);
    const reports: unknown[] = [];
    await using server = serve(
      { hostname: "127.0.0.1", port: 0, hub, closeTimeout: 200, onError: (error) => reports.push(error) },
      {
        ...callbacks,
        open(socket) {
          clients.add(socket);
          return callbacks.open?.(socket);
        },
        close(socket, info) {
          clients.delete(socket);
          return callbacks.close?.(socket, info);
        },
      },
    );
    const watcher = await connect(server.url);
    const listening = (async () => {
      for await (const _ of watcher);
    })();
    const timer = setInterval(() => {
      tick?.(all);
      void watcher.send("hello");
    }, 2);
    const end = performance.now() + SECONDS * 1000;
    const ways = Object.values(LEAVINGS);
    const comeAndGo = async (): Promise<void> => {
      while (performance.now() < end) {
        using peer = await RawPeer.connect(Number(new URL(server.url).port));
        try {
          await peer.send(text("a"), text("b"));
          await ways[below(random, ways.length)]!(peer);
        } catch {
          // The server has ended the connection first.
        }
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, comeAndGo));
    clearInterval(timer);
    assertEquals(watcher.readyState, 1);
    await soon(watcher.close(), "The watcher's end");
    await listening;
    // Only a connection that is awaited may tell of its end.
    const ends = (error: unknown) => error instanceof DOMException;
    assertEquals(reports.filter((error) => !what.endsWith("awaits") || !ends(error)), []);
  });
}
