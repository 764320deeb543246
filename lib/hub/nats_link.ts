/**
 * Topics as NATS subjects, and a NATS client as a broker's link.
 *
 * @module
 */
import { defer } from "../async.ts";
import { ConnectionError } from "../errors.ts";
import type { BrokerLink, BrokerSession } from "./broker_link.ts";
import { ALL_TOPICS, type Interest } from "./wanted_topics.ts";

/** What is used of a NATS client. */
export interface NatsClient {
  /** What the server said of itself. */
  readonly info?: { readonly max_payload: number } | undefined;
  /** Sends a message. */
  publish(subject: string, payload: Uint8Array): void;
  /** Asks for a subject's messages. */
  subscribe(
    subject: string,
    options: {
      callback: (error: Error | null, message: { readonly subject: string; readonly data: Uint8Array }) => void;
    },
  ): { unsubscribe(): void };
  /** Resolves when the server has read all that was sent before. */
  flush(): Promise<void>;
  /** What happens to the connection. */
  status(): AsyncIterable<{ readonly type: string; readonly error?: Error }>;
  /** Resolves when the connection is lost or closed. */
  closed(): Promise<void | Error>;
  /** Ends the connection. */
  close(): Promise<void>;
}

/** The characters that stand for themselves in a subject. */
const PLAIN = /^[A-Za-z0-9_-]$/;

/** Every byte as it stands in a subject: itself, or `=` and two hexadecimal digits. */
const BYTES: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  return PLAIN.test(char) ? char : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
});

const encoder = new TextEncoder();

/**
 * The subject of a topic: one token behind the prefix, so that no topic has a wildcard, a space or an empty token in it, no two
 * have the same, and people can read it: `sluice.room=2Fa`.
 *
 * @param prefix The tokens before it.
 * @param topic Any string.
 * @returns The subject: at most three characters for each byte of the topic.
 */
export function subjectOf(prefix: string, topic: string): string {
  let token = "";
  for (const byte of encoder.encode(topic)) token += BYTES[byte];
  return `${prefix}.${token === "" ? "=" : token}`; // a token is not empty, and `=` alone is no escape
}

/**
 * Checks a prefix for subjects.
 *
 * @param prefix Tokens of letters, digits, `-` and `_`, with dots between.
 * @returns The prefix.
 * @throws {RangeError} If it is none, or longer than 128 characters.
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
 * Makes a link of a client.
 *
 * @param prefix What stands before every topic.
 * @param connect Connects once: the client must not reconnect by itself.
 * @returns The link.
 * @throws {RangeError} If the prefix is none.
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
    // What the server refuses (a subject that we have no right to, for one) it says here and nowhere else.
    for await (const { type, error } of client.status()) if (type === "error") end(error);
  })().catch(end);

  return {
    ended,
    async publish(batch) {
      const max = client.info?.max_payload ?? Infinity;
      const fitting = batch.filter(({ bytes }) => bytes.byteLength <= max);
      for (const { name, bytes } of fitting) client.publish(name, bytes);
      await client.flush();
      return batch.length - fitting.length;
    },
    async subscribe(interests) {
      for (const interest of interests) {
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
