/**
 * A connection for the hooks of crossws.
 *
 * @module
 */
import { handled } from "../async.ts";
import type { SendOptions } from "../connection/socket_options.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { Hub } from "../hub/hub_options.ts";
import type { MessageData } from "../pipeline/messages/message.ts";

/** The data that hooks keep with a connection. */
export type PeerContext = Record<string, unknown>;

/** The parts of a peer. */
export interface PeerInit {
  /** The connection. */
  readonly connection: WebSocketConnection;
  /** The request. */
  readonly request: Request;
  /** The namespace. */
  readonly namespace: string;
  /** The data of the hooks. */
  readonly context: PeerContext;
  /** The open connections of the namespace. */
  readonly peers: Set<CrosswsPeer>;
  /** The hub of the topics. */
  readonly hub: Hub;
  /** The client's IP address, where it is known. */
  readonly remoteAddress: string | undefined;
}

/** A connection: crossws' `Peer`. */
export class CrosswsPeer {
  /** The Sluice connection. */
  readonly connection: WebSocketConnection;
  /** The request of its handshake: method, URL and header fields. */
  readonly request: Request;
  /** The namespace of its topics. By default the path of its request. */
  readonly namespace: string;
  /** The data that hooks keep with it. */
  readonly context: PeerContext;
  /** The open connections of its namespace, including this one. */
  readonly peers: Set<CrosswsPeer>;
  /** The topics that it is subscribed to. */
  readonly topics: Set<string> = new Set();
  /** The client's IP address, where it is known. */
  readonly remoteAddress: string | undefined;
  readonly #hub: Hub;
  #id: string | undefined;

  /**
   * Makes a peer.
   *
   * @param init Its parts.
   */
  constructor({ connection, request, namespace, context, peers, hub, remoteAddress }: PeerInit) {
    this.connection = connection;
    this.request = request;
    this.namespace = namespace;
    this.context = context;
    this.peers = peers;
    this.remoteAddress = remoteAddress;
    this.#hub = hub;
  }

  /** A random id of the connection. */
  get id(): string {
    return this.#id ??= crypto.randomUUID();
  }

  /** The Sluice connection, with `url`, `protocol`, `readyState`, `bufferedAmount` and more. */
  get websocket(): WebSocketConnection {
    return this.connection;
  }

  /** The queued bytes. */
  get bufferedAmount(): number {
    return this.connection.bufferedAmount;
  }

  /**
   * Sends a message.
   *
   * @param data A string, bytes, or another value, which is converted as in crossws: numbers to text, objects to JSON.
   * @param options Whether to compress the message.
   * @returns Resolves when less than `highWaterMark` bytes are queued. You can ignore the promise.
   */
  send(data: unknown, options?: SendOptions): Promise<void> {
    return this.connection.send(toMessageData(data), options);
  }

  /**
   * Waits until at most a number of bytes is queued, or the connection is no longer open.
   *
   * @param options The number of bytes, a signal to end the wait, and the polling interval.
   */
  async waitForDrain(options: { threshold?: number; pollInterval?: number; signal?: AbortSignal } = {}): Promise<void> {
    const { threshold = 0, pollInterval = 100, signal } = options;
    while (this.bufferedAmount > threshold && this.connection.readyState === 1) {
      signal?.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, pollInterval));
    }
  }

  /** Closes the connection. */
  close(code?: number, reason?: string): void {
    void this.connection.close(code, reason);
  }

  /** Drops the connection. */
  terminate(): void {
    this.connection.abort();
  }

  /** Sends a ping. */
  ping(data?: MessageData): void {
    void handled(this.connection.ping(data));
  }

  /**
   * Subscribes to a topic of the namespace.
   *
   * @throws {LimitError} If the connection has too many topics, or the name is too long.
   */
  subscribe(topic: string): void {
    const [own, everywhere] = topicsOf(this.namespace, topic);
    this.#hub.subscribe(this.connection, own);
    try {
      this.#hub.subscribe(this.connection, everywhere);
    } catch (error) {
      this.#hub.unsubscribe(this.connection, own);
      throw error;
    }
    this.topics.add(topic);
  }

  /** Ends a subscription. */
  unsubscribe(topic: string): void {
    for (const name of topicsOf(this.namespace, topic)) this.#hub.unsubscribe(this.connection, name);
    this.topics.delete(topic);
  }

  /** Publishes a message to all subscribers of a topic in the namespace, except this connection. */
  publish(topic: string, data: unknown, options?: SendOptions): void {
    this.#hub.publishFrom(this.connection, topicsOf(this.namespace, topic)[0], toMessageData(data), options);
  }

  /** The same as `id`. */
  toString(): string {
    return this.id;
  }

  /** The same as `id`. */
  [Symbol.toPrimitive](): string {
    return this.id;
  }
}

/**
 * Returns the names of a topic in the hub: in its namespace, and in all namespaces.
 *
 * @param namespace The namespace.
 * @param topic The topic.
 */
export function topicsOf(namespace: string, topic: string): readonly [own: string, everywhere: string] {
  return [JSON.stringify([namespace, topic]), JSON.stringify([topic])];
}

/** Converts a value to a message, as crossws does. */
export function toMessageData(data: unknown): MessageData {
  if (typeof data === "string" || data instanceof ArrayBuffer) return data;
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data === undefined || data === null) return "";
  return typeof data === "object" ? JSON.stringify(data) : String(data);
}
