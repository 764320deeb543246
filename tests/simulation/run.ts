/**
 * Runs a plan: makes the world, lets everybody act, ends it, and looks at what is left.
 *
 * @module
 */
import { type SimulatedClient, startClient } from "./clients.ts";
import { Conversation } from "./conversation.ts";
import { SimulatedHubs } from "./hubs.ts";
import { judge, mustHaveNoticed } from "./judge.ts";
import type { Plan } from "./plan.ts";
import { RawPeer } from "./raw.ts";
import { SimulatedServer } from "./server.ts";
import type { Stage } from "./stage.ts";
import { Trace } from "./trace.ts";
import { World } from "./world.ts";

/** What a run came to, where nothing was violated. */
export interface Outcome {
  readonly trace: Trace;
  /** Transports that were connected. */
  readonly connections: number;
  /** Messages that were read. */
  readonly messages: number;
  /** Faults of the network that struck. */
  readonly faults: number;
  /** Simulated milliseconds. */
  readonly time: number;
}

/** Milliseconds from the last act to the end of all clients, and from there to the server's. */
const REST = 700;
const LAST = 25_000;
/** Milliseconds in which what follows from an end is done. */
const SOON = 20;
const LONGEST_STOP = 8_000;

/** Runs a plan. Throws the first violation. */
export async function run(plan: Plan, stage: Stage, trace: Trace = new Trace()): Promise<Outcome> {
  const world = new World(BigInt(plan.seed), trace);
  stage.enter(world);
  const conversations = plan.connections.map((one, i) =>
    new Conversation(world, `c${i}`, one, plan.server.hub !== undefined)
  );
  const hubs = plan.server.hub === undefined ? undefined : new SimulatedHubs(world, plan.server.hub);
  const server = new SimulatedServer(world, plan.server, conversations, hubs);
  const clients: SimulatedClient[] = [];
  for (const [i, conversation] of conversations.entries()) {
    const { client, server: there, at } = conversation.plan;
    conversation.answer = "raw" in there
      ? (conn) => {
        conversation.raw = new RawPeer(world, `${conversation.name} raw`, "server", there.raw, conn);
        conversation.raw.onping = (position) => conversation.expectPong(position);
        return true;
      }
      : (conn) => server.bring(conn);
    world.host(conversation.name, (signal) => conversation.dial(signal));
    world.after(at, () => {
      if ("ours" in client) return void clients.push(startClient(conversation, i, client.ours));
      const raw = conversation.raw = new RawPeer(
        world,
        `${conversation.name} raw`,
        "client",
        client.raw,
        conversation.dialled(),
        i,
      );
      raw.onping = (position) => conversation.expectPong(position);
      raw.onread = () => conversation.expectOnePong();
      clients.push({ leave: () => raw.drop() });
    });
  }
  for (const act of plan.acts) {
    world.after(act.at, () => {
      world.trace.note(world.now, "world", () => JSON.stringify(act));
      if (act.do === "stall") world.stall(act.time, act.timersFirst);
      else server.act(act);
    });
  }
  watchTimers(world, server, plan, conversations);
  const end = REST + lastAct(plan);
  const leave = () => clients.forEach((client) => client.leave());
  world.onviolation = leave;
  world.after(end, leave);
  world.after(end + LAST, () => {
    conversations.forEach(({ raw, servers }) => {
      raw?.drop();
      servers.forEach((seat) => mustHaveNoticed(world, seat));
    });
    if (!server.stopping) server.stop();
  });
  world.after(end + LAST + LONGEST_STOP, () => {
    hubs?.judge();
    hubs?.close();
  });
  await world.run(stage);
  const failure = judge(world, plan, conversations);
  if (failure !== undefined) throw failure;
  return {
    trace,
    connections: conversations.reduce((sum, { links }) => sum + links.length, 0),
    messages: conversations.reduce((sum, one) => sum + one.messages, 0),
    faults: conversations.reduce((sum, one) => sum + one.faults, 0),
    time: world.now,
  };
}

/** When all connections have ended, no timer is left of them: not even one that would do nothing. */
function watchTimers(
  world: World,
  server: SimulatedServer,
  { server: { hub }, acts }: Plan,
  all: readonly Conversation[],
): void {
  // A hub, a listener that fails, a client that comes back and a server that waits for a handler have timers of their own.
  if (hub !== undefined || acts.some((act) => act.do === "accept fails")) return;
  const left = () => world.timers > 0 && !server.stopping && all.every((one) => one.isOver && !one.comesBack);
  let looking = false;
  world.always(() => {
    if (looking || !left()) return true;
    looking = true;
    world.after(SOON, () => {
      looking = false;
      world.must(!left(), "nothing-left", () => `${world.timers} timers run though all connections have ended`);
    });
    return true;
  });
}

function lastAct({ connections, acts }: Plan): number {
  const times = connections.flatMap(({ at, client, server }) => [
    at,
    ...("ours" in client ? client.ours.app.acts : client.raw.acts).map((act) => at + act.at),
    ...("ours" in server ? server.ours.acts : server.raw.acts).map((act) => at + act.at),
  ]);
  return Math.max(0, ...times, ...acts.map(({ at }) => at));
}
