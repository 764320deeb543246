/**
 * Servers and pairs: everything that makes connections, with options of any kind.
 *
 * @module
 */
import { createServer } from "node:http";
import type { AcceptOptions, ConnectOptions, ServeOptions } from "../../../mod.ts";
import type { Address, ByteConnection, Listener } from "../../../lib/server/mod.ts";
import { serve } from "../../../mod.ts";
import type { Hub } from "../../../lib/hub/mod.ts";
import { serveNode } from "../../../lib/node/mod.ts";
import { upgradeRequest } from "../../../lib/server/deno_serve.ts";
import { below, type Random } from "../../_support/random.ts";
import { oneOf } from "../_target.ts";
import { untyped } from "./arguments.ts";
import { type DrawnHandler, handler } from "./behaviours.ts";
import { Boom } from "./judge.ts";
import { isInnocent, type World } from "./world.ts";

/** Whether programs may use the network. */
export const HAS_NETWORK: boolean =
  Deno.permissions.querySync({ name: "net", host: "127.0.0.1:0" }).state === "granted";

/** One thing that a program does. */
export interface Step {
  /** How it is written. */
  readonly text: string;
  /** Does it. */
  run(world: World): unknown;
}

type LimitOptions = Pick<
  ConnectOptions,
  | "maxMessageBytes"
  | "highWaterMark"
  | "maxQueuedBytes"
  | "closeTimeout"
  | "pingInterval"
  | "maxFragments"
  | "messageTimeout"
  | "perMessageDeflate"
>;

/** Options that every role takes. */
function limits(random: Random): LimitOptions {
  const options: LimitOptions = { closeTimeout: oneOf(random, [20, 50, 100]) };
  const some = (set: () => void) => below(random, 4) === 0 && set();
  some(() => options.maxMessageBytes = oneOf(random, [100, 10_000, 150_000]));
  some(() => options.highWaterMark = oneOf(random, [1, 1_000, 1_000_000]));
  some(() => options.maxQueuedBytes = oneOf(random, [10_000, 300_000]));
  some(() => options.pingInterval = oneOf(random, [0, 10, Infinity]));
  some(() => options.maxFragments = 3);
  some(() => options.messageTimeout = 20);
  some(() =>
    options.perMessageDeflate = oneOf(random, [true, {}, {
      serverContextTakeover: true,
      clientContextTakeover: true,
    }])
  );
  return options;
}

/** Options that are wrong. */
const WRONG_OPTIONS: Record<string, unknown> = {
  highWaterMark: -1,
  maxMessageBytes: "many",
  closeTimeout: NaN,
  pingInterval: 2 ** 40,
  perMessageDeflate: 5,
  protocols: "chat,chat",
  origins: 5,
  extensions: [5],
  upgrade: 5,
  signal: 5,
  hub: 5,
  observer: 5,
  onMessage: () => {},
  data: Symbol("data"),
  headers: 5,
};

/** One wrong option, mostly none. */
function wrongOption(random: Random): Record<string, never> | undefined {
  if (below(random, 8) > 0) return undefined;
  const [name, value] = oneOf(random, Object.entries(WRONG_OPTIONS));
  return wrongly({ [name]: value });
}

/** Options as no type allows them. */
export function wrongly(options: Record<string, unknown>): Record<string, never> {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, untyped(value)]));
}

type Upgrade = NonNullable<AcceptOptions["upgrade"]>;

const UPGRADES: Record<string, (world: World) => Upgrade> = {
  "attaches data": () => () => ({ data: { name: "Ann" } }),
  "adds a header": () => () => ({ headers: { "Set-Cookie": "a=1" } }),
  "adds a bad header": () => () => ({ headers: { "Set-Cookie": "a\r\nb" } }),
  "chooses a bad subprotocol": () => () => ({ protocol: "none" }),
  "answers 403": () => () => new Response("no", { status: 403 }),
  "answers Response.error()": () => () => Response.error(),
  "answers a body that fails": () => () =>
    new Response(
      new ReadableStream({
        pull() {
          throw new Boom("The body failed");
        },
      }),
    ),
  "throws": () => () => {
    throw new Boom("upgrade failed");
  },
  "rejects": () => () => Promise.reject(new Boom("upgrade rejected")),
  "rejects with undefined": () => () => Promise.reject(undefined),
  "hangs": ({ gate }) => () => gate,
  "returns 5": () => () => untyped(5),
  "returns null": () => () => untyped(null),
};

/** The application's decisions and hooks. */
interface DrawnServer {
  readonly text: string;
  readonly handler: DrawnHandler;
  readonly wrong: boolean;
  options(world: World, hub: Hub | undefined): ServeOptions & AcceptOptions;
}

function server(random: Random): DrawnServer {
  const common: ServeOptions = limits(random);
  if (below(random, 6) === 0) common.maxConnections = oneOf(random, [2, 3]);
  if (below(random, 6) === 0) common.protocols = ["chat"];
  const decides = below(random, 4) === 0 ? oneOf(random, Object.keys(UPGRADES)) : undefined;
  const hook = oneOf(random, ["none", "notes", "throws", "rejects"] as const);
  const failing = below(random, 6) === 0;
  const wrong = wrongOption(random);
  const drawn = handler(random);
  if (drawn.text.startsWith("{") && below(random, 6) === 0) common.lendPayloads = true; // only callbacks read then
  if (decides === "hangs") common.handshakeTimeout = 100;
  const parts = [JSON.stringify(common), wrong && `wrong ${Object.keys(wrong)}`, decides && `upgrade ${decides}`];
  return {
    text: `${parts.filter(Boolean).join(", ")}, onError ${hook}${failing ? ", failing observer" : ""}, ${drawn.text}`,
    handler: drawn,
    wrong: wrong !== undefined,
    options(world, hub) {
      const decide = decides === undefined ? undefined : UPGRADES[decides]!(world);
      return {
        ...common,
        observer: world.observer(failing),
        ...hub && { hub },
        ...decide && { upgrade: (request, info) => isInnocent(request) ? undefined : decide(request, info) },
        ...hook !== "none" && { onError: onError(world, hook) },
        ...wrong,
      };
    },
  };
}

function onError(world: World, hook: "notes" | "throws" | "rejects"): (error: unknown) => void {
  return (error) => {
    world.judge.reported("onError", error);
    if (hook === "throws") throw new Boom("onError failed");
    if (hook === "rejects") return untyped(Promise.reject(new Boom("onError rejected")));
  };
}

/** Brings connections in memory. */
class MemoryListener implements Listener {
  readonly addr: Address = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  readonly #queue: (ByteConnection | Error)[] = [];
  #closed = false;
  #waiting: PromiseWithResolvers<ByteConnection> | undefined;

  accept(): Promise<ByteConnection> {
    const waiting = this.#waiting = Promise.withResolvers<ByteConnection>();
    this.#next();
    return waiting.promise;
  }

  close(): void {
    const closed = new Error("The listener is closed");
    closed.name = "BadResource";
    this.#closed = true;
    for (const conn of this.#queue.splice(0)) if (!(conn instanceof Error)) conn.close();
    this.push(closed);
  }

  ref(): void {}

  unref(): void {}

  push(conn: ByteConnection | Error): void {
    if (this.#closed && !(conn instanceof Error)) return conn.close();
    this.#queue.push(conn);
    this.#next();
  }

  #next(): void {
    const waiting = this.#waiting;
    const next = waiting && this.#queue.shift();
    if (waiting === undefined || next === undefined) return;
    this.#waiting = undefined;
    if (next instanceof Error) waiting.reject(next);
    else waiting.resolve(next);
  }
}

/** A server over connections in memory. */
export function serveMemory(random: Random): Step {
  const { text, wrong, options, handler } = server(random);
  return {
    text: `serve({ listener, ${text} })`,
    run(world) {
      const hub = world.hubs[0];
      const listener = new MemoryListener();
      const controller = world.judge.controller("the signal of serve");
      const started = world.judge.call(
        this.text,
        { wrong },
        () => serve({ listener, signal: controller.signal, ...options(world, hub) }, handler.make(world, hub)),
      );
      if (started === undefined) return;
      world.controllers.push(controller);
      void world.judge.watch("finished", started.finished);
      world.checks.push(() => {
        if (started.connections.size > 0) world.judge.find(`a server that has stopped has ${started.connections.size}`);
      });
      const host = {
        text: this.text,
        url: "ws://localhost",
        hub,
        stopped: false,
        dial() {
          const [near, far] = world.wire();
          listener.push(near);
          return far;
        },
        shutdown: () => started.shutdown({ timeout: 50 }),
      };
      return world.host(host, { innocent: !wrong });
    },
  };
}

/** A server on loopback. */
export function serveLoopback(random: Random): Step {
  const { text, wrong, options, handler } = server(random);
  return {
    text: `serve({ port: 0, ${text} })`,
    run(world) {
      const hub = world.hubs[0];
      const started = world.judge.call(
        this.text,
        { wrong },
        () => serve({ hostname: "127.0.0.1", port: 0, ...options(world, hub) }, handler.make(world, hub)),
      );
      if (started === undefined) return;
      const shutdown = () => started.shutdown({ timeout: 50 });
      return world.host({ text: this.text, url: started.url, hub, stopped: false, shutdown }, { innocent: !wrong });
    },
  };
}

/** What the platform's WebSocket does not do. */
const NOT_IN_DENO_SERVE = [
  "upgrade",
  "observer",
  "maxFragments",
  "messageTimeout",
  "perMessageDeflate",
  "lendPayloads",
  "maxConnections",
  "handshakeTimeout",
  "extensions",
];

/** The platform's server, and ours in its handler. */
export function serveDeno(random: Random): Step {
  const { text, wrong, options, handler } = server(random);
  return {
    text: `Deno.serve(upgradeRequest(${text}))`,
    async run(world) {
      const hub = world.hubs[0];
      const made = handler.make(world, hub);
      const rest = Object.fromEntries(
        Object.entries(options(world, hub)).filter(([name]) => !NOT_IN_DENO_SERVE.includes(name)),
      );
      world.judge.note(this.text);
      const started = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
        const answer = world.judge.call(
          "upgradeRequest()",
          { wrong },
          () => upgradeRequest(request, untyped(rest), made),
        );
        return answer ?? new Response("failed", { status: 500 });
      });
      const host = {
        text: this.text,
        url: `ws://127.0.0.1:${started.addr.port}`,
        hub,
        stopped: false,
        shutdown: () => started.shutdown(),
      };
      await world.host(host, { innocent: !wrong });
    },
  };
}

/** A server of Node's. */
export function serveOnNode(random: Random): Step {
  const { text, wrong, options, handler } = server(random);
  return {
    text: `serveNode(server, ${text})`,
    async run(world) {
      const hub = world.hubs[0];
      const node = createServer((_, response) => response.end("Hello"));
      const started = world.judge.call(
        this.text,
        { wrong },
        () => serveNode(node, options(world, hub), handler.make(world, hub)),
      );
      await new Promise<void>((listening) => node.listen(0, "127.0.0.1", listening));
      const address = node.address();
      const port = typeof address === "object" ? address?.port : undefined;
      const close = () => new Promise((closed) => node.close(closed));
      if (started === undefined) return close();
      const host = {
        text: this.text,
        url: `ws://127.0.0.1:${port}`,
        hub,
        stopped: false,
        shutdown: () => started.shutdown({ timeout: 50 }),
      };
      world.ends.push(async () => {
        await host.shutdown();
        node.closeAllConnections();
        await close();
      });
      await world.host(host, { innocent: !wrong });
    },
  };
}

/** How an end is made in memory. */
export interface DrawnEnds {
  /** How it is written. */
  readonly text: string;
  /** Whether an option is wrong. */
  readonly wrong: boolean;
  /** The client's options. */
  client(world: World): ConnectOptions;
  /** The server's options. */
  server(world: World): AcceptOptions;
}

/** The options of both ends of a pair. */
export function ends(random: Random): DrawnEnds {
  const near = server(random);
  const far = { ...limits(random), ...wrongOption(random) };
  return {
    text: `server ${near.text.replace(/, onError.*/s, "")}, client ${JSON.stringify(far)}`,
    wrong: near.wrong || Object.keys(far).some((name) => name in WRONG_OPTIONS),
    client: (world) => ({ observer: world.observer(), ...far }),
    server: (world) => {
      const { onError: _e, maxConnections: _m, ...rest } = near.options(world, world.hubs[0]);
      return rest;
    },
  };
}

/** The client's options. */
export function clientOptions(random: Random): { text: string; wrong: boolean; options: Partial<ConnectOptions> } {
  const wrong = wrongOption(random);
  const right = limits(random);
  if (below(random, 8) === 0) right.perMessageDeflate = true;
  return {
    text: JSON.stringify(right) + (wrong ? ` wrong ${Object.keys(wrong)}` : ""),
    wrong: wrong !== undefined,
    options: { ...right, ...wrong },
  };
}
