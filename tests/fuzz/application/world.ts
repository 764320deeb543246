/**
 * What a program acts on: connections, servers, hubs and clients, and the innocent among them.
 *
 * @module
 */
import type {
  CloseInfo,
  ReconnectingConnection,
  WebSocket,
  WebSocketConnection,
  WebSocketStream,
} from "../../../mod.ts";
import type { ByteConnection, BytePair } from "../../../lib/server/mod.ts";
import type { Observer } from "../../../lib/telemetry/mod.ts";
import { connect } from "../../../mod.ts";
import type { Hub } from "../../../lib/hub/mod.ts";
import { type MemoryEnd, memoryPair, type RawPeer } from "../../../lib/testing/mod.ts";
import { settle, soon, until } from "../../_support/wait.ts";
import { isConsistent } from "./arguments.ts";
import type { Judge } from "./judge.ts";

/** The path of clients that do nothing wrong: whatever the others do, their connections live on. */
export const INNOCENT = "/innocent";
/** The topic that only they are subscribed to. */
const QUIET = "quiet";

/** A server of any kind. */
export interface Host {
  /** What it is. */
  readonly text: string;
  /** The URL of its root, without a slash. */
  readonly url: string;
  /** Its hub. */
  readonly hub?: Hub | undefined;
  /** How a client reaches it, where it does not listen. */
  dial?(): ByteConnection;
  /** Shuts it down. */
  shutdown(): Promise<unknown>;
  /** Whether the program has shut it down. */
  stopped: boolean;
}

/** Everything that a program has made. */
export class World {
  /** The oracle. */
  readonly judge: Judge;
  /** Resolves when the program is over: what hangs, waits for it. */
  readonly gate: Promise<void>;
  /** Whether sockets of the system may be opened. */
  readonly sockets: WebSocketConnection[] = [];
  /** Servers. */
  readonly hosts: Host[] = [];
  /** Hubs. */
  readonly hubs: Hub[] = [];
  /** The web's classes. */
  readonly webSockets: WebSocket[] = [];
  /** The web's classes. */
  readonly streams: WebSocketStream[] = [];
  /** Clients that come back. */
  readonly comebacks: ReconnectingConnection[] = [];
  /** Peers that keep no rule. */
  readonly peers: RawPeer[] = [];
  /** Connections in memory. */
  readonly wires: MemoryEnd[] = [];
  /** Signals that were given. */
  readonly controllers: AbortController[] = [];
  /** What is left to end, the last first. */
  readonly ends: (() => unknown)[] = [];
  /** What is looked at when all has ended. */
  readonly checks: (() => void)[] = [];
  readonly #release: () => void;
  readonly #met = new Map<WebSocketConnection, number>();
  readonly #ended = new Map<WebSocketConnection, number>();
  readonly #innocents: Innocent[] = [];
  readonly #open = new Map<string, number>();

  /** @param judge The oracle. */
  constructor(judge: Judge) {
    this.judge = judge;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gate = promise;
    this.#release = resolve;
  }

  /** Which connection a line is about. */
  nameOf(socket: WebSocketConnection): string {
    return `#${this.#met.get(socket) ?? "?"}`;
  }

  /** Takes a connection in, and expects it to end once. Innocent ones are left in peace. */
  meet(socket: WebSocketConnection): void {
    if (this.#met.has(socket)) return;
    this.#met.set(socket, this.#met.size + 1);
    if (isInnocent(socket)) return;
    this.sockets.push(socket);
    this.judge.note(`${this.nameOf(socket)} is a ${socket.role}'s end of ${socket.url}`);
    void this.judge.watch(`${this.nameOf(socket)}.closed`, socket.closed).then((info) => {
      if (info === undefined) this.judge.find("closed rejects");
      else if (!isConsistent(info)) this.judge.find(`closed says ${JSON.stringify(info)}, error ${info.error}`);
      if (socket.readyState !== 3) this.judge.find(`readyState ${socket.readyState} after closed`);
    });
  }

  /** Counts beginnings and ends of connections. */
  observer(failing = false): Observer {
    return {
      opened: (socket) => {
        this.meet(socket);
        const watched = {
          closed: () => {
            const count = (this.#ended.get(socket) ?? 0) + 1;
            this.#ended.set(socket, count);
            if (count > 1) this.judge.find(`the observer heard of ${count} ends of one connection`);
          },
        };
        this.#ended.set(socket, 0);
        if (!failing) return watched;
        return { ...watched, received: () => Promise.reject(new Error("The observer failed")), sent: () => 1 };
      },
      refused: (error) => {
        this.judge.reported("observer.refused", error);
        if (failing) throw new Error("The observer failed");
      },
    };
  }

  /** Two ends of a connection in memory, both of which must be closed at the end. */
  wire(capacity = 64 * 1024): [MemoryEnd & ByteConnection, MemoryEnd & ByteConnection] {
    const [near, far] = memoryPair({ capacity });
    const name = `wire ${this.wires.length / 2 + 1}`;
    this.wires.push(near, far);
    return [this.#counted(near, `the near end of ${name}`), this.#counted(far, `the far end of ${name}`)];
  }

  #counted(end: MemoryEnd, text: string): MemoryEnd {
    const { read, write, closeWrite, close, reset } = end;
    this.#open.set(text, 1);
    return {
      read,
      write,
      closeWrite,
      reset,
      close: () => {
        this.#open.delete(text);
        close();
      },
      get readable() {
        return end.readable;
      },
      get writable() {
        return end.writable;
      },
    };
  }

  /** A pair of streams of a connection in memory. */
  streamsOf({ readable, writable }: BytePair): BytePair {
    for (const text of [...this.#open.keys()].slice(-2)) this.#open.delete(text); // `close` of streams is not called
    return { readable, writable };
  }

  /** One of those that there are. */
  pick<T>(all: readonly T[], at: number): T | undefined {
    return all.length === 0 ? undefined : all[at % all.length];
  }

  /** Takes a server in, with an innocent client. */
  async host(host: Host, { innocent = true }: { innocent?: boolean } = {}): Promise<void> {
    this.hosts.push(host);
    this.ends.push(() => host.shutdown());
    if (!innocent) return;
    const conn = host.dial?.();
    const socket = await soon(
      connect(`${host.url}${INNOCENT}`, { observer: this.observer(), ...(conn && { conn }) }),
      `An innocent connection to ${host.text}`,
    );
    this.#innocents.push(new Innocent(socket, host));
  }

  /** Ends everything and judges what is left. */
  async end(): Promise<void> {
    const { judge } = this;
    await settle();
    for (const innocent of this.#innocents) await innocent.check(judge);
    this.#release();
    await settle();
    judge.note("the end: everything is closed");
    for (const peer of this.peers) peer.close();
    for (const comeback of this.comebacks) void judge.watch("the end of reconnecting", comeback.close());
    this.sockets.forEach((socket, at) => {
      if (at % 2 === 0) socket.abort();
      else void judge.watch(`${this.nameOf(socket)}.close() at the end`, socket.close());
    });
    for (const socket of this.webSockets) socket.close();
    for (const stream of this.streams) stream.close();
    for (const innocent of this.#innocents) void judge.watch("the end of an innocent", innocent.socket.close());
    for (const end of this.ends.toReversed()) {
      const ended = end();
      if (ended instanceof Promise) void judge.watch("an end", ended);
    }
    for (const hub of this.hubs) {
      void judge.watch("hub.close() at the end", hub.close());
      if ([...hub.topics()].length > 0) judge.find(`a hub that is closed has topics: ${[...hub.topics()]}`);
    }
    await judge.end();
    for (const check of this.checks) check();
    for (const wire of this.wires) wire.close();
    for (const text of this.#open.keys()) judge.find(`a connection is not closed: ${text}`);
    for (const [socket, count] of this.#ended) {
      if (count !== 1) judge.find(`the observer heard of ${count} ends of ${this.nameOf(socket)}`);
    }
    await settle();
  }
}

/** Whether a connection is one of those that do nothing wrong. */
export function isInnocent({ url }: Pick<WebSocketConnection, "url">): boolean {
  return url.endsWith(INNOCENT);
}

/** What every handler does for them. */
export function treat(socket: WebSocketConnection, hub: Hub | undefined): void {
  hub?.subscribe(socket, QUIET);
}

/** A client that does nothing wrong. */
class Innocent {
  readonly socket: WebSocketConnection;
  readonly #host: Host;
  readonly #got: unknown[] = [];
  #end: CloseInfo | undefined;

  constructor(socket: WebSocketConnection, host: Host) {
    this.socket = socket;
    this.#host = host;
    void this.#read();
    void socket.closed.then((info) => this.#end = info);
  }

  async #read(): Promise<void> {
    try {
      for await (const message of this.socket) this.#got.push(message);
    } catch {
      // `check` says so
    }
  }

  /** Whether it gets its echo, and what is published for it. */
  async check(judge: Judge): Promise<void> {
    const { text, hub, stopped } = this.#host;
    if (stopped) return;
    const ended = () => `an innocent connection of ${text} has ended: ${this.#end?.closeCode} ${this.#end?.error}`;
    if (this.#end !== undefined) return judge.find(ended());
    const published = hub?.publish(QUIET, "published") ?? 0;
    void this.socket.send("sent");
    const expected = published > 0 ? ["published", "sent"] : ["sent"];
    try {
      await until(() => this.#got.length >= expected.length || this.#end !== undefined, "The echo", 2_000);
    } catch {
      return judge.find(`an innocent connection of ${text} gets no echo`);
    }
    if (this.#end !== undefined) return judge.find(ended());
    if (this.#got.toSorted().join() !== expected.join()) {
      judge.find(`an innocent connection of ${text} gets ${this.#got.map((message) => String(message).slice(0, 20))}`);
    }
  }
}
