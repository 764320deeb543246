/**
 * The members of other servers, over a broker that may lose messages.
 *
 * @module
 */
import { type Deadlines, Timeout } from "../deadlines.ts";
import type { Broker, BrokerMessage } from "../hub/broker.ts";
import {
  decodePresence,
  encodeList,
  encodePresence,
  type MemberFact,
  PRESENCE_TOPIC,
  type PresenceMessage,
} from "./protocol.ts";
import { type Entries, putEntry, type Roster } from "./roster.ts";

/** The heartbeats that a server may miss. */
const MISSED_HEARTBEATS = 3;

/** Milliseconds to wait before answering, so that servers that start together get one list. */
const ANSWER_DELAY = 50;

/** What it is made with. */
interface OtherServersOptions {
  readonly deadlines: Deadlines;
  /** Milliseconds. */
  readonly heartbeatInterval: number;
  /** Milliseconds. */
  readonly leaveDelay: number;
}

/** Another server. */
interface Server<Data> {
  /** The last version of its members that is known here. */
  version: number;
  /** When its last message arrived, by `performance.now`. */
  heard: number;
  /** Whether it was asked for its list since the last heartbeat. */
  asked: boolean;
  /** The parts of its list so far. */
  list: { readonly entries: Entries<Data>; parts: number } | undefined;
  /** Set when it has announced its end. */
  leaving: Timeout | undefined;
}

/** Tells other servers about the members of this one, and the roster about theirs. */
export class OtherServers<Data> {
  /** The name of this server in the roster. */
  readonly self: string;
  readonly #broker: Broker;
  readonly #roster: Roster<Data>;
  readonly #options: OtherServersOptions;
  readonly #servers = new Map<string, Server<Data>>();
  #version = 0;
  #heartbeat: Timeout;
  #answer: Timeout | undefined;
  #closed = false;

  /**
   * @param self The name of this server.
   * @param broker The broker, which it attaches.
   * @param roster Where the members are.
   * @param options Times.
   */
  constructor(self: string, broker: Broker, roster: Roster<Data>, options: OtherServersOptions) {
    this.self = self;
    this.#broker = broker;
    this.#roster = roster;
    this.#options = options;
    broker.attach({
      receive: (message) => this.#receive(message),
      state: (state) => void (state === "up" && this.#start()),
    });
    broker.subscribe(PRESENCE_TOPIC);
    this.#heartbeat = this.#nextHeartbeat();
    if (broker.state === "up") this.#start();
  }

  /** A member of this server has changed. */
  changed(member: MemberFact<Data>): void {
    this.#say({ type: "change", from: this.self, version: ++this.#version, member });
  }

  /** Says goodbye, and closes the broker. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#heartbeat.cancel();
    this.#answer?.cancel();
    for (const { leaving } of this.#servers.values()) leaving?.cancel();
    this.#say({ type: "bye", from: this.self });
    await this.#broker.close();
  }

  /** The broker is up, perhaps again. Nothing is known of what was lost meanwhile. */
  #start(): void {
    if (this.#closed) return;
    for (const server of this.#servers.values()) server.heard = performance.now();
    this.#say({ type: "ask", from: this.self });
    this.#say({ type: "alive", from: this.self, version: this.#version });
  }

  #nextHeartbeat(): Timeout {
    const { deadlines, heartbeatInterval } = this.#options;
    return new Timeout(deadlines.after(heartbeatInterval), () => this.#beat());
  }

  #beat(): void {
    this.#heartbeat = this.#nextHeartbeat();
    if (this.#broker.state !== "up") return; // the silence of other servers says nothing now
    this.#say({ type: "alive", from: this.self, version: this.#version });
    const silent = performance.now() - MISSED_HEARTBEATS * this.#options.heartbeatInterval;
    for (const [name, { heard }] of this.#servers) if (heard <= silent) this.#forget(name);
  }

  #receive({ topic, data }: BrokerMessage): void {
    if (this.#closed || topic !== PRESENCE_TOPIC) return;
    const said = decodePresence<Data>(data);
    if (said === undefined || said.from === this.self) return;
    const server = this.#serverOf(said.from);
    server.heard = performance.now();
    switch (said.type) {
      case "change":
        if (said.version !== server.version + 1) return server.asked ? undefined : this.#ask(said.from, server);
        server.version++;
        return this.#roster.set(said.from, said.member.topic, said.member.id, said.member.entry);
      case "alive":
        return said.version === server.version ? undefined : this.#ask(said.from, server);
      case "ask":
        return said.to === undefined || said.to === this.self ? this.#answerSoon() : undefined;
      case "list":
        return this.#addPart(server, said);
      case "bye":
        server.leaving ??= new Timeout(
          this.#options.deadlines.after(this.#options.leaveDelay),
          () => this.#forget(said.from),
        );
    }
  }

  #serverOf(name: string): Server<Data> {
    let server = this.#servers.get(name);
    if (server === undefined) {
      server = { version: 0, heard: 0, asked: false, list: undefined, leaving: undefined };
      this.#servers.set(name, server);
    }
    return server;
  }

  #ask(name: string, server: Server<Data>): void {
    server.asked = true;
    this.#say({ type: "ask", from: this.self, to: name });
  }

  #answerSoon(): void {
    this.#answer ??= new Timeout(this.#options.deadlines.after(ANSWER_DELAY), () => {
      this.#answer = undefined;
      for (const text of encodeList(this.self, this.#version, this.#roster.entriesOf(this.self))) this.#publish(text);
    });
  }

  /**
   * A list takes effect when all of its parts have arrived. If one is lost, the next heartbeat has another version, and the list is
   * requested again.
   */
  #addPart(server: Server<Data>, { from, version, part, last, members }: ListPart<Data>): void {
    if (part === 0) server.list = { entries: new Map(), parts: 0 };
    const { list } = server;
    if (list === undefined) return;
    if (list.parts++ !== part) return void (server.list = undefined);
    for (const { topic, id, entry } of members) putEntry(list.entries, topic, id, entry);
    if (!last) return;
    server.list = undefined;
    server.asked = false;
    if (version === server.version) return;
    server.version = version;
    this.#roster.replace(from, list.entries);
  }

  #forget(name: string): void {
    this.#servers.get(name)?.leaving?.cancel();
    this.#servers.delete(name);
    this.#roster.forget(name);
  }

  #say(message: Exclude<PresenceMessage<Data>, { type: "list" }>): void {
    this.#publish(encodePresence(message));
  }

  #publish(data: string): void {
    this.#broker.publish({ topic: PRESENCE_TOPIC, data });
  }
}

type ListPart<Data> = Extract<PresenceMessage<Data>, { type: "list" }>;
