/**
 * Plays presence over a real broker, in a process of its own: `tests/presence/_presence_play.ts nats`. It loads the broker's package,
 * which is not one of the tests' own.
 *
 * It prints what happened as one line of JSON.
 *
 * @module
 */
// deno-lint-ignore-file no-console -- it prints its result
import type { Broker } from "../../lib/hub/broker.ts";
import { createHub } from "../../lib/hub/hub.ts";
import { createPresence } from "../../lib/presence/presence.ts";
import { until as waitUntil } from "../_support/wait.ts";
import { startServer } from "../hub/_servers.ts";
import { join } from "../hub/_support.ts";

const [kind = ""] = Deno.args;
const until = (condition: () => boolean, what: string) => waitUntil(condition, what, 20_000);

// deno-lint-ignore no-explicit-any -- a module that is named at run time has no types
function load(path: string): Promise<any> {
  return import(new URL(path, import.meta.url).href);
}

await using server = await startServer(kind);
const hub = createHub();
const errors: string[] = [];
const onError = (error: unknown) => void errors.push(String(error));

async function openBroker(): Promise<Broker> {
  const options = { reconnect: { first: 50, most: 200 }, onError: () => {} };
  return kind === "nats"
    ? (await load("../../lib/hub/nats.ts")).natsBroker({ servers: `127.0.0.1:${server.port}`, ...options })
    : (await load("../../lib/hub/redis.ts")).redisBroker({ url: `redis://127.0.0.1:${server.port}`, ...options });
}

/** One server of a cluster, and what its presence says. */
async function open() {
  const broker = await openBroker();
  const changes: string[] = [];
  const presence = createPresence<number>({
    broker,
    leaveDelay: 500,
    heartbeatInterval: 500,
    onError,
    onChange(_, { joined, updated, left }) {
      for (const { id, data } of joined) changes.push(`+${id}:${data}`);
      for (const { id, data } of updated) changes.push(`~${id}:${data}`);
      for (const id of left) changes.push(`-${id}`);
    },
  });
  await until(() => broker.state === "up", "The broker");
  const at = (id: string) => presence.members("room").get(id);
  return { broker, changes, presence, at };
}

const [one, other, third] = [await open(), await open(), await open()];
const [ada, reloaded, bob, carol] = [join(hub), join(hub), join(hub), join(hub)];

one.presence.join(ada.connection, "room", { id: "ada", data: 1 });
await until(() => other.at("ada") === 1 && third.at("ada") === 1, "Ada on every server");

// She reloads the page, and comes to another server.
ada.connection.abort();
await ada.connection.closed;
other.presence.join(reloaded.connection, "room", { id: "ada", data: 2 });
await until(() => one.at("ada") === 2 && third.at("ada") === 2, "Ada's other server");

// While the broker is away, servers keep their members, and each has news.
await server.kill();
await until(() => one.broker.state !== "up" && other.broker.state !== "up", "The broker to be away");
other.presence.update(reloaded.connection, "room", 3);
one.presence.join(bob.connection, "room", { id: "bob", data: 1 });
await new Promise((resolve) => setTimeout(resolve, 2_200)); // longer than three heartbeats and the delay
const apart = [one.at("ada"), one.at("bob"), other.at("ada"), other.at("bob")];
await server.start();
for (const { at } of [one, other, third]) await until(() => at("ada") === 3 && at("bob") === 1, "Both on every server");

// A server that is silent, and one that says goodbye: their members leave.
third.presence.join(carol.connection, "room", { id: "carol", data: 1 });
await until(() => one.at("carol") === 1 && other.at("carol") === 1, "Carol on every server");
await third.broker.close();
await until(() => other.at("carol") === undefined && one.at("carol") === undefined, "The end of Carol");
await one.presence.close();
await until(() => other.at("bob") === undefined, "The end of Bob");

console.log(JSON.stringify({
  apart,
  one: one.changes,
  other: other.changes,
  members: Object.fromEntries(other.presence.members("room")),
  errors,
}));
await other.presence.close();
await third.presence.close();
for (const { connection } of [reloaded, bob, carol]) connection.abort();
