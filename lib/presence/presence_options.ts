/**
 * The options and the interface of presence.
 *
 * @module
 */
import type { Broker } from "../hub/broker.ts";
import { BROKER } from "../hub/hub_options.ts";
import { PRESENCE_LIMIT_KINDS, type PresenceLimits } from "../limits.ts";
import {
  CALLBACK,
  DELAY,
  kind,
  LONGEST_TIME,
  NON_EMPTY_TEXT,
  type OptionKinds,
  required,
  whole,
} from "../option_kinds.ts";
import type { MessageData } from "../pipeline/messages/message.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";

/**
 * A member of a topic.
 *
 * @typeParam Data The data of a member: anything that JSON can hold.
 */
export interface PresenceMember<Data = unknown> {
  /** The identity of the user. Several connections with the same `id` are one member. */
  readonly id: string;
  /** What the other members may know of it, as JSON. */
  readonly data: Data;
}

/** What has changed in a topic. It has at least one entry. */
export interface PresenceChange<Data = unknown> {
  /** The members that are new. */
  readonly joined: readonly PresenceMember<Data>[];
  /** The members whose data changed, with the new data. */
  readonly updated: readonly PresenceMember<Data>[];
  /** The ids of the members that left. */
  readonly left: readonly string[];
}

/**
 * The options of `createPresence`.
 *
 * @typeParam Data The data of a member.
 */
export interface PresenceOptions<Data = unknown> extends Partial<PresenceLimits> {
  /**
   * Connects the servers. A broker belongs to one hub or presence, so make one for presence alone. It may use the same NATS or
   * Redis server as that of the hub. By default there is none.
   */
  broker?: Broker;
  /**
   * Milliseconds for which a member stays after its last connection has ended. If it joins again meanwhile, on any server, it
   * has neither left nor joined.
   * @default {5000}
   */
  leaveDelay?: number;
  /**
   * Milliseconds between the heartbeats of a server. The members of a server leave when it has been silent for three heartbeats
   * while the broker was up.
   * @default {10000}
   */
  heartbeatInterval?: number;
  /**
   * Called when members of a topic have joined, changed or left, here or on another server. Changes of one call stack come
   * together, in a microtask of their own. Every server calls it, so tell only connections of this server: `presence.send`.
   */
  onChange?(topic: string, change: PresenceChange<Data>): void;
  /** Gets errors of `onChange`. By default they are printed to the console. */
  onError?(error: unknown): void;
}

/** The options of `createPresence`, for their check. */
export const PRESENCE_OPTION_KINDS: OptionKinds<PresenceOptions> = {
  ...PRESENCE_LIMIT_KINDS,
  broker: BROKER,
  leaveDelay: DELAY,
  heartbeatInterval: whole({ unit: "milliseconds", least: 1, most: LONGEST_TIME, infinite: false }),
  onChange: CALLBACK,
  onError: CALLBACK,
};

/** A member, for its check. */
export const PRESENCE_MEMBER_KINDS: OptionKinds<PresenceMember> = {
  id: required(NON_EMPTY_TEXT),
  data: required(kind("a value that JSON can hold", () => true)),
};

/**
 * The members of topics.
 *
 * @typeParam Data The data of a member.
 */
export interface Presence<Data = unknown> extends AsyncDisposable {
  /**
   * Makes the user of a connection a member of a topic. When the connection ends, the member leaves after `leaveDelay`, unless
   * it has another connection.
   *
   * @param socket The connection. If it is in the topic with another `id`, it leaves as that one.
   * @param topic The topic. Authorize it before: a topic is any string.
   * @param member The user's identity, and data about it. The data of the last call counts for all connections of the user. It
   *    is copied.
   * @returns Whether the connection is in the topic now; `false` if the connection or the presence is closed.
   * @throws {TypeError} If `socket` is not a connection of this module, or JSON cannot hold the data.
   * @throws {TopicError} If the topic is not well-formed Unicode.
   * @throws {LimitError} If the topic has `maxMembers` members, the data exceeds `maxDataBytes`, the connection is in 1 000
   *    topics, or the topic is longer than 1 KiB.
   */
  join(socket: WebSocketConnection, topic: string, member: PresenceMember<Data>): boolean;
  /**
   * Replaces the data of a member.
   *
   * @param socket A connection of the member.
   * @param topic The topic.
   * @param data The new data. It is copied.
   * @returns Whether the connection is in the topic.
   * @throws {TypeError} If JSON cannot hold the data.
   * @throws {LimitError} If the data exceeds `maxDataBytes`.
   */
  update(socket: WebSocketConnection, topic: string, data: Data): boolean;
  /**
   * Takes a connection out of a topic. If it is the last one of its member, the member leaves at once.
   *
   * @param socket The connection.
   * @param topic The topic.
   * @returns Whether the connection was in the topic.
   */
  leave(socket: WebSocketConnection, topic: string): boolean;
  /**
   * The members of a topic on all servers.
   *
   * @param topic The topic.
   * @returns The data of each member by its id, at this moment.
   */
  members(topic: string): Map<string, Data>;
  /**
   * Sends a message to all connections of this server that are in a topic. A connection that does not read is disconnected with
   * code 1013, as by a hub. The message is sent as it is: to clients with `sluice.v1`, use `send` of the hub of `./recovery`.
   *
   * @param topic The topic.
   * @param data The message, as for `socket.send`. It is copied.
   * @returns The number of connections that get it.
   * @throws {TypeError} If `data` is not a message.
   */
  send(topic: string, data: MessageData): number;
  /**
   * Ends it and closes the broker. Other servers keep the members of this one for `leaveDelay`, so that they can connect again.
   * Connections stay open.
   */
  close(): Promise<void>;
}
