/**
 * A connection as crossws' hooks are given it.
 *
 * @module
 */
import { handled } from "../async.ts";
import type { SendOptions } from "../connection/socket_options.ts";
import type { WebSocketConnection } from "../connection/websocket_connection.ts";
import type { Hub } from "../hub/hub_options.ts";
import type { MessageData } from "../pipeline/messages/message.ts";

/** What the hooks keep with a connection. */
export type PeerContext = Record<string, unknown>;

/** What a peer is made of. */
export interface PeerInit {
  /** The connection. */
  readonly connection: WebSocketConnection;
  /** The request. */
  readonly request: Request;
  /** The namespace. */
  readonly namespace: string;
  /** What the hooks keep. */
  readonly context: PeerContext;
  /** The open connections of the namespace. */
  readonly peers: Set<CrosswsPeer>;
  /** What topics are for. */
  readonly hub: Hub;
  /** The client's IP address, where it is known. */
  readonly remoteAddress: string | undefined;
}

/** A connection: crossws' `Peer`. */
export class CrosswsPeer {
  /** The connection of ours. */
  readonly connection: WebSocketConnection;
  /** The request that it began with: method, URL and header fields. */
  readonly request: Request;
  /** Where its topics are. By default the path of its request. */
  readonly namespace: string;
  /** What the hooks keep with it. */
  readonly context: PeerContext;
  /** The open connections of its namespace, this one among them. */
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
   * @param init What it is made of.
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

  /** A random name for the connection. */
  get id(): string {
    return this.#id ??= crypto.randomUUID();
  }

  /** The connection of ours: it has `url`, `protocol`, `readyState`, `bufferedAmount` and more. */
  get websocket(): WebSocketConnection {
    return this.connection;
  }

  /** Bytes that are queued. */
  get bufferedAmount(): number {
    return this.connection.bufferedAmount;
  }

  /**
   * Sends a message.
   *
   * @param data A string, bytes, or anything else, which is sent as crossws does it: numbers as text, objects as JSON.
   * @param options Whether it is compressed.
   * @returns Resolves when less than `highWaterMark` bytes are queued. It may be ignored.
   */
  send(data: unknown, options?: SendOptions): Promise<void> {
    return this.connection.send(toMessageData(data), options);
  }

  /**
   * Waits until at most so many bytes are queued, or the connection is not open any more.
   *
   * @param options The number of bytes, what ends the waiting, and how often is looked.
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
   * @throws {LimitError} If it is one too many, or too long.
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

  /** Publishes a message to all subscribers of a topic in the namespace, but for this connection. */
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
 * The names that a topic has in the hub: in its namespace, and in all of them.
 *
 * @param namespace The namespace.
 * @param topic The topic.
 */
export function topicsOf(namespace: string, topic: string): readonly [own: string, everywhere: string] {
  return [JSON.stringify([namespace, topic]), JSON.stringify([topic])];
}

/** What crossws makes of anything that is sent. */
export function toMessageData(data: unknown): MessageData {
  if (typeof data === "string" || data instanceof ArrayBuffer) return data;
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data === undefined || data === null) return "";
  return typeof data === "object" ? JSON.stringify(data) : String(data);
}
