/**
 * Cuts a plan that violates an invariant down to what matters: fewer connections, acts and faults, smaller numbers, plainer options.
 *
 * @module
 */
import { Violation } from "./invariants.ts";
import type { Plan } from "./plan.ts";

/** What a plan is made of, as JSON sees it. */
type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** The most runs that cutting one plan may take. */
const MOST_RUNS = 3_000;

/** The words that are plainer than others in their place. */
const PLAIN: ReadonlyMap<string, string> = new Map([
  ...["readable", "batches", "messages"].map((lane) => [`lane ${lane}`, "for await"] as const),
  ...["callbacks", "async callbacks"].map((handler) => [`handler ${handler}`, "function"] as const),
  ...["WebSocket", "WebSocketStream", "reconnecting"].map((client) => [`kind ${client}`, "connect"] as const),
]);

/** Numbers whose plainest value is not 0. */
const ROOM: Readonly<Record<string, number>> = { capacity: 65_536, handshakeTimeout: 2_000 };

/**
 * Cuts a plan for as long as it violates the same invariant.
 *
 * @param plan The plan.
 * @param violation What it violates.
 * @param run Runs a plan, and throws its violation.
 * @returns The smallest plan that was found, and its violation.
 */
export async function shrink(
  plan: Plan,
  violation: Violation,
  run: (plan: Plan) => Promise<unknown>,
): Promise<{ plan: Plan; violation: Violation }> {
  let best = { plan, violation };
  let runs = 0;
  for (let goesOn = true; goesOn && runs < MOST_RUNS;) {
    goesOn = false;
    for (const smaller of simpler(best.plan as unknown as Json)) {
      if (runs++ >= MOST_RUNS) break;
      const tried = smaller as unknown as Plan;
      const found = await violationOf(tried, run);
      if (found?.invariant !== violation.invariant) continue;
      best = { plan: tried, violation: found };
      goesOn = true;
      break;
    }
  }
  return best;
}

/** What a plan violates. One that cannot be run at all violates nothing. */
async function violationOf(plan: Plan, run: (plan: Plan) => Promise<unknown>): Promise<Violation | undefined> {
  try {
    await run(plan);
  } catch (error) {
    if (error instanceof Violation) return error;
  }
  return undefined;
}

/** Values that are a little simpler, those first that leave out most. */
function* simpler(value: Json, name = ""): Generator<Json> {
  if (Array.isArray(value)) {
    for (let i = value.length - 1; i >= 0; i--) yield value.toSpliced(i, 1);
    for (const [i, part] of value.entries()) for (const less of simpler(part, name)) yield value.with(i, less);
  } else if (typeof value === "object" && value !== null) {
    const parts = Object.entries(value);
    for (const [part, inside] of parts) {
      if (isOption(part, inside)) yield Object.fromEntries(parts.filter(([other]) => other !== part));
    }
    for (const [part, inside] of parts) for (const less of simpler(inside, part)) yield { ...value, [part]: less };
  } else if (typeof value === "number" && ROOM[name] === undefined) yield* smaller(value);
  else if (typeof value === "number" && value !== ROOM[name]) yield ROOM[name]!;
  else if (value === true) yield false;
  else if (typeof value === "string") {
    const plain = PLAIN.get(`${name} ${value}`);
    if (plain !== undefined) yield plain;
  }
}

/** What may be left out: what a plan lists as optional. */
function isOption(name: string, value: Json): boolean {
  return [
    "deflate",
    "givesUpAfter",
    "throwsAt",
    "abortsAfter",
    "leavesAt",
    "count",
    "code",
    "claims",
    "timeout",
    "fails",
    "hub",
  ]
    .includes(name) ||
    (/^(max|pong|ping|close|message|highWaterMark)/.test(name) && typeof value === "number");
}

/** Smaller numbers. The last step is a sixteenth, or a limit of 100 000 bytes would use up all runs in steps of 1. */
function* smaller(value: number): Generator<number> {
  if (value === 0) return;
  yield 0;
  const half = Math.trunc(value / 2);
  if (half !== 0) yield half;
  if (!Number.isInteger(value)) yield Math.trunc(value);
  else if (value > 1) yield value - Math.max(1, value >> 4);
}
