/**
 * Topics as Redis Streams, and a pair of Redis clients as a log's link.
 *
 * A topic has two keys. Each message has one more for as long as its id is remembered:
 *
 * ```text
 *  sluice:{news}:log   a stream: 42-0 kind, data, time
 *  sluice:{news}:meta  a hash: epoch, offset of the last message
 *  sluice:{news}:id:…  where the message of this name is
 * ```
 *
 * The numbers increase by one. One script appends a message: it assigns the number, adds the message, remembers the id, and
 * notifies the followers.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { defer } from "../async.ts";
import { ConnectionError } from "../errors.ts";
import type { LogEntry, Position } from "./log.ts";
import type { LogLink, LogNews, LogRetention, LogSession } from "./log_link.ts";

/** The part of a Redis client that is used. Promises reject when the connection is lost. */
export interface RedisLogClient {
  /** Connects, once. */
  connect(): Promise<unknown>;
  /** Returns the same client with other types of replies. */
  withTypeMapping(mapping: Record<number, typeof Buffer>): Pick<RedisLogClient, "evalSha">;
  /** Stores a script, and returns its hash. */
  scriptLoad(script: string): Promise<unknown>;
  /** Runs a script. */
  evalSha(name: string, options: { keys: string[]; arguments: (string | Buffer)[] }): Promise<unknown>;
  /** Reads information about the server. */
  info(section: string): Promise<unknown>;
  /** Reads the configuration of the server. */
  configGet(names: string[]): Promise<Record<string, string>>;
  /** Reads a value. */
  get(key: string): Promise<unknown>;
  /** Subscribes to channels. */
  subscribe(channel: string, listener: (message: Buffer, channel: Buffer) => void, bufferMode: true): Promise<unknown>;
  /** No more of them. */
  unsubscribe(channel: string): Promise<unknown>;
  /** Sends a ping. */
  ping(): Promise<unknown>;
  /** Listens for an event of the connection: `error` or `end`. */
  on(event: "error" | "end", listener: (error?: unknown) => void): unknown;
  /** Ends the connection at once. */
  destroy(): void;
}

/** The type of replies that are byte strings (RESP `$`). */
const BLOB_STRING = 36;

/** Milliseconds to remember the epoch and number of a quiet topic, in addition to the age of its messages: a month. */
const META_TIME = 30 * 86_400_000;

/**
 * Makes sure that a topic has an epoch. A stream without an epoch is a leftover, whose numbers mean nothing. The same holds for
 * numbers of a server that restarted and may have lost confirmed messages; its run id then differs.
 */
const EPOCH = `
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch or redis.call('HGET', KEYS[1], 'run') ~= ARGV[1] then
  epoch = ARGV[2]
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', 0, 'run', ARGV[1])
end`;

/** Appends a message, and deletes a few expired ones at the same time. A quiet topic expires as a whole. */
const APPEND = `
local known = redis.call('GET', KEYS[3])
if known then return known end
${EPOCH}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local offset = redis.call('HINCRBY', KEYS[1], 'offset', 1)
redis.call('XADD', KEYS[2], 'MAXLEN', ARGV[6], offset .. '-0', 'kind', ARGV[4], 'data', ARGV[5], 'time', now)
if ARGV[7] ~= '0' then
  redis.call('PEXPIRE', KEYS[2], ARGV[7])
  for i = 1, 2 do
    local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
    if oldest and now - oldest[2][6] > tonumber(ARGV[7]) then redis.call('XDEL', KEYS[2], oldest[1]) end
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local place = epoch .. ' ' .. offset
redis.call('SET', KEYS[3], place, 'PX', ARGV[8])
redis.call('PUBLISH', KEYS[2], place .. ' ' .. ARGV[4] .. ' ' .. ARGV[5])
return place`;

/**
 * Reads a page. A client may ask for topics that do not exist, so a topic without messages is remembered only for a day. A page
 * consists of the epoch, the number of the last message, the number after which nothing is missing, and the messages.
 */
const READ = `
${EPOCH}
local offset = tonumber(redis.call('HGET', KEYS[1], 'offset'))
redis.call('PEXPIRE', KEYS[1], offset == 0 and ${86_400_000} or ARGV[3])
local oldest = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
local from = offset
if oldest then from = tonumber(string.match(oldest[1], '%d+')) - 1 end
local page = { epoch, tostring(offset), tostring(from) }
if ARGV[4] == '' then return page end
local room = tonumber(ARGV[6])
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '(' .. ARGV[4] .. '-0', '+', 'COUNT', ARGV[5])) do
  room = room - #entry[2][4]
  if room < 0 and #page > 3 then break end
  page[#page + 1] = string.match(entry[1], '%d+')
  page[#page + 1] = entry[2][2]
  page[#page + 1] = entry[2][4]
end
return page`;

/** Remembers the larger of two numbers. */
const TAKE = `
local known = tonumber(redis.call('GET', KEYS[1]) or '0')
redis.call('SET', KEYS[1], math.max(known, tonumber(ARGV[1])), 'PX', ARGV[2])
return 'OK'`;

/**
 * Makes a link from clients.
 *
 * @param prefix The prefix of every key.
 * @param retention The retention.
 * @param create Creates a client, which must not reconnect by itself.
 * @returns The link.
 */
export function redisLogLink(
  prefix: string,
  retention: Required<LogRetention>,
  create: () => RedisLogClient,
): LogLink {
  return { connect: (hear) => connect(prefix, retention, create, hear) };
}

async function connect(
  prefix: string,
  { messages, age, resumeTimeout }: Required<LogRetention>,
  create: () => RedisLogClient,
  hear: LogNews,
): Promise<LogSession> {
  const { promise: ended, resolve: end } = defer<unknown>();
  const [client, subscriber] = [create(), create()];
  const both = [client, subscriber];
  const close = () => {
    for (const one of both) {
      try {
        one.destroy();
      } catch {
        // It is closed already.
      }
    }
    return Promise.resolve();
  };
  for (const one of both) {
    one.on("error", end);
    one.on("end", () => end(new ConnectionError("The connection to Redis is closed")));
  }
  let scripts: string[];
  let run: string;
  try {
    await Promise.all(both.map((one) => one.connect()));
    scripts = (await Promise.all([APPEND, READ, TAKE].map((script) => client.scriptLoad(script)))).map(String);
    run = await runOf(client);
  } catch (error) {
    await close();
    throw error;
  }
  const [append = "", read = "", take = ""] = scripts;
  const binary = client.withTypeMapping({ [BLOB_STRING]: Buffer });
  const keyOf = (topic: string, what: string) => `${prefix}{${topic}}:${what}`;
  const takenKey = (session: string) => `${prefix}taken:${session}`;
  const most = `${Number.isFinite(messages) ? messages : Number.MAX_SAFE_INTEGER}`;
  const time = `${META_TIME + (Number.isFinite(age) ? age : 0)}`;
  const ask = async (...call: Parameters<RedisLogClient["evalSha"]>): Promise<Buffer[]> => {
    try {
      const answer = await binary.evalSha(...call);
      return (Array.isArray(answer) ? answer : [answer]).filter((item) => item instanceof Buffer);
    } catch (error) {
      if (!isReply(error)) end(error);
      throw error;
    }
  };

  return {
    ended,
    async append({ topic, data, id, known }) {
      const keys = [keyOf(topic, "meta"), keyOf(topic, "log"), keyOf(topic, `id:${id}`)];
      const kind = typeof data === "string" ? "t" : "b";
      const bytes = typeof data === "string" ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      const limits = [most, `${Number.isFinite(age) ? age : 0}`, `${known}`];
      try {
        const [place] = await ask(append, { keys, arguments: [run, newEpoch(), time, kind, bytes, ...limits] });
        return placeOf(String(place));
      } catch (error) {
        if (!isReply(error)) throw error;
        return { refused: error };
      }
    },
    async read(topic, after, limit) {
      const keys = [keyOf(topic, "meta"), keyOf(topic, "log")];
      const behind = Number.isFinite(after) ? `${after}` : "";
      const bounds = [behind, `${limit.messages}`, `${limit.bytes}`];
      const [epoch, head, from, ...rest] = await ask(read, { keys, arguments: [run, newEpoch(), time, ...bounds] });
      const entries: LogEntry[] = [];
      for (let i = 0; i < rest.length; i += 3) {
        entries.push(entryOf(Number(rest[i]), String(rest[i + 1]), rest[i + 2] ?? Buffer.alloc(0)));
      }
      return { epoch: String(epoch), head: Number(head), from: Number(from), entries };
    },
    async follow(topic) {
      await subscriber.subscribe(keyOf(topic, "log"), (message) => hear(topic, newsOf(message)), true);
    },
    async unfollow(topic) {
      await subscriber.unsubscribe(keyOf(topic, "log"));
    },
    async taken(session) {
      return Number(await client.get(takenKey(session)) ?? 0);
    },
    async take(session, number) {
      await ask(take, { keys: [takenKey(session)], arguments: [`${number}`, `${resumeTimeout}`] });
    },
    async ping() {
      await Promise.all(both.map((one) => one.ping()));
    },
    close,
  };
}

/**
 * Returns a run id that changes if the server may have lost confirmed messages. Each run has another id, unless the server writes
 * everything to disk before it confirms.
 */
async function runOf(client: RedisLogClient): Promise<string> {
  const run = /^run_id:(\S+)/m.exec(String(await client.info("server")))?.[1] ?? newEpoch();
  try {
    const { appendonly, appendfsync } = { ...await client.configGet(["appendonly", "appendfsync"]) };
    return appendonly === "yes" && appendfsync === "always" ? "always" : run;
  } catch (error) {
    if (!isReply(error)) throw error;
    return run; // the server does not allow us to read it
  }
}

/** Whether the error is a reply of Redis to this request, so that the connection itself works. */
function isReply(error: unknown): boolean {
  // `NOSCRIPT` is not one of them: if Redis has lost the scripts, the next connection loads them again.
  return error instanceof Error &&
    /^(?:ERR|OOM|MISCONF|READONLY|WRONGTYPE|NOPERM|NOREPLICAS|CLUSTERDOWN) /.test(error.message);
}

function newEpoch(): string {
  return crypto.randomUUID().slice(0, 8);
}

function placeOf(place: string): Position {
  const [epoch = "", offset] = place.split(" ");
  return { epoch, offset: Number(offset) };
}

function entryOf(offset: number, kind: string, bytes: Uint8Array): LogEntry {
  const data = kind === "t" ? decoder.decode(bytes) : new Uint8Array(bytes);
  return { offset, previous: offset - 1, data };
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Reads what a script published: `epoch offset kind data`. A message in another format only says that there is something new. */
function newsOf(message: Uint8Array): Parameters<LogNews>[1] {
  const head = /^(\S+) (\d+) ([tb]) /.exec(new TextDecoder("latin1").decode(message.subarray(0, 64)));
  const [whole = "", epoch = "", offset, kind = ""] = head ?? [];
  return head === null ? undefined : { epoch, entry: entryOf(Number(offset), kind, message.subarray(whole.length)) };
}
