/**
 * Topics as NATS subjects, and a NATS client as a broker's link.
 *
 * @module
 */
import { defer } from "../async.ts";
import { ConnectionError } from "../errors.ts";
import { type Kind, kind } from "../option_kinds.ts";
import type { BrokerLink, BrokerSession } from "./broker_link.ts";
import { ALL_TOPICS, type Interest } from "./wanted_topics.ts";

/** The kind of addresses of NATS servers. */
export const NATS_SERVERS: Kind = kind(
  'a "host:port" or a list of them, which is not empty',
  (value) => Array.isArray(value) ? value.length > 0 && value.every(isAddress) : isAddress(value),
);

function isAddress(value: unknown): boolean {
  return typeof value === "string" && /^\S+$/.test(value) && URL.canParse(value.replace(/^(?:\w+:\/\/)?/, "nats://"));
}

/** The part of a NATS client that is used. */
export interface NatsClient {
  /** Information about the server. */
  readonly info?: { readonly max_payload: number } | undefined;
  /** Sends a message. */
  publish(subject: string, payload: Uint8Array): void;
  /** Subscribes to a subject. */
  subscribe(
    subject: string,
    options: {
      callback: (error: Error | null, message: { readonly subject: string; readonly data: Uint8Array }) => void;
    },
  ): { unsubscribe(): void };
  /** Resolves when the server has read everything that was sent before. */
  flush(): Promise<void>;
  /** The events of the connection. */
  status(): AsyncIterable<{ readonly type: string; readonly error?: Error }>;
  /** Resolves when the connection is lost or closed. */
  closed(): Promise<void | Error>;
  /** Ends the connection. */
  close(): Promise<void>;
}

/** The characters that are not escaped in a subject. */
const PLAIN = /^[A-Za-z0-9_-]$/;

/** The form of each byte in a subject: the character itself, or `=` and two hexadecimal digits. */
const BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  return PLAIN.test(char) ? char : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
});

const encoder = new TextEncoder();

/**
 * The longest subject, in bytes. NATS closes a connection that sends a line of the protocol with more than 4096 bytes, and a line
 * also has the name of an interface, a place to answer to and numbers.
 */
export const MAX_SUBJECT_BYTES = 3_584;

/**
 * Returns the subject of a topic: one token after the prefix. It contains no wildcard, space or empty token, is different for
 * each topic, and is readable: `sluice.room=2Fa`.
 *
 * @param prefix The tokens before it.
 * @param topic Any string.
 * @returns The subject: at most three characters for each byte of the topic.
 */
export function subjectOf(prefix: string, topic: string): string {
  let token = "";
  for (const byte of encoder.encode(topic)) token += BYTES[byte];
  return `${prefix}.${token === "" ? "=" : token}`; // a token must not be empty, and `=` alone is not an escape
}

/**
 * Checks a prefix of subjects.
 *
 * @param prefix Tokens of letters, digits, `-` and `_`, with dots between.
 * @returns The prefix.
 * @throws {RangeError} If it is invalid, or longer than 128 characters.
 */
export function checkPrefix(prefix: string): string {
  const tokens = prefix.split(".");
  if (prefix.length > 128 || !tokens.every((token) => token !== "" && Array.from(token).every((c) => PLAIN.test(c)))) {
    throw new RangeError(
      `Cannot use the prefix "${prefix}": it must be words of letters, digits, - and _ with dots between, 128 characters at most`,
    );
  }
  return prefix;
}

/**
 * Makes a link from a client.
 *
 * @param prefix The prefix of every topic.
 * @param connect Connects once. The client must not reconnect by itself.
 * @returns The link.
 * @throws {RangeError} If the prefix is invalid.
 */
export function natsLink(prefix: string, connect: () => Promise<NatsClient>): BrokerLink {
  checkPrefix(prefix);
  const nameOf = (topic: string) => subjectOf(prefix, topic);
  const subjectFor = (interest: Interest) => interest === ALL_TOPICS ? `${prefix}.*` : interest;
  return {
    nameOf,
    connect: async (receive) => natsSession(await connect(), subjectFor, receive),
  };
}

function natsSession(
  client: NatsClient,
  subjectFor: (interest: Interest) => string,
  receive: (name: string, bytes: Uint8Array) => void,
): BrokerSession {
  const subscriptions = new Map<Interest, { unsubscribe(): void }>();
  const { promise: ended, resolve: end } = defer<unknown>();
  void client.closed().then((error) => end(error ?? new ConnectionError("The connection to NATS is closed")), end);
  void (async () => {
    // The server reports refusals only here, for example for a subject without permission.
    for await (const { type, error } of client.status()) if (type === "error") end(error);
  })().catch(end);

  return {
    ended,
    async publish(batch) {
      const max = client.info?.max_payload ?? Infinity;
      const fitting = batch.filter(({ name, bytes }) => bytes.byteLength <= max && name.length <= MAX_SUBJECT_BYTES);
      for (const { name, bytes } of fitting) client.publish(name, bytes);
      await client.flush();
      return batch.length - fitting.length;
    },
    async subscribe(interests) {
      for (const interest of interests) {
        // No server publishes such a topic, and the connection would be closed.
        if (subjectFor(interest).length > MAX_SUBJECT_BYTES) continue;
        const callback: Parameters<NatsClient["subscribe"]>[1]["callback"] = (error, message) =>
          error === null ? receive(message.subject, message.data) : end(error);
        subscriptions.set(interest, client.subscribe(subjectFor(interest), { callback }));
      }
      await client.flush();
    },
    async unsubscribe(interests) {
      for (const interest of interests) {
        subscriptions.get(interest)?.unsubscribe();
        subscriptions.delete(interest);
      }
      await client.flush();
    },
    ping: () => client.flush(),
    close: () => client.close(),
  };
}
