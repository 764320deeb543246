/**
 * One of our ends in a world: what its application does there, and what must hold of it.
 *
 * @module
 */
import { LimitError, ProtocolError } from "../../lib/errors.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";
import type { MessageSource } from "../../lib/connection/message_source.ts";
import type { CloseInfo } from "../../lib/connection/websocket_connection.ts";
import type { Act, AppPlan } from "./plan.ts";
import type { SeatTopics } from "./hubs.ts";
import type { SimulatedConn } from "./network.ts";
import type { Surface } from "./surface.ts";
import { inChunks, type Listening, type Talk } from "./talk.ts";
import { late, type World } from "./world.ts";

/** Bytes of the largest control frame: one may be queued between the mark and the promise that says so. */
const LARGEST_CONTROL = 131;

/** Bytes of the largest read, and of what frames have beside their payloads. */
const LARGEST_READ = 65_536;
const LARGEST_HEADER = 14;
const MOST_CONTROLS = 8_000;
/** And of the pongs for the pings of one read. */
const MOST_PONGS = 1_000;

/** What an application throws. */
export class ApplicationError extends Error {
  override name = "ApplicationError";
}

/** What a seat depends on. */
export interface SeatOptions {
  readonly world: World;
  readonly name: string;
  readonly plan: AppPlan;
  readonly talk: Talk;
  readonly listening: Listening;
  /** The transport below, where there is one only. */
  readonly conn: () => SimulatedConn | undefined;
  /** Takes a message that came: checks it. */
  readonly hear: (message: Message) => void;
  /** The limits that its own checks need. */
  readonly limits: {
    readonly highWaterMark: number;
    readonly maxQueuedBytes: number;
    readonly closeTimeout: number;
    readonly maxMessageBytes: number;
    readonly pingInterval: number;
    readonly pongTimeout: number;
  };
  /** Whether the other end is a raw one: it may have broken a rule first, and its application gets that error later. */
  readonly raw: boolean;
  /** Whether what its application throws fails the connection, as a handler's does. */
  readonly handled: boolean;
}

/** One of our ends. */
export class Seat {
  readonly options: SeatOptions;
  readonly name: string;
  readonly talk: Talk;
  readonly listening: Listening;
  surface: Surface | undefined;
  /** What it does with topics, where there is a hub. */
  topics: SeatTopics | undefined;
  /** How it ended. */
  ended: CloseInfo | undefined;
  openedAt = 0;
  endedAt = 0;
  /** When it was closed by its own side first. */
  closedAt: number | undefined;
  closeCode: number | undefined;
  /** Whether its application has answered the other's close frame itself. */
  answered = false;
  /** What ended it, where that is known for sure: the first cause. */
  cause: { readonly error: unknown } | undefined;
  /** Answers that could not be sent, though it has not closed itself. */
  refused = 0;
  /** Whether its application gave up, threw, hung or left. */
  untidy = false;
  /** Whether a source of it failed, or may have been cut off. */
  sources = 0;
  /** How often it gave up. */
  aborts = 0;
  /** `close` callbacks. */
  told = 0;
  #conn: SimulatedConn | undefined;
  #threw = false;
  #waiting = 0;
  #lastSend = -1;
  /** What of all that was read, before it opened and since, is no longer held. */
  #readBefore = 0;
  #taken = 0;

  constructor(options: SeatOptions) {
    this.options = options;
    this.name = options.name;
    this.talk = options.talk;
    this.listening = options.listening;
    const { lane, pauses } = options.plan;
    if (lane === "nothing" || pauses.includes(null)) this.untidy = true;
  }

  /** Opens: its application begins to act. */
  open(surface: Surface, closed: Promise<CloseInfo> | undefined): void {
    const { world, plan } = this.options;
    this.surface = surface;
    this.openedAt = world.now;
    this.#conn = this.options.conn();
    this.#readBefore = this.#conn?.incoming.read ?? 0;
    this.#note("opens");
    if (closed !== undefined) void world.follow(`${this.name}.closed`, closed).then((info) => this.end(info));
    for (const act of plan.acts) world.after(act.at, () => this.act(act));
    world.always(() => {
      this.#check();
      return this.ended === undefined;
    });
  }

  /** Ends: once. */
  end(info: CloseInfo): void {
    const { world } = this.options;
    world.must(this.ended === undefined, "ends-once", () => `${this.name} ends again`);
    this.ended = info;
    this.endedAt = world.now;
    this.#note(() => `ends, ${info.closeCode}, ${info.wasClean ? "clean" : `not clean: ${info.error}`}`);
    const { cause } = this;
    world.must(
      cause === undefined || info.error === cause.error || isOfPeer(info.error, this.options.raw),
      "first-cause",
      () => `${this.name} ended because of ${cause?.error}, and says ${info.error}`,
    );
    const caused = info.wasClean ? info.error === undefined : info.error !== undefined || this.#mayEndBefore(info);
    world.must(caused, "first-cause", () => `${this.name}: wasClean ${info.wasClean}, error ${info.error}`);
  }

  /** Its reader has come to an end that looks clean. */
  readerEnds(): void {
    const { world, plan } = this.options;
    if (plan.leavesAt === this.listening.count || plan.lane === "nothing") return;
    world.after(0, () => {
      const told = this.ended === undefined || this.ended.wasClean || this.ended.error === undefined;
      world.must(
        told,
        "reader-told",
        () => `${this.name} ended with ${this.ended?.error}, and its reader does not know`,
      );
    });
  }

  /** Does what its plan says, unless it is over. */
  act(act: Act): void {
    if (this.ended !== undefined || this.surface === undefined) return;
    this.#note(() => describeAct(act));
    switch (act.do) {
      case "send":
        for (let i = act.count ?? 1; i > 0; i--) this.send(act.kind, act.size);
        break;
      case "source":
        this.#sendSource(act);
        break;
      case "ping":
        this.#attempt("ping", () => this.surface?.ping?.(new Uint8Array(act.size)));
        break;
      case "close":
        this.close(act.code);
        break;
      case "abort":
        this.abort();
        break;
      case "subscribe":
        this.#attempt("subscribe", () => this.topics?.subscribe(act.topic));
        break;
      case "unsubscribe":
        this.#attempt("unsubscribe", () => this.topics?.unsubscribe(act.topic));
        break;
      case "publish":
        this.#attempt("publish", () => this.topics?.publish(act.topic, act.size));
    }
  }

  /** Sends a message, of its own or as an answer. */
  send(kind: "text" | "binary", size: number, what: "send" | "answer" = "send"): Promise<void> | undefined {
    const { surface } = this;
    if (surface === undefined) return undefined;
    const open = surface.state === 1;
    // A close overtakes what waits behind a source, and what waits in a stream before the connection.
    const waits = this.sources > 0 || (surface.exact !== true && this.#waiting > 0);
    const data = this.talk.say(kind, size, open && !waits);
    return this.#attempt(what, () => surface.send(data), open);
  }

  /** Closes. */
  close(code?: number): void {
    const { surface, options: { world } } = this;
    if (surface === undefined) return;
    if (surface.state === 2 && this.closedAt === undefined) this.answered = true;
    if (surface.state === 1) {
      this.closedAt ??= world.now;
      this.closeCode ??= code ?? 1000;
      // One that comes back first waits for its outbox, for as long again (lib/client/reconnecting_connection.ts).
      const closeTimeout = this.options.limits.closeTimeout * (surface.comesBack ? 2 : 1);
      const stalled = world.stalled;
      if (closeTimeout > 0) {
        world.after(late(closeTimeout), () => {
          const open = this.ended === undefined && world.stalled === stalled;
          world.must(!open, "bounded", () => `${this.name}: not closed ${closeTimeout} ms after close()`);
        });
      }
    }
    this.#attempt("close", () => void surface.close(code));
    this.#mayAbort();
  }

  /** Gives up. */
  abort(): void {
    const { surface } = this;
    if (surface?.abort === undefined) return;
    this.untidy = true;
    this.aborts++;
    const reason = new ApplicationError(`${this.name} gives up`);
    if (surface.state === 1) this.cause ??= { error: reason };
    surface.abort(reason);
  }

  /**
   * Takes a message, and answers as the plan has it: a promise means that it takes its time.
   *
   * @param message The message.
   * @param awaited Whether the promise is waited for.
   */
  take(message: Message, awaited = true): Promise<void> | undefined {
    const { plan, hear, world } = this.options;
    world.must(!this.#threw, "no-more", () => `${this.name} has thrown, and gets a message`);
    hear(message);
    this.#taken += LARGEST_HEADER + (typeof message === "string" ? 3 : 1) * message.length;
    const { count } = this.listening;
    const echo = () => {
      const kind = typeof message === "string" ? "text" : "binary";
      if (plan.echoes) void this.send(kind, Math.min(message.length, 300), "answer");
    };
    const pause = plan.pauses[(count - 1) % plan.pauses.length];
    const takesTime = awaited && pause !== 0 && pause !== undefined;
    const late = plan.throwsLate && takesTime;
    if (!plan.echoesLate || !takesTime) echo();
    if (plan.closesAt === count) this.close();
    if (plan.throwsAt === count && !late) throw this.thrown();
    if (pause === 0 || pause === undefined) return undefined;
    return new Promise((resolve, reject) => {
      const done = () => {
        if (plan.echoesLate && takesTime) echo();
        if (plan.throwsAt === count && late) reject(this.thrown());
        else resolve();
      };
      if (pause !== null) world.after(pause, done);
    });
  }

  /** It has done what ends its connection: it may give up on top of that. */
  #mayAbort(): void {
    const { plan: { abortsAfter }, world } = this.options;
    if (abortsAfter !== undefined) world.after(abortsAfter, () => this.act({ at: 0, do: "abort" }));
  }

  /** What it throws now. */
  thrown(): ApplicationError {
    this.untidy = true;
    this.#threw = this.options.handled;
    this.#mayAbort();
    const error = new ApplicationError(`${this.name} throws`);
    // What it has sent before may fail first.
    if (this.options.handled && this.surface?.state === 1 && !this.options.plan.echoes) this.cause ??= { error };
    return error;
  }

  /** Calls what must not throw, and follows its promise. */
  #attempt(what: string, call: () => Promise<unknown> | undefined | void, counts = false): Promise<void> | undefined {
    const { world } = this.options;
    const conn = this.#conn;
    let promise: Promise<unknown> | undefined | void;
    try {
      promise = call();
    } catch (error) {
      world.fail("state-never-throws", `${this.name}.${what}() throws ${error}`);
    }
    if (promise === undefined || !counts) {
      if (promise !== undefined) world.follow(`${this.name}.${what}()`, promise).catch(() => this.#isRefused(what));
      return undefined;
    }
    this.#waiting++;
    const event = this.#lastSend = world.events;
    const queued = this.sources === 0 && this.surface?.exact ? this.surface.buffered : 0;
    return world.follow(`${this.name}.send()`, promise).then(() => {
      this.#waiting--;
      const atOnce = conn !== undefined && conn.outgoing.doneIn < event && this.surface?.state === 1;
      world.must(
        !atOnce || queued < this.options.limits.highWaterMark,
        "send-waits",
        () => `${this.name}: send resolves with ${queued} bytes queued, before any was written`,
      );
      const early = this.surface?.exact && this.sources === 0 && this.surface.state === 1 &&
        this.surface.buffered >= this.options.limits.highWaterMark + LARGEST_CONTROL &&
        this.#lastSend !== world.events;
      world.must(!early, "send-waits", () => `${this.name}: send resolves with ${this.surface?.buffered} bytes queued`);
    }, () => {
      this.#waiting--;
      this.#isRefused(what);
    });
  }

  #isRefused(what: string): void {
    if (what === "answer" && this.closedAt === undefined) this.refused++;
  }

  #sendSource({ kind, chunks, pause, fails }: Extract<Act, { do: "source" }>): void {
    const { surface, options: { world } } = this;
    if (surface === undefined || surface.state !== 1) return;
    this.sources++;
    const whole = this.talk.say(kind, chunks.reduce((sum, size) => sum + size, 0), false);
    async function* source(): AsyncGenerator<Message> {
      for (const chunk of inChunks(whole, chunks)) {
        if (pause > 0) await new Promise<void>((resolve) => world.after(pause, resolve));
        yield chunk;
      }
      if (fails) throw new ApplicationError("The source fails");
    }
    if (fails) this.untidy = true;
    const done = () => {
      this.sources--;
      this.#lastSend = world.events;
    };
    const sending = world.follow(`${this.name}.send(source)`, Promise.resolve(surface.send(source() as MessageSource)));
    sending.then(done, done);
  }

  /** What holds after every event. */
  #check(): void {
    const { surface, options: { world, limits } } = this;
    if (surface === undefined || surface.state !== 1 || this.ended !== undefined) return;
    const { buffered } = surface;
    if (surface.exact && this.#waiting > 0 && this.sources === 0 && buffered < limits.highWaterMark) {
      world.fail("send-waits", `${this.name}: ${this.#waiting} sends wait with ${buffered} bytes queued`);
    }
    // The web's class also counts what goes nowhere.
    if (surface.exact && !(buffered >= 0 && buffered <= this.#mostQueued())) {
      world.fail("held-out", `${this.name}: ${buffered} bytes queued`);
    }
    // Behind its close frame everything is dropped; the classes of the web do not say that one has left.
    if (this.#conn === undefined || !surface.exact || this.options.raw) return;
    const held = this.#conn.incoming.read - this.#readBefore - this.#taken;
    if (held > this.#mostHeld()) {
      world.fail("held-in", `${this.name} holds ${held} bytes that its application has not read`);
    }
  }

  /** What one call adds to what may be queued, or what a hub does: the mark counts twice, for what waits behind a source as well. */
  #mostQueued(): number {
    const { limits: { maxQueuedBytes, highWaterMark } } = this.options;
    const largest = Math.max(this.talk.largest, this.topics?.largest ?? 0) + LARGEST_CONTROL;
    const most = maxQueuedBytes + largest;
    return Math.min(
      most,
      Math.max(this.topics?.most ?? Infinity, 2 * highWaterMark) + largest + this.talk.bytes + MOST_PONGS,
    );
  }

  /** What waits, what a read brings on top of that, both once more in the chunk of a stream, and a message of which more is to come. */
  #mostHeld(): number {
    const { limits: { highWaterMark } } = this.options;
    return 2 * (highWaterMark + LARGEST_READ) + this.listening.largest + MOST_CONTROLS;
  }

  /** Whether it has read all that came, and has nothing to write. */
  get isIdle(): boolean {
    const { surface, options: { plan } } = this;
    return surface?.exact === true && surface.state === 1 && surface.buffered === 0 && this.ended === undefined &&
      !this.untidy && plan.pauses.every((pause) => pause === 0);
  }

  /** A client that comes back may be closed before it has had a connection: then there is no error. */
  #mayEndBefore({ closeCode }: CloseInfo): boolean {
    return this.surface?.comesBack === true && closeCode === 1006;
  }

  #note(what: string | (() => string)): void {
    const { world } = this.options;
    world.trace.note(world.now, this.name, what);
  }
}

/** Whether the peer has broken a rule or a limit first: one of ours breaks no rule, and may break a limit of the other end. */
function isOfPeer(error: unknown, raw: boolean): boolean {
  return error instanceof LimitError || (raw && error instanceof ProtocolError);
}

function describeAct({ at: _, ...act }: Act): string {
  return Object.values(act).join(" ");
}
