/**
 * Draws a plan from a seed: who is there, with which options, what they do, and what goes wrong.
 *
 * @module
 */
import type { Limits } from "../../lib/limits.ts";
import { Chance } from "./chance.ts";
import { drawApp, TOPICS } from "./draw_app.ts";
import { drawPinger, drawRaw } from "./draw_raw.ts";
import type {
  Act,
  ClientPlan,
  ConnectionPlan,
  DeflatePlan,
  FaultPlan,
  HubPlan,
  Plan,
  ServerPlan,
  WayPlan,
  WorldAct,
} from "./plan.ts";

/** The actors that `--only` can ask for. */
export const ACTORS = ["connect", "WebSocket", "WebSocketStream", "reconnecting", "raw client", "raw server"] as const;

/** An actor. */
export type Actor = typeof ACTORS[number];

/** How often each is drawn. */
const MIX: readonly Actor[] = [
  ..."connect ".repeat(7).trim().split(" ") as "connect"[],
  "WebSocket",
  "WebSocket",
  "WebSocketStream",
  "WebSocketStream",
  "reconnecting",
  "raw client",
  "raw client",
  "raw client",
  "raw server",
  "raw server",
];

/** Draws a plan. */
export function draw(seed: bigint, only?: Actor): Plan {
  const chance = new Chance(seed);
  const calm = chance.oneIn(3);
  const server = drawServer(chance, calm);
  const connections = chance.some(
    1,
    4,
    () => drawConnection(chance, server, { calm, actor: only ?? chance.pick(MIX) }),
  );
  return {
    seed: String(seed),
    calm,
    server,
    connections,
    acts: [...(calm ? [] : drawActs(chance)), ...drawTopicActs(chance, server, calm)],
  };
}

function drawServer(chance: Chance, calm: boolean): ServerPlan {
  const streams = chance.oneIn(8);
  const handler = streams ? "function" : chance.pick(["callbacks", "async callbacks", "function"] as const);
  return {
    handler,
    limits: drawLimits(chance, calm),
    ...(chance.oneIn(10) ? { maxConnections: 1 + chance.below(2) } : {}),
    ...drawDeflate(chance),
    lends: handler !== "function" && chance.oneIn(3),
    ...(streams || !chance.oneIn(4) ? {} : { hub: drawHub(chance) }),
    upgrades: chance.oneIn(40) ? null : chance.oneIn(8) ? chance.below(500) : 0,
    streams,
  };
}

function drawHub(chance: Chance): HubPlan {
  return {
    slowPolicy: chance.pick(["disconnect", "wait", "drop-oldest", "latest-only"]),
    limits: { maxBacklogBytes: chance.pick([1, 1_000, 100_000]) },
    history: chance.oneIn(2) ? 0 : chance.below(4),
    hubs: chance.oneIn(2) ? 1 : 2,
    ...(chance.oneIn(3) ? { twice: true } : {}),
  };
}

function drawTopicActs(chance: Chance, { hub }: ServerPlan, calm: boolean): WorldAct[] {
  if (hub === undefined) return [];
  const at = () => chance.below(1_500);
  const size = () => chance.below(chance.oneIn(4) ? 2_000 : 60);
  const acts = chance.some(
    1,
    8,
    (): WorldAct => ({ at: at(), do: "publish", topic: chance.pick(TOPICS), size: size(), hub: chance.below(2) }),
  );
  // More than a subscriber takes who is slow for long.
  if (chance.oneIn(2)) {
    const [topic, hub, first, count] = [chance.pick(TOPICS), chance.below(2), at(), 1 + chance.below(12)];
    for (let i = 0; i < 6; i++) {
      acts.push({ at: first + i * 80, do: "publish", topic, size: chance.below(2_000), hub, count });
    }
  }
  if (!calm && chance.oneIn(3)) acts.push({ at: at(), do: "broker dies", time: chance.below(1_000) });
  return acts;
}

/** Limits that worlds of a few seconds reach. */
function drawLimits(chance: Chance, calm: boolean): Partial<Limits> {
  const limits: Partial<Limits> = {
    handshakeTimeout: 2_000,
    closeTimeout: calm ? 5_000 : chance.pick([500, 1_000, 3_000]),
    pingInterval: chance.pick([0, 1_000, 4_000]),
    pongTimeout: chance.pick([1_000, 4_000]),
    highWaterMark: chance.pick([1, 200, 4_096, 65_536]),
  };
  if (chance.oneIn(6)) limits.maxQueuedBytes = chance.pick([2_000, 100_000]);
  if (chance.oneIn(8)) limits.messageTimeout = 1_500;
  if (chance.oneIn(8)) limits.maxMessageBytes = 20_000;
  return limits;
}

function drawDeflate(chance: Chance): { deflate?: DeflatePlan } {
  if (!chance.oneIn(10)) return {};
  return {
    deflate: {
      serverContextTakeover: chance.oneIn(2),
      clientContextTakeover: chance.oneIn(2),
      ...(chance.oneIn(3) ? { serverMaxWindowBits: 9 + chance.below(7) } : {}),
    },
  };
}

function drawConnection(
  chance: Chance,
  server: ServerPlan,
  { calm, actor }: { calm: boolean; actor: Actor },
): ConnectionPlan {
  // A subscriber that is slow for long, on a way that stays narrow.
  const slow = !calm && server.hub !== undefined && actor !== "raw client" && chance.oneIn(3);
  const pings = actor === "raw client" && chance.oneIn(6);
  const client = pings
    ? { raw: drawPinger(chance) }
    : actor === "raw client"
    ? { raw: drawRaw(chance, "client") }
    : { ours: drawClient(chance, { actor, calm, slow }) };
  const there = actor === "raw server" ? { raw: drawRaw(chance, "server") } : {
    ours: drawApp(chance, {
      lane: server.handler === "function" ? undefined : "callbacks",
      calm,
      echoes: chance.oneIn(3),
      awaited: server.handler === "async callbacks",
      full: true,
      topics: topicsFor(server, actor),
    }),
  };
  const more: Act[] = pings ? [{ at: 0, do: "send", kind: "binary", size: 3_000, count: 1 }] : [];
  return {
    at: chance.oneIn(2) ? 0 : chance.below(300),
    client,
    server: "ours" in there ? { ours: { ...there.ours, acts: [...more, ...there.ours.acts] } } : there,
    there: drawWay(chance, calm),
    back: {
      ...drawWay(chance, calm),
      ...(slow || pings ? { cuts: [0], takes: [0], capacity: 1_024, fitful: 200_000 } : {}),
    },
  };
}

/** A history is sent again after resubscribing, so with a history no end leaves a topic, and reconnecting ends request none. */
function topicsFor({ hub }: ServerPlan, actor: Actor): "joined" | "left" | undefined {
  if (hub === undefined || (hub.history > 0 && actor === "reconnecting")) return undefined;
  return hub.history > 0 ? "joined" : "left";
}

function drawClient(chance: Chance, { actor, calm, slow }: { actor: Actor; calm: boolean; slow: boolean }): ClientPlan {
  const kind = actor === "raw client" || actor === "raw server" ? "connect" : actor;
  const app = drawApp(chance, {
    slow,
    lane: kind === "connect" ? undefined : kind === "WebSocket" ? "callbacks" : "for await",
    calm,
    echoes: false,
    full: kind === "connect",
  });
  const patient = kind === "reconnecting" && chance.oneIn(2);
  return {
    kind,
    limits: { ...drawLimits(chance, calm), ...(slow || patient ? { highWaterMark: 1 } : {}) },
    ...drawDeflate(chance),
    ...(!calm && chance.oneIn(12) ? { givesUpAfter: chance.below(400) } : {}),
    streams: kind === "connect" && chance.oneIn(5),
    app: patient ? { ...app, acts: [...outboxActs(chance), ...app.acts] } : app,
  };
}

/** What fills an outbox, and what comes while that leaves. */
function outboxActs(chance: Chance): Act[] {
  const send = (at: number): Act => ({
    at,
    do: "send",
    kind: "text",
    size: chance.below(60),
    count: 1 + chance.below(8),
  });
  return [send(0), ...chance.some(1, 3, () => send(chance.below(60)))];
}

/** A way: mostly swift, sometimes a byte at a time, slow, narrow, or broken. */
function drawWay(chance: Chance, calm: boolean): WayPlan {
  const slow = !calm && chance.oneIn(4);
  return {
    cuts: chance.oneIn(20) ? [1] : chance.oneIn(2) ? [0] : chance.some(1, 4, () => 20 + chance.below(200)),
    delays: slow ? chance.some(1, 4, () => chance.below(80)) : chance.oneIn(2) ? [0] : [chance.below(8) / 4],
    writes: chance.oneIn(2) ? [0] : chance.some(1, 3, () => chance.below(10) / 2),
    takes: chance.oneIn(5) ? chance.some(1, 3, () => 20 + chance.below(300)) : [0],
    capacity: calm ? 65_536 : chance.pick([chance.oneIn(3) ? 64 : 1_024, 1_024, 65_536, 65_536]),
    fitful: calm || !chance.oneIn(8) ? 300 : chance.pick([1_000, 5_000]),
    faults: calm || !chance.oneIn(6) ? [] : chance.some(1, 2, () => drawFault(chance)),
  };
}

function drawFault(chance: Chance): FaultPlan {
  const at = chance.oneIn(3) ? chance.below(250) : chance.below(2_000);
  const kind = chance.pick(["stall", "stall", "end", "reset", "silence"] as const);
  if (kind !== "stall") return { at, kind };
  return { at, kind, time: chance.oneIn(2) ? null : chance.below(4_000) };
}

function drawActs(chance: Chance): WorldAct[] {
  const acts: WorldAct[] = [];
  const at = () => chance.below(1_500);
  if (chance.oneIn(6)) acts.push({ at: at(), do: "stall", time: chance.below(6_000), timersFirst: chance.oneIn(2) });
  if (chance.oneIn(12)) {
    acts.push({
      at: 0,
      do: "accept fails",
      times: 1 + chance.below(3),
      name: chance.pick(["ConnectionAborted", "EMFILE"]),
    });
  }
  if (chance.oneIn(6)) acts.push({ at: at(), do: "shutdown", timeout: chance.pick([200, 2_000]) });
  return acts;
}
