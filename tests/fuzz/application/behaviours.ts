/**
 * What an application does when it is called: anything.
 *
 * @module
 */
import type { WebSocketCallbacks, WebSocketConnection, WebSocketHandler } from "../../../mod.ts";
import type { Hub } from "../../../lib/hub/mod.ts";
import { below, type Random } from "../../_support/random.ts";
import { turn } from "../../_support/wait.ts";
import { oneOf } from "../_target.ts";
import { untyped } from "./arguments.ts";
import { Boom } from "./judge.ts";
import { isInnocent, treat, type World } from "./world.ts";

/** What is done in a callback. */
export interface Behaviour {
  /** How it is written in a program. */
  readonly text: string;
  /** Does it. */
  run(world: World, socket: WebSocketConnection): unknown;
}

const does = (text: string, run: Behaviour["run"]): Behaviour => ({ text, run });

const BEHAVIOURS: readonly Behaviour[] = [
  does("nothing", () => {}),
  does("nothing", () => {}),
  does("nothing", () => {}),
  does("returns 1", () => 1),
  does("returns null", () => null),
  does("returns an object", () => ({ then: 5 })),
  does("returns a thenable", () => ({ then: (resolve: (value: number) => void) => resolve(1) })),
  does("returns a thenable that throws", () => ({
    then: () => {
      throw new Boom("then");
    },
  })),
  does("returns what has a then that throws", () => ({
    get then() {
      throw new Boom("get then");
    },
  })),
  does("returns a function", () => () => {}),
  does("returns a source that hangs", () => new ReadableStream()),
  does("is done later", () => turn()),
  does("is done later", () => Promise.resolve()),
  does("hangs", ({ gate }) => gate),
  does("hangs and throws then", ({ gate }) =>
    gate.then(() => {
      throw new Boom("late");
    })),
  does("throws", () => {
    throw new Boom("A callback failed");
  }),
  does("throws undefined", () => {
    throw untyped(undefined);
  }),
  does("throws a text", () => {
    throw untyped("a text");
  }),
  does("throws what has no prototype", () => {
    throw untyped(Object.create(null));
  }),
  does("rejects", () => Promise.reject(new Boom("A callback rejected"))),
  does("rejects with undefined", () => Promise.reject(undefined)),
  does("rejects later", async () => {
    await turn();
    throw new Boom("A callback rejected later");
  }),
  does("closes", (_, socket) => void socket.close()),
  does("waits for the end", (_, socket) => socket.closed),
  does("closes and waits", (_, socket) => socket.close(3000, "done")),
  does("closes with a wrong code", (_, socket) => void socket.close(1005)),
  does("aborts", (_, socket) => socket.abort()),
  does("aborts with undefined in a promise", async (_, socket) => {
    await null;
    socket.abort(undefined);
  }),
  does("sends", (_, socket) => void socket.send("from a callback")),
  does("sends and waits", (_, socket) => socket.send(new Uint8Array(100_000))),
  does("sends much", (_, socket) => {
    for (let i = 0; i < 20; i++) void socket.send("x".repeat(5_000));
  }),
  does("sends to all others and waits", ({ sockets }) => Promise.all(sockets.map((other) => other.send("to all")))),
  does("sends a Blob", (_, socket) => socket.send(new Blob(["blob"]))),
  does("pings", (_, socket) => void socket.ping()),
  does("pings and waits", (_, socket) => socket.ping()),
  does("reads in another way", (_, socket) => void socket.readable),
  does("reads messages() in another way", (_, socket) => void socket.messages()),
  does("awaits the next message", (_, socket) => socket[Symbol.asyncIterator]().next()),
  does("taps", (_, socket) => void socket.tap()),
  does("subscribes", ({ hubs }, socket) => hubs[0]?.subscribe(socket, "news", { history: 5 })),
  does("publishes", ({ hubs }) => hubs[0]?.publish("news", "from a callback")),
  does("closes a hub", ({ hubs }) => hubs[0]?.close()),
  does("shuts the first server down", ({ hosts }) => {
    const host = hosts[0];
    if (host === undefined) return;
    host.stopped = true;
    void host.shutdown();
  }),
  does("closes all connections", ({ sockets }) => {
    for (const socket of sockets) void socket.close();
  }),
  does("writes a stream", (_, socket) => {
    const writer = socket.writable.getWriter();
    return writer.write("from a stream").finally(() => writer.releaseLock());
  }),
];

/** After so many calls a callback does nothing any more. */
const MOST_CALLS = 50;

/** What is done in one callback: several things in turn. */
export function behaviour(random: Random): Behaviour {
  const all = Array.from({ length: 1 + below(random, 3) }, () => oneOf(random, BEHAVIOURS));
  const calls = new WeakMap<World, number>();
  return {
    text: all.map(({ text }) => text).join(", then "),
    run(world, socket) {
      const call = calls.get(world) ?? 0;
      calls.set(world, call + 1);
      // Callbacks that send to each other would do so for ever.
      return call < MOST_CALLS ? all[call % all.length]!.run(world, socket) : undefined;
    },
  };
}

/** A handler that expects to be called in order. */
export interface DrawnHandler {
  /** How it is written in a program. */
  readonly text: string;
  /** Makes it for a run. */
  make(world: World, hub: Hub | undefined): WebSocketHandler;
}

/** Any handler. */
export function handler(random: Random): DrawnHandler {
  return below(random, 3) === 0 ? functionHandler(random) : callbacks(random);
}

function callbacks(random: Random): DrawnHandler {
  const names = ["open", "message", "drain", "error", "close"] as const;
  const chosen = new Map(names.filter(() => below(random, 2) === 0).map((name) => [name, behaviour(random)]));
  const text = [...chosen].map(([name, { text }]) => `${name} ${text}`).join("; ");
  return {
    text: `{ ${text} }`,
    make(world, hub) {
      const order = new Map<WebSocketConnection, string>();
      // What comes before what, for each connection: `o` open, `m` message, `e` error, `c` close.
      const called = (socket: WebSocketConnection, letter: string) => {
        world.meet(socket);
        const calls = (order.get(socket) ?? "") + letter;
        order.set(socket, calls.replace(/m+$/, "m"));
        if (!/^o?[md]*(ed*)?(cd*)?$/.test(calls)) world.judge.find(`callbacks in the order ${calls} for ${text}`);
      };
      const run = (name: typeof names[number], socket: WebSocketConnection) => chosen.get(name)?.run(world, socket);
      const all: WebSocketCallbacks = {
        open(socket) {
          called(socket, "o");
          if (!isInnocent(socket)) return run("open", socket);
          treat(socket, hub);
        },
        message(socket, data) {
          called(socket, "m");
          return isInnocent(socket) ? socket.send(data) : run("message", socket);
        },
        drain(socket) {
          called(socket, "d");
          return isInnocent(socket) ? undefined : run("drain", socket);
        },
        error(socket, error) {
          called(socket, "e");
          world.judge.reported("a callback of errors", error);
          return isInnocent(socket) ? undefined : run("error", socket);
        },
        close(socket) {
          called(socket, "c");
          return isInnocent(socket) ? undefined : run("close", socket);
        },
      };
      world.checks.push(() => {
        for (const [socket, calls] of order) {
          if (!calls.includes("c")) world.judge.find(`close is never called for ${world.nameOf(socket)}: ${calls}`);
        }
      });
      return all;
    },
  };
}

/** What a function does with its connection. */
const FUNCTIONS: readonly Behaviour[] = [
  does("echoes", async (_, socket) => {
    for await (const message of socket) await socket.send(message);
  }),
  does("pipes", (_, socket) => socket.readable.pipeTo(socket.writable)),
  does("reads batches", async (_, socket) => {
    for await (const batch of socket.batches) for (const message of batch) void socket.send(message);
  }),
  does("reads messages", async (_, socket) => {
    for await (const { readable } of socket.messages()) for await (const _ of readable);
  }),
  does("leaves messages unread", async (_, socket) => {
    for await (const { readable } of socket.messages()) if (readable.locked) throw new Boom("locked");
  }),
  does("reads bytes", (_, socket) => socket.bytes.pipeTo(new WritableStream())),
  does("reads one", async (_, socket) => {
    for await (const _ of socket) break;
  }),
  does("reads one and hangs", async ({ gate }, socket) => {
    for await (const _ of socket) await gate;
  }),
  does("reads twice", async (_, socket) => {
    const { readable } = socket;
    await readable.getReader().read();
    for await (const _ of socket) break;
  }),
  does("waits for the end", (_, socket) => socket.closed),
  ...BEHAVIOURS,
];

function functionHandler(random: Random): DrawnHandler {
  const { text, run } = oneOf(random, FUNCTIONS);
  return {
    text: `a function that ${text}`,
    make: (world, hub) => (socket) => {
      world.meet(socket);
      if (!isInnocent(socket)) return run(world, socket);
      treat(socket, hub);
      return echo(socket);
    },
  };
}

async function echo(socket: WebSocketConnection): Promise<void> {
  for await (const message of socket) await socket.send(message);
}
