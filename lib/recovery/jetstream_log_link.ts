/**
 * Topics as subjects of a JetStream stream, and a NATS client as a log's link.
 *
 * ```text
 *  SLUICE_LOG     sluice.log.news    the messages; a topic's number is the stream's, so that it grows by more than one
 *                 sluice.news.news   each message again for those who follow, with its number and that before it (republish)
 *  SLUICE_TAKEN   sluice.taken.5ad1  the number of the last message that was taken from a session
 * ```
 *
 * The epoch is when the stream was made: one that was deleted has another when it is there again.
 *
 * @module
 */
import { defer } from "../async.ts";
import { ConnectionError } from "../errors.ts";
import { checkPrefix, subjectOf } from "../hub/nats_link.ts";
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

/** A message as a subscriber of NATS gets it. */
export interface NewsMessage {
  /** What it says. */
  readonly data: Uint8Array;
  /** Its header fields. */
  readonly headers?: { get(name: string): string } | undefined;
}

/** What a stream is made with. Times are nanoseconds. */
export interface StreamOptions {
  /** Its name. */
  name: string;
  /** What it keeps. */
  subjects: string[];
  /** How many messages of a subject. */
  max_msgs_per_subject: number;
  /** For how long; 0 for ever. */
  max_age: number;
  /** For how long a message is known by its name. */
  duplicate_window?: number;
  /** Whether every server of a cluster answers reads. */
  allow_direct: boolean;
  /** What it sends on to those who follow. */
  republish?: { src: string; dest: string };
}

/** What is used of a NATS client with JetStream. Promises reject when the connection is lost. */
export interface JetStreamClient {
  /** Bytes of a message with its header fields, at most. */
  readonly maxPayload: number;
  /** Makes a stream, if there is none of this name. */
  ensureStream(options: StreamOptions): Promise<void>;
  /** What a stream says of itself and of one subject. */
  streamInfo(name: string, subject: string): Promise<{ created: string; firstSeq: number; count: number }>;
  /** Adds a message. Resolves when the stream has it. */
  publish(subject: string, data: Uint8Array, options: { msgID?: string; timeout: number }): Promise<{ seq: number }>;
  /** The last message of a subject. */
  last(stream: string, subject: string): Promise<StoredMessage | undefined>;
  /** The first message of a subject whose number is not smaller. */
  next(stream: string, subject: string, seq: number): Promise<StoredMessage | undefined>;
  /** The messages of a subject from a number on: `messages` of them, or all there are. */
  fetch(stream: string, subject: string, seq: number, messages: number): AsyncIterable<StoredMessage>;
  /** Hears what is published to a subject. */
  subscribe(subject: string, listener: (message: NewsMessage) => void): { unsubscribe(): void };
  /** Whether an error is JetStream's answer, and not one of the connection. */
  isAnswer(error: unknown): boolean;
  /** Resolves when the server has read all that was sent before. */
  flush(): Promise<void>;
  /** Resolves when the connection is lost or closed. */
  closed(): Promise<void | Error>;
  /** Ends the connection. */
  close(): Promise<void>;
}

/** Bytes of a message's header fields, at most: its name has 128 characters. */
const HEADER_BYTES = 256;

/** Messages up to which a gap is read one by one: to make a consumer takes as long. */
const FEW = 4;

/**
 * Makes a link of a client.
 *
 * @param prefix What stands before every subject.
 * @param retention How much is kept.
 * @param connect Connects once: the client must not reconnect by itself.
 * @returns The link.
 * @throws {RangeError} If the prefix is none.
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
    max_msgs_per_subject: Number.isFinite(messages) ? messages : -1,
    max_age: Number.isFinite(age) ? age * 1e6 : 0,
    duplicate_window: (Number.isFinite(age) ? Math.min(age, resumeTimeout) : resumeTimeout) * 1e6,
    allow_direct: true,
    republish: { src: `${prefix}.log.*`, dest: `${prefix}.news.{{wildcard(1)}}` },
  });
  await client.ensureStream({
    name: takenLog,
    subjects: [`${prefix}.taken.*`],
    max_msgs_per_subject: 1,
    max_age: resumeTimeout * 1e6,
    allow_direct: true,
  });
  const { promise: ended, resolve: end } = defer<unknown>();
  void client.closed().then((error) => end(error ?? new ConnectionError("The connection to NATS is closed")), end);
  let { created: epoch } = await client.streamInfo(log, `${prefix}.log.none`);
  const subscriptions = new Map<string, { unsubscribe(): void }>();
  const subjectFor = (topic: string) => subjectOf(`${prefix}.log`, topic);
  const takenSubject = (session: string) => subjectOf(`${prefix}.taken`, session);

  /** A stream that was deleted is made again by the next connection. */
  const found = async <Answer>(asking: Promise<Answer>): Promise<Answer> => {
    try {
      return await asking;
    } catch (error) {
      end(error);
      throw error;
    }
  };

  const read = async (topic: string, after: number, limit: ReadLimit): Promise<LogPage> => {
    const subject = subjectFor(topic);
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
    // Asked last: what the stream forgot meanwhile is not taken for what was read.
    const { created, firstSeq, count } = await client.streamInfo(log, subject);
    epoch = created;
    const gone = Math.max(0, firstSeq - 1);
    const oldest = count < messages ? undefined : await client.next(log, subject, 1);
    const head = Math.max(last, entries.at(-1)?.offset ?? 0);
    return { epoch, head: head === 0 ? gone : head, from: oldest?.seq ?? gone, entries };
  };

  return {
    ended,
    async append({ topic, data, id }) {
      const bytes = bytesOf(data);
      const max = client.maxPayload - HEADER_BYTES;
      if (bytes.byteLength > max) {
        return {
          refused: new RangeError(`Message of ${bytes.byteLength} bytes is over the server's max_payload, ${max}`),
        };
      }
      try {
        const { seq } = await client.publish(subjectFor(topic), bytes, { msgID: id, timeout: 60_000 });
        return { epoch, offset: seq };
      } catch (error) {
        if (client.isAnswer(error)) return { refused: error };
        end(error); // no answer came: there is no stream, or no JetStream
        throw error;
      }
    },
    read: (topic, after, limit) => found(read(topic, after, limit)),
    async follow(topic) {
      const listener = (message: NewsMessage) => hear(topic, newsOf(epoch, message));
      subscriptions.set(topic, client.subscribe(subjectOf(`${prefix}.news`, topic), listener));
      await client.flush();
    },
    async unfollow(topic) {
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

/** The messages of a subject behind a number, one by one where there are a few. */
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

/** Before the data stands what it is. */
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

/** Reads what the stream republished. What is none of ours only says that there is something. */
function newsOf(epoch: string, { data, headers }: NewsMessage): Parameters<LogNews>[1] {
  const offset = Number(headers?.get("Nats-Sequence"));
  const previous = Number(headers?.get("Nats-Last-Sequence"));
  if (!Number.isSafeInteger(offset) || offset < 1 || !Number.isSafeInteger(previous)) return undefined;
  return { epoch, entry: { offset, previous, data: dataOf(data) } };
}
