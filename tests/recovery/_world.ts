/**
 * A small world of one seed: hubs over logs that share a broker in memory, and clients that publish and listen, while connections,
 * hubs and the broker's sessions are lost, answers do not come, news is not said, and in some worlds all data goes.
 *
 *   deno run --allow-read tests/recovery/_world.ts 1000   so many seeds; SEED to begin with as the second argument
 *
 * @module
 */
import { connectedPair } from "../../lib/testing/connected_pair.ts";
import { until } from "../../lib/testing/wait.ts";
import type { Log, LogEntry, Position } from "../../lib/recovery/log.ts";
import { linkLog } from "../../lib/recovery/linked_log.ts";
import type { LogLink, LogNews, LogSession } from "../../lib/recovery/log_link.ts";
import { memoryLog } from "../../lib/recovery/memory_log.ts";
import { decodeFromServer, encodeFact, type FromServer, RECOVERY_PROTOCOL } from "../../lib/recovery/protocol.ts";
import { createRecoverableHub } from "../../lib/recovery/recoverable_hub.ts";
import type { RecoverableHub } from "../../lib/recovery/recoverable_options.ts";
import { UnacknowledgedMessages } from "../../lib/recovery/unacknowledged_messages.ts";
import { nextTask } from "../../lib/async.ts";
import { Chance } from "../simulation/chance.ts";

const TOPIC = "room";

/** A broker in memory that can do everything wrong but lie. */
class WorldBroker implements LogLink {
  #log: Log;
  /** What it had in each epoch, in order. */
  readonly epochs = new Map<string, LogEntry[]>();
  readonly #sessions = new Set<(reason: unknown) => void>();
  /** Whether it answers appends: where it does not, they happen all the same. */
  answers = true;
  /** Whether it says what is new. */
  speaks = true;

  constructor() {
    this.#log = this.#fresh();
  }

  #fresh(): Log {
    const log = memoryLog({ messages: 100_000 });
    log.follow(TOPIC, (news) => {
      if (news === undefined) return;
      const entries = this.epochs.get(news.epoch) ?? [];
      this.epochs.set(news.epoch, entries);
      entries.push(news.entry);
    });
    return log;
  }

  async wipe(): Promise<void> {
    await this.#log.close();
    this.#log = this.#fresh();
    this.loseAll();
  }

  /** Where everybody must come to. */
  async head(): Promise<Position> {
    const { epoch, head } = await this.#log.read(TOPIC, Infinity, { messages: 1, bytes: 1 });
    return { epoch, offset: head };
  }

  loseAll(): void {
    for (const end of this.#sessions) end(new Error("lost"));
  }

  connect(hear: LogNews): Promise<LogSession> {
    const { promise: ended, resolve } = Promise.withResolvers<unknown>();
    const log = this.#log;
    const leaving: (() => void)[] = [];
    const end = (reason: unknown) => {
      this.#sessions.delete(end);
      for (const leave of leaving) leave();
      resolve(reason);
    };
    this.#sessions.add(end);
    const lost = ended.then((reason) => Promise.reject(reason));
    lost.catch(() => {});
    const session: LogSession = {
      ended,
      append: async ({ topic, data, id }) => {
        const position = await log.append(topic, data, { id });
        return this.answers ? position : await lost;
      },
      read: (...args) => Promise.race([nextTask().then(() => log.read(...args)), lost]),
      follow: (topic) => {
        leaving.push(log.follow(topic, (news) => news && this.speaks ? hear(topic, news) : undefined));
        return Promise.resolve();
      },
      unfollow: () => Promise.resolve(),
      taken: (session) => log.taken(session),
      take: (session, number) => log.take(session, number),
      ping: () => Promise.resolve(),
      close: () => Promise.resolve(end(new Error("closed"))),
    };
    return Promise.resolve(session);
  }
}

/** A client that does what the documentation says. */
class WorldClient {
  readonly name: string;
  readonly unacknowledged: UnacknowledgedMessages;
  position: Position | undefined;
  /** What it heard, and where it was let go on. */
  readonly heard: { readonly epoch: string; readonly offset: number; readonly text: string }[] = [];
  readonly starts: Position[] = [];
  joined = false;
  said = 0;
  drop: () => Promise<void> = () => Promise.resolve();

  constructor(name: string) {
    this.name = name;
    this.unacknowledged = new UnacknowledgedMessages(name, { maxOutboxBytes: 1e9, maxOutboxMessages: 1e9 });
  }

  async join(hub: RecoverableHub): Promise<void> {
    await this.drop();
    const pair = await connectedPair({
      client: { protocols: RECOVERY_PROTOCOL },
      server: { protocols: RECOVERY_PROTOCOL },
      onError: () => {},
      handler: hub.handlers({
        message: async (_, data, { id }) => void await hub.publish(TOPIC, data, { durable: true, id }),
      }),
    });
    this.joined = false;
    const reading = (async () => {
      try {
        for await (const message of pair.client) this.#hear(decodeFromServer(message));
      } catch {
        // The connection was lost.
      }
    })();
    this.drop = async () => {
      pair.client.abort();
      pair.server.abort();
      await reading;
      this.drop = () => Promise.resolve();
    };
    this.unacknowledged.begin(pair.client);
    void pair.client.send(encodeFact({ type: "subscribe", topic: TOPIC, position: this.position }));
  }

  say(): void {
    this.unacknowledged.add(`${this.name} ${++this.said}`);
  }

  #hear(said: FromServer | undefined): void {
    if (said?.type === "session" || said?.type === "acknowledged") this.unacknowledged.taken(said);
    if (said?.type === "subscribed") {
      this.joined = true;
      if (said.recovered !== true) this.starts.push(this.position = said.position);
    }
    if (said?.type !== "message" || said.offset === undefined || this.position === undefined) return;
    if (said.offset <= this.position.offset) return;
    this.position = { epoch: this.position.epoch, offset: said.offset };
    this.heard.push({ ...this.position, text: String(said.data) });
  }
}

/** What a world came to. */
export interface WorldResult {
  readonly messages: number;
  readonly losses: number;
  readonly faults: readonly string[];
}

/** Plays the world of a seed. */
export async function playWorld(seed: number): Promise<WorldResult> {
  const chance = new Chance(BigInt(seed));
  const broker = new WorldBroker();
  const openHub = () =>
    createRecoverableHub({
      log: linkLog(broker, { reconnect: { first: 0, most: 1 }, appendTimeout: 20_000, onError: () => {} }),
      onError: () => {},
      maxCatchUpBytes: chance.fraction() < 0.3 ? 1 : 1_000_000,
    });
  const hubs = [openHub(), openHub()];
  const clients = ["ada", "bob", "eve"].map((name) => new WorldClient(name));
  const wipes = chance.fraction() < 0.2;
  let losses = 0;
  const join = (client: WorldClient) => client.join(chance.pick(hubs));
  for (const client of clients) await join(client);
  await until(() => clients.every(({ joined }) => joined), `The beginning of seed ${seed}`, 10_000);

  for (let step = 0; step < 40; step++) {
    const dice = chance.below(100);
    if (dice < 60) chance.pick(clients).say();
    else losses++;
    if (dice >= 60 && dice < 72) await join(chance.pick(clients));
    if (dice >= 72 && dice < 78) {
      // A hub is killed: its clients lose it at once, and another one takes its place.
      const at = chance.below(hubs.length);
      const old = hubs[at]!;
      hubs[at] = openHub();
      for (const client of clients) await client.drop();
      await old.close();
      for (const client of clients) await join(client);
    }
    if (dice >= 78 && dice < 84) broker.loseAll();
    if (dice >= 84 && dice < 90) broker.answers = !broker.answers;
    if (dice >= 90 && dice < 97) broker.speaks = !broker.speaks;
    if (dice >= 97 && wipes) await broker.wipe();
    for (let turns = chance.below(4); turns > 0; turns--) await nextTask();
  }
  broker.answers = broker.speaks = true;
  broker.loseAll();
  for (const client of clients) await join(client);
  const acknowledged = () => clients.every(({ unacknowledged }) => unacknowledged.length === 0);
  await until(acknowledged, `The acknowledgements of seed ${seed}`, 10_000);
  const head = await broker.head();
  const atHead = () =>
    clients.every(({ position }) => position?.epoch === head.epoch && position.offset >= head.offset);
  await until(atHead, `The last messages of seed ${seed}`, 10_000);
  for (const client of clients) await client.drop();
  for (const hub of hubs) await hub.close();
  return { messages: clients.reduce((sum, { said }) => sum + said, 0), losses, faults: judge(broker, clients, wipes) };
}

/** What must hold: in each epoch a client heard what the log had, without a gap, from where it was let begin. */
function judge({ epochs }: WorldBroker, clients: readonly WorldClient[], wipes: boolean): string[] {
  const faults: string[] = [];
  for (const { name, heard, starts, position } of clients) {
    if (!wipes && starts.length > 1) faults.push(`${name} was let begin anew, though nothing was lost`);
    for (const [epoch, entries] of epochs) {
      const theirs = heard.filter((message) => message.epoch === epoch);
      const begins = starts.filter((start) => start.epoch === epoch);
      if (begins.length === 0) continue;
      // Of an epoch that is over, and of one that was left in between, the end is missing, and it was told so.
      const last = position?.epoch === epoch ? Infinity : theirs.at(-1)?.offset ?? 0;
      const due = entries.filter(({ offset }) => offset > begins[0]!.offset && offset <= last);
      const [had, wanted] = [theirs.map(({ text }) => text).join(), due.map(({ data }) => String(data)).join()];
      if (had !== wanted) faults.push(`${name} heard ${had} instead of ${wanted}`);
    }
    const mine = [...epochs.values()].flat().map(({ data }) => String(data)).filter((text) => text.startsWith(name));
    if (new Set(mine).size !== mine.length && !wipes) faults.push(`${name} is in the log twice: ${mine}`);
    const numbers = mine.map((text) => Number(text.split(" ")[1]));
    if (!wipes && numbers.some((number, i) => number !== i + 1)) faults.push(`${name} is out of order: ${mine}`);
  }
  return faults;
}

if (import.meta.main) {
  const [count = 1_000, first = 1] = Deno.args.map(Number);
  let [messages, losses] = [0, 0];
  for (let seed = first; seed < first + count; seed++) {
    const result = await playWorld(seed);
    messages += result.messages;
    losses += result.losses;
    // deno-lint-ignore no-console -- a program says what it found
    for (const fault of result.faults) console.log(`Seed ${seed}: ${fault}`);
  }
  // deno-lint-ignore no-console -- a program says what it found
  console.log(`${count} worlds, ${messages} messages, ${losses} losses`);
}
