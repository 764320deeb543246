/**
 * A log in NATS JetStream, for topics that catch up on any server. Loads `npm:@nats-io/transport-node` and `npm:@nats-io/jetstream`.
 *
 * NATS needs JetStream: `nats-server -js -sd /var/lib/nats`. The durability depends on its configuration: a single server keeps
 * messages in a file, a cluster on as many servers as the stream has replicas.
 *
 * @example Two servers
 * ```ts ignore
 * import { createRecoverableHub } from "@sluice/websocket/recovery";
 * import { jetStreamLog } from "@sluice/websocket/recovery/nats";
 *
 * const hub = createRecoverableHub({ log: jetStreamLog({ servers: "127.0.0.1:4222" }) });
 * await hub.publish("news", "It rains", { durable: true });
 * ```
 *
 * @module
 */
import { connect as connectOverTcp } from "npm:@nats-io/transport-node@^3.4.0";
import {
  DeliverPolicy,
  DiscardPolicy,
  jetstream,
  JetStreamApiError,
  jetstreamManager,
} from "npm:@nats-io/jetstream@^3.4.0";
import { resolveBrokerLimits } from "../limits.ts";
import { LONGEST_TIME, type OptionKinds, TEXT, whole } from "../option_kinds.ts";
import { takeOptions } from "../options.ts";
import { NATS_SERVERS } from "../hub/nats_link.ts";
import { type JetStreamClient, jetStreamLogLink } from "./jetstream_log_link.ts";
import { LINKED_LOG_OPTION_KINDS, type LinkedLog, type LinkedLogOptions, linkLog, retentionOf } from "./linked_log.ts";

export type { BrokerLimits } from "../limits.ts";
export type { BrokerOptions } from "../hub/linked_broker.ts";
export type { AppendOptions, Log, LogEntry, LogListener, LogPage, Position, ReadLimit } from "./log.ts";
export type { LogRetention } from "./log_link.ts";
export type { LinkedLog, LinkedLogOptions } from "./linked_log.ts";

/** The options of `jetStreamLog`. Existing streams keep their own limits. */
export interface JetStreamLogOptions extends LinkedLogOptions {
  /**
   * The servers, each as `host:port`. The client picks one at random, and the next one if it does not answer. @default
   * {"127.0.0.1:4222"}
   */
  servers?: string | string[];
  /** A prefix for every subject. Applications that share a server need different prefixes. @default {"sluice"} */
  prefix?: string;
  /** The user name. */
  user?: string;
  /** The password. */
  pass?: string;
  /** A token, instead of a user name and a password. */
  token?: string;
}

/** The times after which JetStream can delete something: it takes none that is shorter than 100 ms. */
const EXPIRY = { unit: "milliseconds", least: 100, most: LONGEST_TIME };
const AGE = whole(EXPIRY);

const JETSTREAM_LOG_OPTION_KINDS: OptionKinds<JetStreamLogOptions> = {
  ...LINKED_LOG_OPTION_KINDS,
  age: { takes: `0, or ${AGE.takes}`, check: (value, name) => value === 0 ? undefined : AGE.check(value, name) },
  resumeTimeout: whole({ ...EXPIRY, infinite: false }),
  servers: NATS_SERVERS,
  prefix: TEXT,
  user: TEXT,
  pass: TEXT,
  token: TEXT,
};

/**
 * Creates a log in JetStream: one stream for all topics, with the newest `messages` of each.
 *
 * @param options The servers, and limits.
 * @returns The log, which connects at once.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If a number is out of range, or the prefix is invalid.
 */
export function jetStreamLog(options: JetStreamLogOptions = {}): LinkedLog {
  options = takeOptions("jetStreamLog()", options, JETSTREAM_LOG_OPTION_KINDS);
  const { prefix = "sluice" } = options;
  return linkLog(jetStreamLogLink(prefix, retentionOf(options), () => connect(options)), options);
}

/** The part of the packages that is used. */
async function connect(options: JetStreamLogOptions): Promise<JetStreamClient> {
  const { servers = "127.0.0.1:4222", user, pass, token } = options;
  const { pongTimeout } = resolveBrokerLimits(options);
  const client = await connectOverTcp({
    servers,
    reconnect: false,
    ...(pongTimeout === 0 ? {} : { timeout: pongTimeout }),
    ...(user === undefined ? {} : { user }),
    ...(pass === undefined ? {} : { pass }),
    ...(token === undefined ? {} : { token }),
  });
  const stream = jetstream(client);
  const manager = await jetstreamManager(client);
  const get = async (name: string, query: { last_by_subj: string } | { next_by_subj: string; seq: number }) =>
    await manager.streams.getMessage(name, query) ?? undefined;
  return {
    maxPayload: client.info?.max_payload ?? Infinity,
    async ensureStream(wanted) {
      try {
        await manager.streams.info(wanted.name);
      } catch (error) {
        if (!(error instanceof JetStreamApiError && error.status === 404)) throw error;
        await manager.streams.add({ ...wanted, discard: DiscardPolicy.Old });
      }
    },
    async streamInfo(name, subject) {
      const { created, config, state } = await manager.streams.info(name, { subjects_filter: subject });
      return {
        created,
        firstSeq: state.first_seq,
        count: state.subjects?.[subject] ?? 0,
        maxPerSubject: config.max_msgs_per_subject,
      };
    },
    publish: (subject, data, given) => stream.publish(subject, data, given),
    last: (name, subject) => get(name, { last_by_subj: subject }),
    next: (name, subject, seq) => get(name, { next_by_subj: subject, seq }),
    async *fetch(name, subject, seq, messages) {
      const from = { filter_subjects: subject, deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: seq };
      const consumer = await stream.consumers.get(name, from);
      try {
        for await (const message of await consumer.fetch({ max_messages: messages, expires: 5_000 })) {
          yield message;
          if (message.info.pending === 0) break;
        }
      } finally {
        await consumer.delete();
      }
    },
    subscribe: (subject, listener) =>
      client.subscribe(subject, { callback: (error, message) => error === null ? listener(message) : undefined }),
    isAnswer: (error) => error instanceof JetStreamApiError,
    flush: () => client.flush(),
    closed: () => client.closed(),
    close: () => client.close(),
  };
}
