/**
 * Draws what an application does.
 *
 * @module
 */
import type { Chance } from "./chance.ts";
import type { Act, AppPlan, Lane } from "./plan.ts";

/** The topics of a world. */
export const TOPICS = ["news", "sport"] as const;

const LANES: readonly Lane[] = ["for await", "for await", "readable", "batches", "messages"];

/** What an application is drawn for. */
export interface AppNeeds {
  /** Its lane, where there is no choice. */
  readonly lane?: Lane | undefined;
  /** Whether it does nothing that ends a connection but to close it. */
  readonly calm: boolean;
  /** Whether all is waited for that it does with a message. */
  readonly awaited?: boolean;
  /** Whether it takes long for each message. */
  readonly slow?: boolean;
  /** Whether it answers each message; only one of two ends may. */
  readonly echoes: boolean;
  /** Whether it can send from a source, ping and abort, as a `WebSocketConnection` can. */
  readonly full: boolean;
  /** Whether there are topics, and whether they are also left: with a history, messages would come again to who joins again. */
  readonly topics?: "joined" | "left" | undefined;
}

/** Draws an application; a calm one reads all that comes, and does nothing that ends a connection but to close it. */
export function drawApp(
  chance: Chance,
  { lane, slow = false, awaited = false, calm, echoes, full, topics }: AppNeeds,
): AppPlan {
  const acts = chance.some(0, 4, () => drawAct(chance, full));
  const late = echoes && awaited && !chance.oneIn(4);
  if (topics !== undefined) {
    acts.push(
      { at: 0, do: "subscribe", topic: chance.pick(TOPICS) },
      ...chance.some(0, 4, () => drawTopicAct(chance, topics === "left")),
    );
  }
  if (chance.oneIn(3)) {
    // Many an application says something and leaves.
    const last = chance.oneIn(2) ? acts.at(-1)?.at : undefined;
    acts.push({ at: last ?? chance.below(1_500), do: "close", ...drawClose(chance) });
  }
  if (!calm && full && chance.oneIn(10)) acts.push({ at: chance.below(1_500), do: "abort" });
  return {
    lane: lane ?? (!calm && chance.oneIn(12) ? "nothing" : chance.pick(LANES)),
    pauses: late
      ? [1 + chance.below(20)]
      : slow && !calm
      ? chance.some(1, 2, () => 100 + chance.below(500))
      : drawPauses(chance, calm),
    echoes,
    ...(late ? { echoesLate: true } : {}),
    ...drawMistake(chance, calm),
    ...(!calm && full && chance.oneIn(6) ? { abortsAfter: chance.below(chance.oneIn(2) ? 3 : 100) } : {}),
    ...(!calm && lane !== "callbacks" && chance.oneIn(12) ? { leavesAt: 1 + chance.below(4) } : {}),
    acts,
  };
}

/** Draws a close code; mostly the usual one. */
export function drawClose(chance: Chance): { code?: number } {
  return chance.oneIn(2) ? {} : { code: chance.pick([1000, 1001, 3000, 4999]) };
}

/** It throws, or closes, or does both at the same message. */
function drawMistake(chance: Chance, calm: boolean): Pick<AppPlan, "throwsAt" | "throwsLate" | "closesAt"> {
  const at = 1 + chance.below(4);
  if (chance.oneIn(12)) return { closesAt: at };
  if (calm || !chance.oneIn(12)) return {};
  return { throwsAt: at, throwsLate: chance.oneIn(2), ...(chance.oneIn(3) ? { closesAt: at } : {}) };
}

function drawPauses(chance: Chance, calm: boolean): (number | null)[] {
  if (chance.oneIn(2)) return [0];
  return chance.some(1, 3, () => !calm && chance.oneIn(20) ? null : chance.below(calm ? 20 : 60));
}

function drawAct(chance: Chance, full: boolean): Act {
  const at = chance.oneIn(3) ? 0 : chance.below(1_200);
  const kind = chance.pick(["text", "binary"] as const);
  const draw = chance.below(12);
  if (full && draw === 0) return { at, do: "ping", size: chance.below(126) };
  if (full && draw === 1) {
    const chunks = chance.some(1, 5, () => Math.max(drawSize(chance), 0));
    return { at, do: "source", kind, chunks, pause: chance.oneIn(2) ? 0 : chance.below(50) };
  }
  return { at, do: "send", kind, size: drawSize(chance), count: chance.oneIn(4) ? 1 + chance.below(12) : 1 };
}

function drawTopicAct(chance: Chance, mayLeave: boolean): Act {
  const [at, topic] = [chance.below(1_200), chance.pick(TOPICS)];
  const draw = chance.below(4);
  if (draw === 0) return { at, do: "subscribe", topic };
  if (draw === 1 && mayLeave) return { at, do: "unsubscribe", topic };
  return { at, do: "publish", topic, size: chance.below(chance.oneIn(4) ? 2_000 : 60) };
}

/** A message's size: mostly small, sometimes none, or around what headers count in. */
function drawSize(chance: Chance): number {
  switch (chance.below(12)) {
    case 0:
      return -1 - chance.below(3);
    case 1:
      return 110 + chance.below(20);
    case 2:
      return chance.below(2_000);
    case 3:
      return chance.oneIn(2) ? chance.below(60) : chance.oneIn(4) ? 65_500 + chance.below(60) : 20_000;
    default:
      return chance.below(60);
  }
}
