/**
 * What the plays of logs share: the real broker, logs that use it, and clients that note what they get.
 *
 * @module
 */
import { connectedPair } from "../../lib/testing/connected_pair.ts";
import { until } from "../../lib/testing/wait.ts";
import type { LogEntry } from "../../lib/recovery/log.ts";
import type { LinkedLog, LinkedLogOptions } from "../../lib/recovery/linked_log.ts";
import { decodeFromServer, encodeFact } from "../../lib/recovery/protocol.ts";
import type { RecoverableHub } from "../../lib/recovery/recoverable_options.ts";
import { type Server, startServer } from "../hub/_servers.ts";

/** The broker, the name of the play, and the folder of the broker. */
export const [kind = "", play = "", folder = ""] = Deno.args;
/** More than a test has. */
export const ALL = { messages: 10_000, bytes: 10_000_000 };
export const isRedis = kind === "redis";

/** The errors that were reported. */
export const errors: string[] = [];
export const onError = (error: unknown) => void errors.push(String(error));
const options = { reconnect: { first: 50, most: 200 }, onError };

// deno-lint-ignore no-explicit-any -- a module that is named at run time has no types
export function load(path: string): Promise<any> {
  return import(new URL(path, import.meta.url).href);
}

/** Starts the broker. */
export async function start(): Promise<Server> {
  return isRedis
    ? await startServer("redis", "--dir", folder, "--appendonly", "yes", "--appendfsync", "always")
    : await startServer("nats", "-js", "-sd", folder);
}

/** Opens a log. */
export async function open(server: Server, more: LinkedLogOptions = {}): Promise<LinkedLog> {
  if (isRedis) {
    const { redisLog } = await load("../../lib/recovery/redis.ts");
    return redisLog({ url: `redis://127.0.0.1:${server.port}`, ...options, ...more });
  }
  const { jetStreamLog } = await load("../../lib/recovery/nats.ts");
  return jetStreamLog({ servers: `127.0.0.1:${server.port}`, ...options, ...more });
}

/** The data of entries. */
export const texts = (entries: readonly LogEntry[]) =>
  entries.map(({ data }) => typeof data === "string" ? data : [...data]);

/** A client of a hub that notes everything. */
export async function listen(hub: RecoverableHub, topic: string) {
  const pair = await connectedPair({
    client: { protocols: "sluice.v1" },
    server: { protocols: "sluice.v1" },
    handler: hub.handlers(),
  });
  const heard: string[] = [];
  const facts: string[] = [];
  void (async () => {
    for await (const message of pair.client) {
      const said = decodeFromServer(message);
      if (said?.type === "message") heard.push(String(said.data));
      else if (said?.type === "subscribed") facts.push(`${said.recovered} ${said.reason}`);
    }
  })();
  await pair.client.send(encodeFact({ type: "subscribe", topic, position: undefined }));
  await until(() => facts.length === 1, "The subscription", 10_000);
  return { heard, facts, [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose]() };
}
