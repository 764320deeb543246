/**
 * The application's side: programs of public calls, right ones and wrong ones, in whatever order and state. Whatever a program does,
 * no error is without an owner, every promise settles, nothing is left behind, every connection ends once, and connections that do
 * nothing wrong live on.
 *
 * @module
 */
import { soon } from "../_support/wait.ts";
import { Divergence, type FuzzTarget } from "./_target.ts";
import { describe, Judge } from "./application/judge.ts";
import type { Step } from "./application/hosts.ts";
import { drawSteps } from "./application/steps.ts";
import { World } from "./application/world.ts";

/** How a program went. */
export interface Outcome {
  /** What was wrong. */
  readonly findings: readonly string[];
  /** What it did. */
  readonly lines: readonly string[];
}

/** How often a program is run at most to cut it down. */
const CUTS = 150;

/** Runs a program to its end. */
export async function runSteps(steps: readonly Step[]): Promise<Outcome> {
  using judge = new Judge();
  const world = new World(judge);
  try {
    for (const step of steps) {
      const done = step.run(world);
      if (done instanceof Promise) await soon(done, step.text);
    }
  } catch (error) {
    judge.find(`a step fails: ${describe(error)}`);
  }
  await world.end();
  return judge;
}

/** What is wrong, without what differs from run to run. */
function kindOf(finding = ""): string {
  return finding.replaceAll(/#?\d+/g, "0").slice(0, 80);
}

/** Drops steps while the same thing is wrong. */
async function cutDown(steps: Step[], found: Outcome): Promise<Outcome> {
  const kind = kindOf(found.findings[0]);
  let cuts = 0;
  for (let size = Math.ceil(steps.length / 2); size >= 1 && cuts < CUTS; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = steps.length - size; at > -size && cuts < CUTS; at -= size, cuts++) {
      const shorter = steps.toSpliced(Math.max(at, 0), size);
      const outcome = await runSteps(shorter);
      if (!outcome.findings.some((finding) => kindOf(finding) === kind)) continue;
      [steps, found] = [shorter, outcome];
    }
  }
  return found;
}

/**
 * Runs a program, and cuts it down where something is wrong.
 *
 * @throws {Divergence} What it did then, and what was wrong.
 */
export async function checkSteps(steps: Step[]): Promise<void> {
  const outcome = await runSteps(steps);
  if (outcome.findings.length === 0) return;
  const { findings, lines } = await cutDown(steps, outcome);
  throw new Divergence(lines.join("\n"), new Error(findings.join("\n")));
}

/** The target. */
export const target: FuzzTarget = { name: "application", run: (random) => checkSteps(drawSteps(random)) };
