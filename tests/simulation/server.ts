/**
 * Our server in a world: a listener that brings the simulated connections, one handler for all of them, and a hub where the plan
 * has one.
 *
 * @module
 */
import { ConnectionError, HandshakeError } from "../../lib/errors.ts";
import { accept } from "../../lib/server/accept.ts";
import type { AcceptOptions } from "../../lib/server/server_options.ts";
import { serve, type WebSocketServer } from "../../lib/server/serve.ts";
import type { ByteConnection } from "../../lib/transport/transport.ts";
import type { WebSocketHandler } from "../../lib/connection/readers/callbacks.ts";
import type { WebSocketConnection } from "../../lib/connection/websocket_connection.ts";
import type { Conversation } from "./conversation.ts";
import type { SimulatedHubs } from "./hubs.ts";
import { readAll } from "./lanes.ts";
import { type SimulatedConn, streamsOf } from "./network.ts";
import type { AppPlan, ServerPlan, WorldAct } from "./plan.ts";
import { ApplicationError, type Seat } from "./seat.ts";
import { surfaceOf } from "./surface.ts";
import type { World } from "./world.ts";

/** The application of a raw client's connection, and of no connection. */
const IDLE: AppPlan = { lane: "callbacks", pauses: [0], echoes: false, acts: [] };

/** A listener that brings what is dialled. */
class SimulatedListener {
  readonly addr = { transport: "tcp", hostname: "192.0.2.2", port: 80 } as const;
  readonly #arrived: ByteConnection[] = [];
  readonly #failures: Error[] = [];
  #accepting: PromiseWithResolvers<ByteConnection> | undefined;
  #closed = false;

  accept(): Promise<ByteConnection> {
    const { promise } = this.#accepting = Promise.withResolvers<ByteConnection>();
    this.#serve();
    return promise;
  }

  /** Brings a connection: `false` if no server listens any more. */
  bring(conn: ByteConnection): boolean {
    if (this.#closed) return false;
    this.#arrived.push(conn);
    this.#serve();
    return true;
  }

  /** Has the next calls of `accept` fail. */
  fail(times: number, name: string): void {
    for (let i = 0; i < times; i++) this.#failures.push(Object.assign(new Error("accept fails"), { name }));
    this.#serve();
  }

  close(): void {
    if (this.#closed) throw new Deno.errors.BadResource("The listener is closed twice");
    this.#closed = true;
    for (const conn of this.#arrived.splice(0)) conn.close();
    this.#serve();
  }

  ref(): void {}

  unref(): void {}

  #serve(): void {
    const accepting = this.#accepting;
    if (accepting === undefined) return;
    const failure = this.#closed ? new Deno.errors.BadResource("The listener is closed") : this.#failures.shift();
    const conn = failure === undefined ? this.#arrived.shift() : undefined;
    if (failure === undefined && conn === undefined) return;
    this.#accepting = undefined;
    if (conn !== undefined) accepting.resolve(conn);
    else accepting.reject(failure);
  }
}

/** The server. */
export class SimulatedServer {
  readonly #world: World;
  readonly #plan: ServerPlan;
  readonly #conversations: readonly Conversation[];
  readonly #hubs: SimulatedHubs | undefined;
  readonly #listener = new SimulatedListener();
  readonly #seats = new WeakMap<WebSocketConnection, Seat>();
  readonly #server: WebSocketServer<number>;
  readonly #options: AcceptOptions<number>;
  /** Those that were accepted by hand. */
  readonly #byHand = new Set<WebSocketConnection>();
  #stopping = false;

  constructor(world: World, plan: ServerPlan, conversations: readonly Conversation[], hubs: SimulatedHubs | undefined) {
    this.#world = world;
    this.#plan = plan;
    this.#conversations = conversations;
    this.#hubs = hubs;
    this.#options = {
      ...plan.limits,
      ...(plan.deflate === undefined ? {} : { perMessageDeflate: plan.deflate }),
      ...(hubs === undefined ? {} : { hub: hubs.first }),
      lendPayloads: plan.lends,
      upgrade: async ({ path }) => {
        if (plan.upgrades === null) await new Promise(() => {});
        else if (plan.upgrades > 0) await new Promise<void>((resolve) => world.after(plan.upgrades ?? 0, resolve));
        return { data: Number(path.slice(1)) };
      },
    };
    const { maxConnections } = plan;
    const own = maxConnections === undefined ? {} : { maxConnections };
    const onError = (error: unknown) => {
      const known = error instanceof ApplicationError || (error instanceof Error && error.message === "accept fails");
      world.must(known, "our-fault", () => error instanceof Error ? error.stack ?? error.message : String(error));
    };
    this.#server = serve<number>({ ...this.#options, ...own, listener: this.#listener, onError }, this.#handler());
  }

  /** A client has dialled: `false` if no server listens any more. */
  bring(conn: SimulatedConn): boolean {
    if (!this.#plan.streams) return this.#listener.bring(conn);
    if (!this.#stopping) void this.#acceptByHand(conn);
    return !this.#stopping;
  }

  /** Whether it has begun to stop. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Does what the plan says. */
  act(act: WorldAct): void {
    if (act.do === "accept fails") this.#listener.fail(act.times, act.name);
    else if (act.do === "shutdown") this.stop(act.timeout);
    else if (act.do === "publish") this.#hubs?.publish(act);
    else if (act.do === "broker dies") this.#hubs?.brokerDies(act.time);
  }

  /** Shuts down. */
  stop(timeout = 5_000): void {
    this.#stopping = true;
    const [world, before, stalled] = [this.#world, this.#world.now, this.#world.stalled];
    world.trace.note(world.now, "server", `shuts down within ${timeout} ms`);
    for (const socket of this.#byHand) void socket.close(1001);
    const done = world.follow("server.shutdown()", this.#server.shutdown({ timeout }));
    void done.then(() => {
      const time = world.now - before - (world.stalled - stalled);
      world.must(time <= timeout + 2_100, "bounded", () => `shutdown took ${time} ms, not ${timeout}`);
      world.must(this.#server.connections.size === 0, "nothing-left", () => "connections after shutdown");
    });
    void world.follow("server.finished", this.#server.finished);
  }

  #handler(): WebSocketHandler<number> {
    const { handler } = this.#plan;
    if (handler === "function") return (socket) => this.#hold(socket);
    const seatOf = (socket: WebSocketConnection) => this.#seats.get(socket)!;
    return {
      open: (socket) => void this.#open(socket),
      message: (socket, data) => {
        const busy = seatOf(socket).take(data, handler === "async callbacks");
        if (handler === "async callbacks") return busy ?? Promise.resolve();
      },
      error: (socket, error) => {
        const seat = seatOf(socket);
        this.#world.must(seat.told === 0, "ends-once", () => `${seat.name}: error after close: ${error}`);
      },
      close: (socket) => {
        const seat = seatOf(socket);
        this.#world.must(++seat.told === 1, "ends-once", () => `${seat.name} is told ${seat.told} times`);
      },
    };
  }

  /** A server without `serve`: a pair of streams, `accept` and a loop. */
  async #acceptByHand(conn: SimulatedConn): Promise<void> {
    const world = this.#world;
    const accepting = world.follow("accept()", accept<number>(streamsOf(conn), this.#options));
    let socket: WebSocketConnection<number>;
    try {
      socket = await accepting;
    } catch (error) {
      const known = error instanceof HandshakeError || error instanceof ConnectionError;
      return world.must(known, "our-fault", () => `accept() rejects with ${error}`);
    }
    this.#byHand.add(socket);
    if (this.#stopping) void socket.close(1001);
    try {
      await this.#hold(socket);
    } catch (error) {
      const seat = this.#seats.get(socket)!;
      const cut = seat.options.plan.lane === "messages"; // see clients.ts
      const told = error instanceof ApplicationError || seat.ended?.wasClean !== true || cut;
      world.must(told, "ends-once", () => `${seat.name} ended cleanly, and its reader hears ${error}`);
    }
    if (socket.readyState !== 3) await world.follow("close()", socket.close());
    this.#byHand.delete(socket);
  }

  async #hold(socket: WebSocketConnection<number>): Promise<void> {
    const seat = this.#open(socket);
    await readAll(seat, socket);
    seat.readerEnds();
  }

  #open(socket: WebSocketConnection<number>): Seat {
    const conversation = this.#conversations[socket.data ?? -1]!;
    const { server } = conversation.plan;
    const seat = conversation.seatServer("ours" in server ? server.ours : IDLE, this.#plan.limits, !this.#plan.streams);
    this.#seats.set(socket, seat);
    seat.topics = this.#hubs?.topicsOf(seat.name, socket, conversation.clientListening);
    seat.open(surfaceOf(socket), socket.closed);
    return seat;
  }
}
