/**
 * Topics as Redis channels, and a pair of Redis clients as a broker's link.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { defer } from "../async.ts";
import { ConnectionError } from "../errors.ts";
import type { Kind } from "../option_kinds.ts";
import type { BrokerLink, BrokerSession } from "./broker_link.ts";
import { ALL_TOPICS, type Interest } from "./wanted_topics.ts";

/** The kind of URLs of a Redis server. Its error does not show the URL, which may contain a password. */
export const REDIS_URL: Kind = {
  takes: "a URL such as redis://127.0.0.1:6379 or rediss://redis.example.com",
  check(value, name) {
    if (typeof value === "string" && /^rediss?:\/\/./i.test(value) && URL.canParse(value)) return;
    throw new TypeError(`Cannot use ${name}: it must be ${REDIS_URL.takes}`);
  },
};

/** Takes a message and the channel that it was published to. */
export type RedisListener = (message: Uint8Array, channel: Uint8Array) => void;

/** The part of a Redis client that is used. Promises reject when the connection is lost. */
export interface RedisClient {
  /** Connects, once. */
  connect(): Promise<unknown>;
  /** Sends a message. */
  publish(channel: string, message: Buffer): Promise<unknown>;
  /** Subscribes to channels. */
  subscribe(channels: string[], listener: RedisListener, bufferMode: true): Promise<unknown>;
  /** Subscribes to all channels that match a pattern. */
  pSubscribe(pattern: string, listener: RedisListener, bufferMode: true): Promise<unknown>;
  /** Ends the subscription to channels. */
  unsubscribe(channels: string[]): Promise<unknown>;
  /** Ends the subscription to the channels that match a pattern. */
  pUnsubscribe(pattern: string): Promise<unknown>;
  /** Sends a ping. */
  ping(): Promise<unknown>;
  /** Listens for an event of the connection: `error` or `end`. */
  on(event: "error" | "end", listener: (error?: unknown) => void): unknown;
  /** Ends the connection at once. */
  destroy(): void;
}

/** Returns the pattern for all channels that begin with a prefix. Special characters of the prefix are escaped. */
export function patternOf(prefix: string): string {
  return `${prefix.replace(/[\\*?[\]]/g, "\\$&")}*`;
}

/**
 * Makes a link from clients.
 *
 * @param prefix The prefix of every topic.
 * @param create Creates a client, which must not reconnect by itself.
 * @returns The link.
 */
export function redisLink(prefix: string, create: () => RedisClient): BrokerLink {
  return {
    nameOf: (topic) => prefix + topic,
    connect: (receive) => connect(patternOf(prefix), create, receive),
  };
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Opens two connections, because one that subscribes cannot send other commands. */
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
      return receive("", message); // not the channel of a topic, so it is refused and counted
    }
    receive(name, message);
  };
  const channels = (interests: readonly Interest[]) => interests.filter((interest) => interest !== ALL_TOPICS);
  return {
    ended,
    async publish(batch) {
      // One write; the replies arrive in order.
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
