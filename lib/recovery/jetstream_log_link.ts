/**
 * Topics as subjects of a JetStream stream, and a NATS client as a log's link.
 *
 * ```text
 *  SLUICE_LOG     sluice.log.news    the messages; a topic's number is the stream's, so that it grows by more than one
 *                 sluice.news.news   each message again for those who follow, with its number and that before it (republish)
 *  SLUICE_TAKEN   sluice.taken.5ad1  the number of the last message that was taken from a session
 * ```
 *
 * The epoch is the time at which the stream was created, so a stream that was deleted and created again has another epoch.
 *
 * @module
 */
import { defer } from "../async.ts";
import { ConnectionError } from "../errors.ts";
import { checkPrefix, MAX_SUBJECT_BYTES, subjectOf } from "../hub/nats_link.ts";
import type { Message } from "../pipeline/messages/message.ts";
import type { LogEntry, LogPage, ReadLimit } from "./log.ts";
import type { LogLink, LogNews, LogRetention, LogSession } from "./log_link.ts";
import { entryBytes } from "./tail.ts";

/** A message of a stream. */
export interface StoredMessage {
  /** Its number. */
  readonly seq: number;
  /** What it says. */
  readonly data: Uint8Array;
}

/** A message for a subscriber of NATS. */
export interface NewsMessage {
  /** What it says. */
  readonly data: Uint8Array;
  /** Its header fields. */
  readonly headers?: { get(name: string): string } | undefined;
}

/** The options of a stream. Times are in nanoseconds. */
export interface StreamOptions {
  /** Its name. */
  name: string;
  /** The subjects that it keeps. */
  subjects: string[];
  /** The maximum number of messages for each subject. */
  max_msgs_per_subject: number;
  /** The age at which messages are deleted; 0 for never. */
  max_age: number;
  /** How long the id of a message is remembered. */
  duplicate_window?: number;
  /** The messages that it republishes to followers. */
  republish?: { src: string; dest: string };
}

/** Information about a stream and one subject. */
export interface StreamFacts {
  /** The time at which the stream was created. */
  readonly created: string;
  /** The number of its first message. */
  readonly firstSeq: number;
  /** The number of messages of the subject. */
  readonly count: number;
  /** The maximum number of messages for each subject; -1 for no limit. The stream may be older than the options of the log. */
  readonly maxPerSubject: number;
}

/** The part of a NATS client with JetStream that is used. Promises reject when the connection is lost. */
export interface JetStreamClient {
  /** The maximum number of bytes of a message with its header fields. */
  readonly maxPayload: number;
  /** Creates a stream, if none of this name exists. */
  ensureStream(options: StreamOptions): Promise<void>;
  /** Reads information about a stream and one subject. */
  streamInfo(name: string, subject: string): Promise<StreamFacts>;
  /** Adds a message. Resolves when the stream has it. */
  publish(subject: string, data: Uint8Array, options: { msgID?: string; timeout: number }): Promise<{ seq: number }>;
  /** Reads the last message of a subject. The server that takes the messages answers, because another one may be behind. */
  last(stream: string, subject: string): Promise<StoredMessage | undefined>;
  /** Reads the first message of a subject from a number on, from the same server. */
  next(stream: string, subject: string, seq: number): Promise<StoredMessage | undefined>;
  /** Reads `messages` messages of a subject from a number on, or as many as there are. */
  fetch(stream: string, subject: string, seq: number, messages: number): AsyncIterable<StoredMessage>;
  /** Subscribes to a subject. */
  subscribe(subject: string, listener: (message: NewsMessage) => void): { unsubscribe(): void };
  /** Whether an error is a reply of JetStream, and not one of the connection. */
  isAnswer(error: unknown): boolean;
  /** Resolves when the server has read everything that was sent before. */
  flush(): Promise<void>;
  /** Resolves when the connection is lost or closed. */
  closed(): Promise<void | Error>;
  /** Ends the connection. */
  close(): Promise<void>;
}

/** The maximum number of bytes of a message's header fields, which contain an id of 128 characters. */
const HEADER_BYTES = 256;

/** The size of a gap up to which messages are read one by one, because creating a consumer takes as long. */
const FEW = 4;

/**
 * Makes a link from a client.
 *
 * @param prefix The prefix of every subject.
 * @param retention The retention.
 * @param connect Connects once. The client must not reconnect by itself.
 * @returns The link.
 * @throws {RangeError} If the prefix is invalid.
 */
export function jetStreamLogLink(
  prefix: string,
  retention: Required<LogRetention>,
  connect: () => Promise<JetStreamClient>,
): LogLink {
  checkPrefix(prefix);
  return {
    async connect(hear) {
      const client = await connect();
      try {
        return await open(client, prefix, retention, hear);
      } catch (error) {
        await client.close();
        throw error;
      }
    },
  };
}

async function open(
  client: JetStreamClient,
  prefix: string,
  { messages, age, resumeTimeout }: Required<LogRetention>,
  hear: LogNews,
): Promise<LogSession> {
  const name = prefix.replaceAll(".", "_").toUpperCase();
  const [log, takenLog] = [`${name}_LOG`, `${name}_TAKEN`];
  await client.ensureStream({
    name: log,
    subjects: [`${prefix}.log.*`],
    // One more, because the number of the last message that was deleted is not known: all after the first one are there.
    max_msgs_per_subject: Number.isFinite(messages) ? messages + 1 : -1,
    max_age: Number.isFinite(age) ? age * 1e6 : 0,
    duplicate_window: (Number.isFinite(age) ? Math.min(age, resumeTimeout) : resumeTimeout) * 1e6,
    republish: { src: `${prefix}.log.*`, dest: `${prefix}.news.{{wildcard(1)}}` },
  });
  await client.ensureStream({
    name: takenLog,
    subjects: [`${prefix}.taken.*`],
    max_msgs_per_subject: 1,
    max_age: resumeTimeout * 1e6,
  });
  const { promise: ended, resolve: end } = defer<unknown>();
  void client.closed().then((error) => end(error ?? new ConnectionError("The connection to NATS is closed")), end);
  let { created: epoch } = await client.streamInfo(log, `${prefix}.log.none`);
  const subscriptions = new Map<string, { unsubscribe(): void }>();
  const subjectFor = (topic: string, what = "log") => {
    const subject = subjectOf(`${prefix}.${what}`, topic);
    if (subject.length <= MAX_SUBJECT_BYTES) return subject;
    throw new RangeError(
      `Topic is too long for NATS: its subject has ${subject.length} bytes, over ${MAX_SUBJECT_BYTES}`,
    );
  };
  /** The number of the last known message of each followed topic. */
  const seen = new Map<string, number>();
  const takenSubject = (session: string) => subjectOf(`${prefix}.taken`, session);

  const see = (topic: string, offset = 0) => {
    const known = seen.get(topic);
    if (known !== undefined && offset > known) seen.set(topic, offset);
  };

  /** The next connection creates a stream that was deleted again. */
  const found = async <Answer>(asking: Promise<Answer>): Promise<Answer> => {
    try {
      return await asking;
    } catch (error) {
      end(error);
      throw error;
    }
  };

  const read = async (subject: string, after: number, limit: ReadLimit): Promise<LogPage> => {
    const last = (await client.last(log, subject))?.seq ?? 0;
    const entries: LogEntry[] = [];
    if (after < last) {
      let [previous, room] = [after, limit.bytes];
      for await (const { seq, data } of messagesOf(client, log, subject, after, last, limit.messages)) {
        const entry = { offset: seq, previous, data: dataOf(data) };
        room -= entryBytes(entry);
        if (room < 0 && entries.length > 0) break;
        entries.push(entry);
        previous = seq;
        if (entries.length >= limit.messages) break;
      }
    }
    // This is read last, so that messages that the stream deleted meanwhile do not count as read.
    const { created, firstSeq, count, maxPerSubject: max } = await client.streamInfo(log, subject);
    epoch = created;
    const gone = Math.max(0, firstSeq - 1);
    const oldest = max < 0 || count < max ? undefined : await client.next(log, subject, 1);
    const head = Math.max(last, entries.at(-1)?.offset ?? 0);
    return { epoch, head: head === 0 ? gone : head, from: oldest?.seq ?? gone, entries };
  };

  return {
    ended,
    async append({ topic, data, id }) {
      const bytes = bytesOf(data);
      try {
        const subject = subjectFor(topic);
        const max = client.maxPayload - HEADER_BYTES - subject.length;
        if (bytes.byteLength > max) {
          throw new RangeError(`Message of ${bytes.byteLength} bytes is over the server's max_payload, ${max}`);
        }
        // The ids of a stream are those of all its topics.
        const { seq } = await client.publish(subject, bytes, { msgID: `${id} ${subject}`, timeout: 60_000 });
        return { epoch, offset: seq };
      } catch (error) {
        if (error instanceof RangeError || client.isAnswer(error)) return { refused: error };
        end(error); // there was no reply, so there is no stream or no JetStream
        throw error;
      }
    },
    async read(topic, after, limit) {
      const page = await found(read(subjectFor(topic), after, limit));
      see(topic, page.head);
      return page;
    },
    async follow(topic) {
      const subject = subjectFor(topic, "news");
      seen.set(topic, 0);
      const listener = (message: NewsMessage) => {
        const news = newsOf(epoch, message, seen.get(topic));
        see(topic, news?.entry.offset);
        hear(topic, news);
      };
      subscriptions.set(topic, client.subscribe(subject, listener));
      await client.flush();
    },
    async unfollow(topic) {
      seen.delete(topic);
      subscriptions.get(topic)?.unsubscribe();
      subscriptions.delete(topic);
      await client.flush();
    },
    async taken(session) {
      const known = await found(client.last(takenLog, takenSubject(session)));
      return known === undefined ? 0 : Number(decoder.decode(known.data));
    },
    async take(session, number) {
      await found(client.publish(takenSubject(session), encoder.encode(`${number}`), { timeout: 5_000 }));
    },
    ping: () => client.flush(),
    close: () => client.close(),
  };
}

/** Reads the messages of a subject after a number, one by one if there are only a few. */
async function* messagesOf(
  client: JetStreamClient,
  stream: string,
  subject: string,
  after: number,
  last: number,
  messages: number,
): AsyncGenerator<StoredMessage> {
  let at = after;
  for (let i = 0; i < FEW; i++) {
    const message = at < last ? await client.next(stream, subject, at + 1) : undefined;
    if (message === undefined) return;
    yield message;
    at = message.seq;
  }
  if (at < last) yield* client.fetch(stream, subject, at + 1, messages);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The byte in front of the data: its type. */
const [TEXT, BINARY] = [0x74, 0x62];

function bytesOf(data: Message): Uint8Array {
  const payload = typeof data === "string" ? encoder.encode(data) : data;
  const bytes = new Uint8Array(1 + payload.byteLength);
  bytes[0] = typeof data === "string" ? TEXT : BINARY;
  bytes.set(payload, 1);
  return bytes;
}

function dataOf(bytes: Uint8Array): Message {
  const payload = bytes.subarray(1);
  return bytes[0] === TEXT ? decoder.decode(payload) : new Uint8Array(payload);
}

/**
 * Reads what the stream republished. A message in another format only says that there is something new.
 *
 * @param epoch The epoch.
 * @param message The message.
 * @param seen The number up to which the topic is known. It is that of the previous message if the stream has none: they have
 *   expired. A connection gets every message in order, so there is no other one in between.
 */
function newsOf(epoch: string, { data, headers }: NewsMessage, seen = 0): Parameters<LogNews>[1] {
  const offset = Number(headers?.get("Nats-Sequence"));
  const previous = Number(headers?.get("Nats-Last-Sequence")) || seen;
  if (!Number.isSafeInteger(offset) || offset < 1 || !Number.isSafeInteger(previous)) return undefined;
  return { epoch, entry: { offset, previous, data: dataOf(data) } };
}
