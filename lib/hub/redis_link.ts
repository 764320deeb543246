/**
 * Topics as Redis channels, and a pair of Redis clients as a broker's link.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { defer } from "../async.ts";
import { ConnectionError } from "../errors.ts";
import type { BrokerLink, BrokerSession } from "./broker_link.ts";
import { ALL_TOPICS, type Interest } from "./wanted_topics.ts";

/** Takes a message and the channel that it was published to. */
export type RedisListener = (message: Uint8Array, channel: Uint8Array) => void;

/** What is used of a Redis client. Promises reject when the connection is lost. */
export interface RedisClient {
  /** Connects, once. */
  connect(): Promise<unknown>;
  /** Sends a message. */
  publish(channel: string, message: Buffer): Promise<unknown>;
  /** Asks for channels' messages. */
  subscribe(channels: string[], listener: RedisListener, bufferMode: true): Promise<unknown>;
  /** Asks for the messages of all channels that a pattern matches. */
  pSubscribe(pattern: string, listener: RedisListener, bufferMode: true): Promise<unknown>;
  /** No more of them. */
  unsubscribe(channels: string[]): Promise<unknown>;
  /** No more of them. */
  pUnsubscribe(pattern: string): Promise<unknown>;
  /** Asks for an answer. */
  ping(): Promise<unknown>;
  /** What happens to the connection: `error` and `end`. */
  on(event: "error" | "end", listener: (error?: unknown) => void): unknown;
  /** Ends the connection at once. */
  destroy(): void;
}

/** The pattern of all channels that begin with a prefix, whatever is in it. */
export function patternOf(prefix: string): string {
  return `${prefix.replace(/[\\*?[\]]/g, "\\$&")}*`;
}

/**
 * Makes a link of clients.
 *
 * @param prefix What stands before every topic.
 * @param create Makes a client, which must not reconnect by itself.
 * @returns The link.
 */
export function redisLink(prefix: string, create: () => RedisClient): BrokerLink {
  return {
    nameOf: (topic) => prefix + topic,
    connect: (receive) => connect(patternOf(prefix), create, receive),
  };
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Two connections: one that subscribes has no other commands. */
async function connect(
  pattern: string,
  create: () => RedisClient,
  receive: (name: string, bytes: Uint8Array) => void,
): Promise<BrokerSession> {
  const { promise: ended, resolve: end } = defer<unknown>();
  const publisher = create();
  const subscriber = create();
  const both = [publisher, subscriber];
  const close = () => {
    for (const client of both) {
      try {
        client.destroy();
      } catch {
        // It is closed already.
      }
    }
    return Promise.resolve();
  };
  for (const client of both) {
    client.on("error", end);
    client.on("end", () => end(new ConnectionError("The connection to Redis is closed")));
  }
  try {
    await Promise.all(both.map((client) => client.connect()));
  } catch (error) {
    await close();
    throw error;
  }

  const listener: RedisListener = (message, channel) => {
    let name: string;
    try {
      name = strict.decode(channel);
    } catch {
      return receive("", message); // no topic's channel, so it is refused and counted
    }
    receive(name, message);
  };
  const channels = (interests: readonly Interest[]) => interests.filter((interest) => interest !== ALL_TOPICS);
  return {
    ended,
    async publish(batch) {
      // One write, and answers in order.
      await Promise.all(batch.map(({ name, bytes }) => publisher.publish(name, Buffer.from(bytes.buffer))));
      return 0;
    },
    async subscribe(interests) {
      if (interests.includes(ALL_TOPICS)) await subscriber.pSubscribe(pattern, listener, true);
      const names = channels(interests);
      if (names.length > 0) await subscriber.subscribe(names, listener, true);
    },
    async unsubscribe(interests) {
      const names = channels(interests);
      if (names.length > 0) await subscriber.unsubscribe(names);
      if (interests.includes(ALL_TOPICS)) await subscriber.pUnsubscribe(pattern);
    },
    async ping() {
      await Promise.all(both.map((client) => client.ping()));
    },
    close,
  };
}
