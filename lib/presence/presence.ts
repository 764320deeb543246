/**
 * Presence: the connections of this server in their topics, and how members join and leave with them.
 *
 * @module
 */
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import { Deadlines, Timeout } from "../deadlines.ts";
import { LimitError } from "../errors.ts";
import { createHub } from "../hub/hub.ts";
import type { Hub } from "../hub/hub_options.ts";
import { type PresenceLimits, resolvePresenceLimits } from "../limits.ts";
import { handleReturn, logError } from "../log_error.ts";
import { cannotUse } from "../option_kinds.ts";
import { checkOptions, takeOptions } from "../options.ts";
import { utf8Length } from "../pipeline/bytes/utf8.ts";
import type { MessageData } from "../pipeline/messages/message.ts";
import { OtherServers } from "./other_servers.ts";
import {
  type Presence,
  PRESENCE_MEMBER_KINDS,
  PRESENCE_OPTION_KINDS,
  type PresenceMember,
  type PresenceOptions,
} from "./presence_options.ts";
import { type Entry, Roster } from "./roster.ts";

/** Milliseconds that a member stays after its last connection: longer than a page takes to reload. */
const LEAVE_DELAY = 5_000;

/** Milliseconds between heartbeats: a server that crashed is noticed within half a minute. */
const HEARTBEAT_INTERVAL = 10_000;

/**
 * Creates the presence of topics.
 *
 * @example The list for a member that joins
 * ```ts
 * import { connect, serve } from "@sluice/websocket";
 * import { createPresence } from "@sluice/websocket/presence";
 * import { assertEquals } from "@std/assert";
 *
 * await using presence = createPresence<string>({ maxMembers: 100 });
 * await using server = serve({ port: 0, hostname: "127.0.0.1" }, {
 *   open(socket) {
 *     presence.join(socket, "room", { id: "7", data: "Ada" });
 *     void socket.send(JSON.stringify(Object.fromEntries(presence.members("room"))));
 *   },
 * });
 *
 * await using socket = await connect(server.url);
 * assertEquals((await socket[Symbol.asyncIterator]().next()).value, `{"7":"Ada"}`);
 * ```
 *
 * @typeParam Data The data of a member: anything that JSON can hold.
 * @param options The broker, the times, the limits and the hooks.
 * @returns The presence.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range.
 * @throws {DOMException} `InvalidStateError` if the broker belongs to a hub already.
 */
export function createPresence<Data = unknown>(options: PresenceOptions<Data> = {}): Presence<Data> {
  options = takeOptions("createPresence()", options, PRESENCE_OPTION_KINDS);
  return new LocalPresence(options);
}

/** A member of a topic on this server. */
interface Seat {
  readonly topic: string;
  readonly id: string;
  readonly sockets: Set<WebSocketConnection>;
  /** Set when its last connection has ended. */
  leaving: Timeout | undefined;
}

class LocalPresence<Data> implements Presence<Data> {
  readonly #limits: PresenceLimits;
  readonly #deadlines = new Deadlines();
  readonly #leaveDelay: number;
  /** Has the connections of this server. It has no broker. */
  readonly #hub: Hub;
  readonly #roster: Roster<Data>;
  readonly #others: OtherServers<Data> | undefined;
  readonly #self = crypto.randomUUID();
  /** By topic and id. */
  readonly #seats = new Map<string, Map<string, Seat>>();
  /** By connection and topic. */
  readonly #sockets = new Map<WebSocketConnection, Map<string, Seat>>();
  #closed = false;

  constructor(options: PresenceOptions<Data>) {
    const { broker, leaveDelay = LEAVE_DELAY, heartbeatInterval = HEARTBEAT_INTERVAL } = options;
    const report = (error: unknown) => logError(error, options);
    this.#limits = resolvePresenceLimits(options);
    this.#leaveDelay = leaveDelay;
    this.#hub = createHub({ onError: report });
    this.#roster = new Roster((topic, change) => {
      if (!this.#closed) handleReturn(() => options.onChange?.(topic, change), report);
    });
    if (broker === undefined) return;
    const times = { deadlines: this.#deadlines, heartbeatInterval, leaveDelay };
    this.#others = new OtherServers(this.#self, broker, this.#roster, times);
  }

  join(socket: WebSocketConnection, topic: string, member: PresenceMember<Data>): boolean {
    checkOptions("join()", member, PRESENCE_MEMBER_KINDS);
    const { id, data } = member;
    const entry = this.#entryOf(topic, id, data);
    const members = this.#roster.members(topic);
    const { maxMembers: max } = this.#limits;
    if (members.size >= max && !members.has(id)) {
      const facts = { limit: "maxMembers", max, actual: members.size, topic, closeCode: 1013 } as const;
      throw new LimitError(`Topic has maxMembers ${max} members already`, facts);
    }
    const known = this.#sockets.get(socket)?.get(topic);
    if (known === undefined ? !this.#hub.subscribe(socket, topic) : socket.readyState !== 1) return false;
    if (known !== undefined && known.id !== id) this.#stand(socket, known, () => this.#drop(known));
    const seat = this.#seatOf(topic, id);
    seat.leaving?.cancel();
    seat.leaving = undefined;
    seat.sockets.add(socket);
    this.#seatsOf(socket).set(topic, seat);
    this.#set(seat, entry);
    return true;
  }

  update(socket: WebSocketConnection, topic: string, data: Data): boolean {
    const seat = this.#sockets.get(socket)?.get(topic);
    if (seat === undefined) return false;
    this.#set(seat, this.#entryOf(seat.topic, seat.id, data));
    return true;
  }

  leave(socket: WebSocketConnection, topic: string): boolean {
    const seat = this.#sockets.get(socket)?.get(topic);
    if (seat === undefined) return false;
    this.#hub.unsubscribe(socket, topic);
    this.#stand(socket, seat, () => this.#drop(seat));
    return true;
  }

  members(topic: string): Map<string, Data> {
    return new Map(Array.from(this.#roster.members(topic), ([id, { data }]) => [id, data]));
  }

  send(topic: string, data: MessageData): number {
    return this.#hub.publish(topic, data);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const seats of this.#seats.values()) for (const { leaving } of seats.values()) leaving?.cancel();
    this.#seats.clear();
    this.#sockets.clear();
    await Promise.all([this.#hub.close(), this.#others?.close()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The data as other servers see it. It is later than what is known, whatever the clocks of the servers say. */
  #entryOf(topic: string, id: string, value: Data): Entry<Data> {
    const text: string | undefined = JSON.stringify(value);
    if (text === undefined) throw new TypeError(cannotUse(value, "data", "a value that JSON can hold"));
    const actual = utf8Length(id) + utf8Length(text);
    const { maxDataBytes: max } = this.#limits;
    if (actual > max) {
      const facts = { limit: "maxDataBytes", max, actual, closeCode: 1009 } as const;
      throw new LimitError(`Id and data of a member have ${actual} bytes, over maxDataBytes ${max}`, facts);
    }
    return {
      data: JSON.parse(text),
      text,
      at: Math.max(Date.now(), (this.#roster.members(topic).get(id)?.at ?? 0) + 1),
    };
  }

  /** Sets what is known of a member, and tells other servers if it is new. */
  #set({ topic, id }: Seat, entry: Entry<Data>): void {
    const own = this.#roster.entriesOf(this.#self).get(topic)?.get(id);
    if (own?.text === entry.text && this.#roster.members(topic).get(id)?.text === entry.text) return;
    this.#roster.set(this.#self, topic, id, entry);
    this.#others?.changed({ topic, id, entry });
  }

  #seatOf(topic: string, id: string): Seat {
    let seats = this.#seats.get(topic);
    if (seats === undefined) this.#seats.set(topic, seats = new Map());
    let seat = seats.get(id);
    if (seat === undefined) seats.set(id, seat = { topic, id, sockets: new Set(), leaving: undefined });
    return seat;
  }

  #seatsOf(socket: WebSocketConnection): Map<string, Seat> {
    const known = this.#sockets.get(socket);
    if (known !== undefined) return known;
    const seats = new Map<string, Seat>();
    this.#sockets.set(socket, seats);
    void socket.closed.then(() => this.#end(socket));
    return seats;
  }

  /** Takes a connection from its seat. */
  #stand(socket: WebSocketConnection, seat: Seat, last: () => void): void {
    this.#sockets.get(socket)?.delete(seat.topic);
    seat.sockets.delete(socket);
    if (seat.sockets.size === 0) last();
  }

  #end(socket: WebSocketConnection): void {
    for (const seat of this.#sockets.get(socket)?.values() ?? []) {
      this.#stand(socket, seat, () => {
        seat.leaving = new Timeout(this.#deadlines.after(this.#leaveDelay), () => this.#drop(seat));
      });
    }
    this.#sockets.delete(socket);
  }

  #drop({ topic, id }: Seat): void {
    const seats = this.#seats.get(topic);
    if (seats?.delete(id) && seats.size === 0) this.#seats.delete(topic);
    this.#roster.set(this.#self, topic, id, undefined);
    this.#others?.changed({ topic, id, entry: undefined });
  }
}
