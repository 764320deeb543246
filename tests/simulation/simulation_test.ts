import { assertEquals } from "@std/assert";
import { draw } from "./draw.ts";
import { readFound } from "./found.ts";
import { Violation } from "./invariants.ts";
import { isKnown } from "./known.ts";
import type { Plan } from "./plan.ts";
import { run } from "./run.ts";
import { Stage } from "./stage.ts";
import { Trace } from "./trace.ts";

const SEEDS = 2_000;

/** The first seed: `SEED` where it is set, else one that is new each day. */
function firstSeed(): bigint {
  const given = Deno.env.get("SEED");
  return given === undefined ? BigInt(Math.floor(Date.now() / 86_400_000)) * 1_000_000n : BigInt(given);
}

/** Runs a plan; a violation of a fault that is known is none. */
async function runs(plan: Plan, stage: Stage, trace?: Trace): Promise<void> {
  try {
    await run(plan, stage, trace);
  } catch (error) {
    if (!(error instanceof Violation && isKnown(error))) throw error;
  }
}

Deno.test(`no invariant is violated in ${SEEDS} simulated worlds, with other seeds each day`, async () => {
  using stage = new Stage();
  const first = firstSeed();
  for (let seed = first; seed < first + BigInt(SEEDS); seed++) {
    try {
      await runs(draw(seed), stage);
    } catch (error) {
      throw new Error(`SEED=${seed}: deno task simulate --seeds 1 --from ${seed} --trace shows what happens`, {
        cause: error,
      });
    }
  }
});

for (const [name, { fault, plan }] of readFound()) {
  Deno.test(`a fault that was found once stays fixed: ${fault} (${name})`, async () => {
    using stage = new Stage();
    await runs(plan, stage);
  });
}

Deno.test("the same seed gives the same trace, byte for byte, whatever was simulated before", async () => {
  using stage = new Stage();
  const first = firstSeed();
  const seeds = Array.from({ length: 60 }, (_, i) => first + BigInt(i));
  const before = new Map<bigint, readonly string[]>();
  // Forwards, and in another order: 7 and 60 have no factor in common.
  for (const seed of [...seeds, ...seeds.map((_, i) => seeds[7 * i % seeds.length]!)]) {
    const trace = new Trace(true);
    await runs(draw(seed), stage, trace);
    const lines = [...trace.lines ?? [], String(trace.digest)];
    assertEquals(lines, before.get(seed) ?? lines, `SEED=${seed}`);
    before.set(seed, lines);
  }
});

Deno.test("only one world exists at a time, and afterwards clock, timers, randomness and the network are the real ones again", async () => {
  const real = [
    globalThis.setTimeout,
    performance.now,
    Date.now,
    Math.random,
    crypto.getRandomValues,
    crypto.subtle.digest,
    Deno.connect,
  ];
  {
    using stage = new Stage();
    await runs(draw(1n), stage);
  }
  assertEquals(
    [
      globalThis.setTimeout,
      performance.now,
      Date.now,
      Math.random,
      crypto.getRandomValues,
      crypto.subtle.digest,
      Deno.connect,
    ],
    real,
  );
});
