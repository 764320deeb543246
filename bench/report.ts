/**
 * The results as Markdown.
 *
 * @module
 */
import { exponentOf, type Growth, MOST_EXPONENT } from "./growth.ts";
import { SERVERS } from "./names.ts";
import { TOO_MUCH } from "./others.ts";
import { differenceOf, isMet, ratioOf, type Result, type Spread, spread, spreadOf } from "./results.ts";
import type { Target } from "./rows.ts";

/** Writes the report; `about` says what was measured where, a line of a list for each entry. */
export function report(
  { results, curves, about }: {
    readonly results: readonly Result[];
    readonly curves: readonly Growth[];
    readonly about: readonly string[];
  },
): string {
  const all = results.flatMap(verdicts);
  const met = all.filter((each) => each).length;
  return [
    "# Results",
    `\`deno task bench\` wrote this file; [the method](../README.md) is described beside it.`,
    about.map((line) => `- ${line}`).join("\n"),
    "## Ratios",
    `${met} of ${all.length} targets are met. A ratio is the median of the rounds', with the ` +
    "least and the greatest. For memory less is better, for all else more. _By processor time_ is the same ratio from the " +
    "time on the processor for each message, which other work on the machine disturbs less.",
    table(
      ["work", "ours", "against", "ratio", "least to greatest", "by processor time", "target", "met"],
      results.flatMap(ratioLines),
    ),
    "## Numbers",
    "Medians of the rounds, and the processor time that the measured process took for each. *Busy* is the part of the time " +
    "that it was on the processor, 100 % being one core; the other end is the load generator, or for a client the " +
    "server. Where the measured process is not busy all the time, the other end or the wait between them is the limit.",
    table(
      ["work", "subject", "median", "least to greatest", "µs each", "busy", "other end busy"],
      results.flatMap(numberLines),
    ),
    ...latencies(results),
    ...growth(curves),
    ...ceiling(results),
    ...disturbed(results),
  ].join("\n\n") + "\n";
}

function verdicts(result: Result): boolean[] {
  return result.targets.filter(isJudged).flatMap((target) => isMet(result, target) ?? []);
}

function ratioLines(result: Result): string[][] {
  return result.targets.flatMap((target) => {
    const ratio = ratioOf(result, target);
    if (ratio === undefined) return [];
    const { median, least, most } = ratio;
    return [[
      result.work,
      target.ours,
      target.against,
      `${factor(median)}×`,
      `${factor(least)} to ${factor(most)}`,
      optional(ratioOf(result, { ours: target.against, against: target.ours }, "cpu"), (ratio) => `${factor(ratio)}×`),
      goal(target, result),
      !isJudged(target) ? "–" : isMet(result, target) ? "yes" : "**no**",
    ]];
  });
}

function isJudged({ atLeast, atMost, atMostMore }: Target): boolean {
  return atLeast !== undefined || atMost !== undefined || atMostMore !== undefined;
}

function goal(target: Target, result: Result): string {
  const { atLeast, atMost, atMostMore } = target;
  if (atMostMore !== undefined) {
    const more = differenceOf(result, target)?.median ?? 0;
    return `at most ${whole(atMostMore)} ${result.unit} more: ${whole(more)}`;
  }
  if (atLeast === undefined && atMost === undefined) return "–";
  const bound = atLeast === undefined ? `at most ${atMost}×` : `at least ${atLeast}×`;
  return target.byProcessorTime ? `${bound} by processor time` : bound;
}

function numberLines(result: Result): string[][] {
  return Object.keys(result.runs).flatMap((subject) => {
    const value = spreadOf(result, subject);
    if (value === undefined) return [];
    return [[
      result.work,
      subject,
      `${whole(value.median)} ${result.unit}`,
      `${whole(value.least)} to ${whole(value.most)}`,
      optional(spreadOf(result, subject, "cpu"), factor),
      optional(spreadOf(result, subject, "busy"), percent),
      optional(spreadOf(result, subject, "otherBusy"), percent),
    ]];
  });
}

/** What the load generator could do if it had its core to itself: its rate against the floor by the part of its time that took. */
function ceiling(results: readonly Result[]): string[] {
  const lines = results.flatMap((result) => {
    const rate = spreadOf(result, SERVERS.floor);
    const busy = spreadOf(result, SERVERS.floor, "otherBusy");
    if (rate === undefined || busy === undefined || busy.median === 0) return [];
    return [[result.work, whole(rate.median / busy.median), whole(rate.median)]];
  });
  if (lines.length === 0) return [];
  return [
    "## The load generator's ceiling",
    "Messages, or connections, for each second of its own processor time, and those that it drove the floor to.",
    table(["work", "ceiling", "floor"], lines),
  ];
}

function latencies(results: readonly Result[]): string[] {
  const lines = results.flatMap(({ work, runs }) =>
    Object.entries(runs).flatMap(([subject, measurements]) => {
      const all = measurements.flatMap(({ latency }) => latency ?? []);
      if (all.length === 0) return [];
      const median = (key: "rate" | "p50" | "p99" | "p999") => whole(spread(all.map((each) => each[key])).median);
      return [[work, subject, `${median("rate")} messages/s`, median("p50"), median("p99"), median("p999")]];
    })
  );
  if (lines.length === 0) return [];
  return [
    "## Latency",
    "At half of the rate that each reaches, in microseconds from when a message was due until it had come back.",
    table(["work", "subject", "rate", "p50", "p99", "p99.9"], lines),
  ];
}

function growth(curves: readonly Growth[]): string[] {
  if (curves.length === 0) return [];
  const lines = curves.map((curve) => {
    const exponent = exponentOf(curve);
    const costs = curve.sizes.map((size, at) => `${size.toLocaleString("en")}: ${whole(curve.costs[at]!)}`);
    const met = exponent <= MOST_EXPONENT ? "yes" : "**no**";
    return [curve.work, exponent.toFixed(2), `at most ${MOST_EXPONENT}`, met, costs.join(", "), curve.unit];
  });
  return [
    "## Growth",
    "What all of a size costs, [drawn](curves.svg), and its exponent over the upper half of the sizes: 1 is in proportion.",
    table(["size", "exponent", "target", "met", "costs", "unit"], lines),
  ];
}

/** The rows that another process disturbed. */
function disturbed(results: readonly Result[]): string[] {
  const lines = results.flatMap(({ work, others = 0 }) => others > TOO_MUCH ? [[work, percent(others)]] : []);
  if (lines.length === 0) return [];
  return [
    "## Disturbed",
    `Other processes took more than ${percent(TOO_MUCH)} of a core during these rows, which are worth little.`,
    table(["work", "of a core"], lines),
  ];
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = head.map(() => "---");
  return [head, rule, ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function optional(spread: Spread | undefined, format: (number: number) => string): string {
  return spread === undefined ? "–" : format(spread.median);
}

function factor(ratio: number): string {
  return ratio.toFixed(ratio < 10 ? 2 : 1);
}

function whole(number: number): string {
  return Math.round(number).toLocaleString("en");
}

function percent(part: number): string {
  return `${Math.round(part * 100)} %`;
}
