// deno-lint-ignore-file no-console -- an example prints
// Kills and stalls everything that there is, in turn and at random, while clients talk, and counts: every durable message must reach
// every client of its room, once and in order. Exits with 0 if it is so.
//
//   deno run -A examples/cluster/chaos.ts                      500 clients, 25 seconds, Redis
//   deno run -A examples/cluster/chaos.ts --seconds 300        the long run: deno task chaos
//   deno run -A examples/cluster/chaos.ts --log jetstream --clients 100 --seed 7

import { parseArgs } from "node:util";
import {
  type BrokerKind,
  type Cluster,
  missingPrograms,
  type Program,
  sleep,
  startCluster,
  until,
} from "./programs.ts";
import { createTalker, type Talker } from "./talkers.ts";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "500" },
    seconds: { type: "string", default: "25" },
    log: { type: "string", default: "redis" },
    seed: { type: "string", default: `${Math.floor(Math.random() * 1e9)}` },
  },
});
const [count, seconds, seed] = [Number(values.clients), Number(values.seconds), Number(values.seed)];
const kind: BrokerKind = values.log === "jetstream" ? "jetstream" : "redis";

/** Clients of a room, who all hear each other. */
const ROOM = 10;
/** Milliseconds between two messages of a client. */
const PACE = 1_000;
/** Milliseconds that something is away, or stands still. */
const AWAY = 800;
/** Milliseconds after the last blow until all must have heard everything. */
const CALM = 60_000;

const missing = missingPrograms(kind);
if (missing.length > 0) {
  console.log(`Not installed: ${missing.join(", ")}. Debian: apt-get install nginx-light redis-server nats-server`);
  Deno.exit(1);
}
Deno.exit(await main());

async function main(): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const stop = Promise.withResolvers<number>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => stop.resolve(130));
  try {
    return await Promise.race([stop.promise, run(stack)]);
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    return 1;
  }
}

async function run(stack: AsyncDisposableStack): Promise<number> {
  console.log(`${count} clients, ${seconds} s, the log in ${kind}, seed ${seed}`);
  const cluster = await startCluster(stack, kind, "recoverable_server.ts");
  const url = `ws://127.0.0.1:${cluster.ports.balanced}/`;
  const talkers = Array.from(
    { length: count },
    (_, i) => createTalker(`client${i}`, `room ${Math.floor(i / ROOM)}`, url),
  );
  stack.defer(async () => void await Promise.all(talkers.map(({ client }) => client.close())));
  await until("All clients are connected", () => talkers.every(({ back }) => back), 30_000);

  // A few at a time, so that it is a stream and no pulse.
  let next = 0;
  const tick = Math.max(1, Math.floor(PACE / count));
  const talk = setInterval(() => {
    for (let i = 0; i < Math.ceil((count * tick) / PACE); i++) talkers[next++ % count]!.say();
  }, tick);
  stack.defer(() => clearInterval(talk));

  const blows = await strike(cluster, talkers, performance.now() + 1_000 * seconds);
  clearInterval(talk);
  console.log("Now all is calm: what is missing must come");
  await until("All is acknowledged", () => talkers.every(({ said, acknowledged }) => said === acknowledged), CALM);
  await until("All is heard", () => missed(talkers) === 0, CALM).catch(() => {});
  return await account(talkers, blows);
}

/** Numbers that come from a seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Kills and stalls, first everything in turn, then at random. Returns how often it did what. */
async function strike(
  { broker, servers: [a, b], proxy }: Cluster,
  talkers: readonly Talker[],
  end: number,
): Promise<Map<string, number>> {
  const random = randomFrom(seed);
  const kill = (program: Program) => async () => {
    await program.stop("SIGKILL");
    await sleep(AWAY * random());
    await program.start();
  };
  const stall = (program: Program) => async () => {
    program.signal("SIGSTOP");
    await sleep(500 + 3 * AWAY * random());
    program.signal("SIGCONT");
  };
  const cut = () => {
    for (const { client } of talkers) if (random() < 0.2) client.connection.socket?.abort();
    return Promise.resolve();
  };
  const blows: [name: string, act: () => Promise<void>][] = [
    ["server a SIGKILL", kill(a)],
    ["log SIGKILL", kill(broker)],
    ["connections cut", cut],
    ["server b SIGSTOP", stall(b)],
    ["nginx SIGKILL", kill(proxy)],
    ["log SIGSTOP", stall(broker)],
    ["server b SIGKILL", kill(b)],
    ["server a SIGSTOP", stall(a)],
    ["nginx SIGSTOP", stall(proxy)],
  ];
  const dealt = new Map<string, number>(blows.map(([name]) => [name, 0]));
  for (let i = 0; performance.now() < end; i++) {
    await sleep(300 + 700 * random());
    if (performance.now() >= end) break;
    const [name, act] = blows[i < blows.length ? i : Math.floor(random() * blows.length)]!;
    console.log(`${name}. ${talkers.filter(({ back }) => back).length} of ${count} clients are there`);
    await act();
    dealt.set(name, dealt.get(name)! + 1);
  }
  return dealt;
}

/** Messages that a client of their room has not heard. Its own count too: they come back by way of the log. */
function missed(talkers: readonly Talker[]): number {
  let missed = 0;
  for (let i = 0; i < talkers.length; i += ROOM) {
    const room = talkers.slice(i, i + ROOM);
    for (const { name, said } of room) for (const { heard } of room) missed += said - (heard.get(name) ?? 0);
  }
  return missed;
}

function account(talkers: readonly Talker[], blows: ReadonlyMap<string, number>): number {
  const sum = (of: (talker: Talker) => number) => talkers.reduce((sum, talker) => sum + of(talker), 0);
  const kills = [...blows].filter(([name]) => name.endsWith("SIGKILL")).reduce((sum, [, times]) => sum + times, 0);
  const rows: [string, number][] = [
    ...blows,
    ["processes killed", kills],
    ["durable messages", sum(({ said }) => said)],
    ["deliveries", sum(({ messages }) => messages)],
    ["subscriptions recovered", sum(({ recovered }) => recovered)],
    ["subscriptions not recovered", sum(({ faults }) => faults.unrecovered)],
    ["refused", sum(({ faults }) => faults.refused)],
    ["lost", missed(talkers)],
    ["twice", sum(({ faults }) => faults.twice)],
    ["out of order", sum(({ faults }) => faults.skipped)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  for (const [name, times] of rows) console.log(`${name.padEnd(width)} ${`${times}`.padStart(8)}`);
  const faults = rows.slice(-5).reduce((sum, [, times]) => sum + times, 0);
  console.log(faults === 0 ? "Nothing was lost, nothing came twice, all was in order." : "That must not be.");
  return faults === 0 ? 0 : 1;
}
