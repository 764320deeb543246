/**
 * Worlds of a seed: three servers, a broker that is away and loses messages, and members that come, change, reload and go at random. In
 * the end it is calm, and every server must have the members that are really there.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { createHub } from "../../lib/hub/hub.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { settle } from "../_support/wait.ts";
import { Chance } from "../simulation/chance.ts";
import { join, type Member } from "../hub/_support.ts";
import { Bus, type NotedPresence, presenceOf } from "./_support.ts";

const WORLDS = 12;
const STEPS = 60;
const [HEARTBEAT, LEAVE] = [1_000, 500];
const TOPICS = ["room", "hall"];
const USERS = ["ada", "bob", "carol", "dan"];

/** A connection of a user, at one server. */
interface Guest {
  readonly user: string;
  readonly server: NotedPresence;
  readonly member: Member;
  readonly topics: Set<string>;
}

/** The members that a server's changes add up to, each with its data. A change that does not fit is a fault. */
class Tally {
  readonly members = new Map<string, string>();

  add(changes: readonly string[]): void {
    for (const change of changes) {
      const [, topic, kind, id, data = ""] = /^(\S+) ([-+~])([^:]+)(?::(.*))?$/.exec(change) ?? [];
      const name = `${topic} ${id}`;
      assertEquals(this.members.has(name), kind !== "+", `${change} does not fit`);
      if (kind === "-") this.members.delete(name);
      else this.members.set(name, data);
    }
  }
}

async function play(seed: number): Promise<void> {
  using time = new FakeTime();
  const chance = new Chance(BigInt(seed));
  const hub = createHub();
  const bus = new Bus();
  let loss = 0;
  bus.loses = () => chance.fraction() < loss;
  const brokers = [bus.broker(), bus.broker(), bus.broker()];
  const servers = brokers.map((broker) => presenceOf({ broker, heartbeatInterval: HEARTBEAT, leaveDelay: LEAVE }));
  const tallies = servers.map(() => new Tally());
  const listen = async () => {
    for (const [i, server] of servers.entries()) tallies[i]!.add(await server.changes());
  };
  const guests = new Set<Guest>();
  const arrive = (user: string) => {
    const guest = { user, server: chance.pick(servers), member: join(hub), topics: new Set<string>() };
    guests.add(guest);
    return guest;
  };
  const come = (guest: Guest, topic: string) => {
    guest.topics.add(topic);
    guest.server.join(guest.member.connection, topic, { id: guest.user, data: chance.below(3) });
  };
  const go = async (guest: Guest) => {
    guests.delete(guest);
    await guest.member[Symbol.asyncDispose]();
    await settle();
  };
  const anyone = () => guests.size === 0 ? undefined : chance.pick([...guests]);

  const acts: (() => unknown)[] = [
    () => come(arrive(chance.pick(USERS)), chance.pick(TOPICS)),
    () => {
      const guest = anyone();
      if (guest !== undefined) come(guest, chance.pick(TOPICS));
    },
    async () => {
      const guest = anyone();
      if (guest !== undefined) await go(guest);
    },
    async () => {
      const guest = anyone(); // reloads its page
      if (guest === undefined) return;
      await go(guest);
      await time.advance(chance.below(2 * LEAVE));
      const again = arrive(guest.user);
      for (const topic of guest.topics) come(again, topic);
    },
    () => {
      const guest = anyone();
      const topic = chance.pick(TOPICS);
      if (guest?.topics.delete(topic)) guest.server.leave(guest.member.connection, topic);
    },
    () => {
      const guest = anyone();
      for (const topic of guest?.topics ?? []) guest?.server.update(guest.member.connection, topic, chance.below(3));
    },
    () => {
      const broker = chance.pick(brokers);
      broker.turn(broker.state === "up" ? "down" : "up");
    },
    () => void (loss = chance.pick([0, 0, 0.2, 0.9])),
    () => time.advance(chance.below(2 * HEARTBEAT)),
  ];

  await settle();
  for (let step = 0; step < STEPS; step++) {
    await chance.pick(acts)();
  }
  await listen();

  loss = 0;
  for (const broker of brokers) if (broker.state !== "up") broker.turn("up");
  for (let i = 0; i < 5; i++) {
    await time.advance(HEARTBEAT);
  }
  await listen();
  const there = new Set([...guests].flatMap(({ user, topics }) => [...topics].map((topic) => `${topic} ${user}`)));
  const seen = servers.map((server) =>
    new Map(TOPICS.flatMap((topic) => [...server.members(topic)].map(([id, data]) => [`${topic} ${id}`, `${data}`])))
  );
  for (const [i, members] of seen.entries()) {
    assertEquals(new Set(members.keys()), there, `the members at server ${i}`);
    assertEquals(members, seen[0], `what server ${i} knows of them`);
    assertEquals(tallies[i]!.members, members, `the changes of server ${i}`);
  }
  for (const guest of guests) await go(guest);
  for (const server of servers) await server.close();
  await hub.close();
}

Deno.test(`${WORLDS} worlds of members, servers and a broker that loses messages: in the end every server has the same members`, async () => {
  const first = Number(Deno.env.get("SEED") ?? 1);
  for (let seed = first; seed < first + WORLDS; seed++) {
    try {
      await play(seed);
    } catch (error) {
      throw new Error(`SEED=${seed} has a fault`, { cause: error });
    }
  }
});
