/**
 * One connection of a world: its transport, who is at its ends, and what must hold between them.
 *
 * @module
 */
import type { Message } from "../../lib/pipeline/messages/message.ts";
import { DEFAULT_LIMITS, type Limits } from "../../lib/limits.ts";
import { link, type SimulatedConn } from "./network.ts";
import type { AppPlan, ConnectionPlan } from "./plan.ts";
import type { RawPeer } from "./raw.ts";
import { Seat, type SeatOptions } from "./seat.ts";
import { Listening, Talk } from "./talk.ts";
import { WireReader } from "./wire.ts";
import { late, type World } from "./world.ts";

/** Milliseconds for which a connection was open when it was open before all pings of one that reads late. */
const LONG_OPEN = 500;

/** Milliseconds that a ping takes to be read, and then to be answered. */
const PONG_TIME = 200;

/** A connection. One that comes back has one conversation with a transport for each time. */
export class Conversation {
  readonly world: World;
  readonly name: string;
  readonly plan: ConnectionPlan;
  readonly #hasTopics: boolean;
  /** What the client says, over however many transports. */
  readonly clientTalk: Talk;
  readonly clientListening: Listening;
  /** Transports that were made: the last one is the one in use. */
  readonly links: (readonly [client: SimulatedConn, server: SimulatedConn])[] = [];
  readonly wires: (readonly [client: WireReader, server: WireReader])[] = [];
  client: Seat | undefined;
  /** The server's ends, one for each transport that was accepted. */
  readonly servers: Seat[] = [];
  raw: RawPeer | undefined;
  /** What an end that hears a raw peer has read. */
  readonly heardOfRaw: Message[] = [];
  /** Gives the server its end: `false` if there is no server. */
  answer: (server: SimulatedConn) => boolean = () => false;
  /** What the client's attempt came to. */
  outcome: "under way" | "opened" | "failed" = "under way";

  constructor(world: World, name: string, plan: ConnectionPlan, hasTopics = false) {
    this.world = world;
    this.name = name;
    this.plan = plan;
    this.#hasTopics = hasTopics;
    this.clientTalk = new Talk(`${name}.c`, this.#named);
    this.clientListening = new Listening(world, `${name}.c`);
  }

  /** Whether each message says whose it is: where several are heard, or some may be missing. */
  get #named(): boolean {
    return this.comesBack || this.#hasTopics;
  }

  /** Whether one client may have several transports. */
  get comesBack(): boolean {
    return "ours" in this.plan.client && this.plan.client.ours.kind === "reconnecting";
  }

  /** Whether nothing goes on here: nothing has begun, or all of it has ended. */
  get isOver(): boolean {
    if (this.#dialling > 0 || (this.client !== undefined && this.outcome === "under way")) return false;
    for (const [client, server] of this.links) if (!client.closed || !server.closed) return false;
    if (isOpen(this.client)) return false;
    return !this.servers.some(isOpen);
  }

  /** Messages that were read at either end. */
  get messages(): number {
    return this.servers.reduce((sum, { listening }) => sum + listening.count, this.clientListening.count);
  }

  /** Ways on which a fault has struck. */
  get faults(): number {
    return this.links.flatMap((ends) => ends.filter(({ outgoing }) => outgoing.disturbed)).length;
  }

  /** Makes a transport. */
  connect(): readonly [SimulatedConn, SimulatedConn] {
    const { world, name, plan: { there, back, client, server } } = this;
    const ends = link(world, this.comesBack ? `${name}/${this.links.length}` : name, there, back);
    const wires = [this.#wire("client"), this.#wire("server")] as const;
    if ("ours" in client) ends[0].outgoing.watch = wires[0];
    if ("ours" in server) ends[1].outgoing.watch = wires[1];
    this.links.push(ends);
    this.wires.push(wires);
    return ends;
  }

  /** The client's end of a new transport, whose other end the server gets in its time. */
  dialled(): SimulatedConn {
    const [client, server] = this.connect();
    const delay = this.plan.there.delays[0] ?? 0;
    this.world.after(delay, () => {
      if (!this.answer(server)) server.close();
    });
    return client;
  }

  #dialling = 0;
  /** Where the raw peer's pings end, in bytes. */
  readonly #pingEnds: number[] = [];

  /** Dials, as `Deno.connect` does. */
  dial(signal: AbortSignal | undefined): Promise<SimulatedConn> {
    const { promise, resolve, reject } = Promise.withResolvers<SimulatedConn>();
    const giveUp = () => reject(signal?.reason);
    signal?.addEventListener("abort", giveUp);
    this.#dialling++;
    this.world.after(this.plan.back.delays[0] ?? 0, () => {
      signal?.removeEventListener("abort", giveUp);
      this.#dialling--;
      if (signal?.aborted) return giveUp();
      const [client, server] = this.connect();
      if (this.answer(server)) return resolve(client);
      client.close();
      server.close();
      reject(new Deno.errors.ConnectionRefused("Nobody listens"));
    });
    return promise;
  }

  /** The attempt must be over when the handshake's time is, and what a refusal may take on top. */
  mustSettle(attempt: Promise<unknown>, begun: number): void {
    const { world } = this;
    const { handshakeTimeout } = {
      ...DEFAULT_LIMITS,
      ..."ours" in this.plan.client ? this.plan.client.ours.limits : {},
    };
    let over = false;
    const settled = () => void (over = true);
    attempt.then(settled, settled);
    const stalled = world.stalled;
    if (handshakeTimeout === 0) return;
    world.after(begun + late(handshakeTimeout) - world.now, () => {
      const open = !over && world.stalled === stalled;
      world.must(!open, "bounded", () => `${this.name}: no handshake after ${handshakeTimeout} ms, and no error`);
    });
  }

  /** A raw peer has said a ping, which ends with so many bytes: once that is read and all is written, it is answered (§5.5.2). */
  expectPong(position: number): void {
    const { world } = this;
    this.#pingEnds.push(position);
    const end = this.client === undefined ? 1 : 0;
    const [conn, wire] = [this.links[0]![end], this.wires[0]![end]];
    const [{ pongs }, { stalled }] = [wire, world];
    world.after(PONG_TIME, () => {
      if (conn.incoming.read < position) return;
      world.after(PONG_TIME, () => {
        const seat = this.client ?? this.servers[0];
        const idle = seat?.isIdle === true && !conn.outgoing.isWriting && wire.closeCode === undefined &&
          world.stalled === stalled;
        if (!idle || wire.pongs > pongs) return;
        const lies = this.raw?.verdict(seat.options.limits.maxMessageBytes).codes ?? [];
        world.must(lies.length > 0, "pong", () => `${seat.name} has read a ping, and answers none`);
      });
    });
  }

  /**
   * A raw peer that has pinged begins to read. While it did not, one pong was owed, the latest: beside that there may be one that was
   * being written, one for a ping that came at the same time, and one for each ping that was not yet read. When the event loop has
   * stood still, all of them may have come at the same time.
   */
  expectOnePong(): void {
    const { world, wires: [wires] } = this;
    const { read } = this.links[0]![1].incoming;
    const unread = this.#pingEnds.filter((end) => end > read).length;
    const { pongs } = wires![1];
    const [seat] = this.servers;
    if (seat === undefined || world.now - seat.openedAt < LONG_OPEN) return; // the pings have waited for that
    world.after(PONG_TIME, () => {
      const more = wires![1].pongs - pongs;
      world.must(more <= 3 + unread || world.stalled > 0, "pong", () => `${this.name}.s owed ${more} pongs`);
    });
  }

  /** The client has opened. */
  opens(): void {
    this.outcome = "opened";
    const { server } = this.plan;
    const right = !("raw" in server) || server.raw.greeting === "right";
    this.world.must(right || this.comesBack, "opened", () => `${this.name} opens after a wrong handshake`);
  }

  /** The client has not opened: `known` says that the error is one of those that are documented. */
  fails(known: boolean, error: unknown): void {
    this.outcome = "failed";
    this.world.trace.note(this.world.now, `${this.name}.c`, `does not open: ${error}`);
    this.world.must(known, "opened", () => `${this.name} fails with ${error instanceof Error ? error.stack : error}`);
  }

  /** Seats our client. */
  seatClient(app: AppPlan, limits: Partial<Limits>): Seat {
    const { clientTalk: talk, clientListening: listening } = this;
    const hear = "raw" in this.plan.server
      ? this.#hearRaw(listening)
      : this.#named
      ? (message: Message) => listening.takeNamed(message)
      : (message: Message) => listening.takeNext(message);
    return this.client = this.#seat({
      conn: () => this.comesBack ? undefined : this.links[0]?.[0],
      name: `${this.name}.c`,
      plan: app,
      talk,
      listening,
      hear,
      limits,
      handled: false,
    });
  }

  /** Seats our server's end of the last transport. */
  seatServer(app: AppPlan, limits: Partial<Limits>, handled: boolean): Seat {
    const name = this.comesBack ? `${this.name}.s/${this.servers.length}` : `${this.name}.s`;
    const talk = new Talk(name, this.#named);
    const listening = new Listening(this.world, name);
    listening.hears(this.clientTalk, { lossy: this.comesBack, joins: this.comesBack });
    this.clientListening.hears(talk);
    const hear = "raw" in this.plan.client
      ? this.#hearRaw(listening)
      : this.#named
      ? (message: Message) => listening.takeNamed(message)
      : (message: Message) => listening.takeNext(message);
    const conn = () => this.comesBack ? undefined : this.links[0]?.[1];
    const seat = this.#seat({ conn, name, plan: app, talk, listening, hear, limits, handled });
    this.servers.push(seat);
    return seat;
  }

  #seat(options: Omit<SeatOptions, "world" | "limits" | "raw"> & { limits: Partial<Limits> }): Seat {
    const raw = "raw" in this.plan.client || "raw" in this.plan.server;
    return new Seat({ ...options, raw, world: this.world, limits: { ...DEFAULT_LIMITS, ...options.limits } });
  }

  #hearRaw(listening: Listening): (message: Message) => void {
    return (message) => {
      listening.count++;
      this.heardOfRaw.push(typeof message === "string" ? message : message.slice());
    };
  }

  /** Reads along what one side writes: its pongs answer the other side's pings. */
  #wire(role: "client" | "server"): WireReader {
    const { world, name, plan: { client, server } } = this;
    const turn = this.links.length;
    const wire = new WireReader(world, `${name} ${role}`, role, (opcode, payload) => {
      if (opcode === 8) world.trace.note(world.now, name, () => `${role} sends close ${wire.closeCode}`);
      const pings = this.#pings(turn, role === "client" ? "server" : "client");
      if (opcode === 10 && pings !== undefined) {
        world.must(wire.pongs <= pings, "pong", () => `${name} ${role}: pong number ${wire.pongs} for ${pings} pings`);
      }
      void payload;
    });
    wire.mayCompress = "ours" in client && "ours" in server && client.ours.deflate !== undefined;
    return wire;
  }

  /** How many pings a side has written, where it is ours. */
  #pings(turn: number, role: "client" | "server"): number | undefined {
    const ours = "ours" in (role === "client" ? this.plan.client : this.plan.server);
    return ours ? this.wires[turn]![role === "client" ? 0 : 1].pings : undefined;
  }
}

function isOpen(seat: Seat | undefined): boolean {
  return seat?.surface !== undefined && seat.ended === undefined;
}
