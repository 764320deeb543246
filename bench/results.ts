/**
 * What the runs of a row add up to: medians, and ratios of runs of the same round.
 *
 * @module
 */
import type { Comparison, Row, Target } from "./rows.ts";
import type { Measurement } from "./stopwatch.ts";

/** A row and its measurements: of each subject one for each round, in the order of the rounds. */
export interface Result extends Pick<Row, "work" | "unit" | "targets" | "charted"> {
  readonly runs: Readonly<Record<string, readonly Measurement[]>>;
  /** What other processes took of the processor meanwhile: 1 is one core. */
  readonly others?: number;
}

/** The middle and the ends of some numbers. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** The spread of at least one number. */
export function spread(numbers: readonly number[]): Spread {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle]!;
  const median = sorted.length % 2 === 1 ? upper : (sorted[middle - 1]! + upper) / 2;
  return { median, least: sorted[0]!, most: sorted.at(-1)! };
}

/** What a measurement has one number of. */
export type NumberKey = Exclude<keyof Measurement, "latency">;

/** The spread of a subject's values, or of another number of its measurements; `undefined` where that was not measured. */
export function spreadOf(result: Result, subject: string, key: NumberKey = "value"): Spread | undefined {
  const numbers = result.runs[subject]?.map((run) => run[key]).filter((number) => number !== undefined) ?? [];
  return numbers.length === 0 ? undefined : spread(numbers);
}

/** How a subject compares with another one: each round gives one ratio, so that what slows a round slows both. */
export function ratioOf(
  { runs }: Result,
  { ours, against }: Comparison,
  key: NumberKey = "value",
): Spread | undefined {
  const theirs = runs[against];
  const ratios = runs[ours]?.flatMap((run, round) => {
    const [ourNumber, theirNumber] = [run[key], theirs?.[round]?.[key]];
    return ourNumber === undefined || !theirNumber ? [] : [ourNumber / theirNumber];
  }) ?? [];
  return ratios.length === 0 ? undefined : spread(ratios);
}

/** What a target judges: the ratio of the values, or that of the processor times the other way round, so that more is better. */
export function judgedRatio(result: Result, target: Target): Spread | undefined {
  const { ours, against, byProcessorTime = false } = target;
  return byProcessorTime ? ratioOf(result, { ours: against, against: ours }, "cpu") : ratioOf(result, target);
}

/** How many more a subject's value is than another's, round by round. */
export function differenceOf({ runs }: Result, { ours, against }: Comparison): Spread | undefined {
  const theirs = runs[against];
  const differences = runs[ours]?.flatMap(({ value }, round) => {
    const other = theirs?.[round]?.value;
    return other === undefined ? [] : [value - other];
  }) ?? [];
  return differences.length === 0 ? undefined : spread(differences);
}

/** Whether the median ratio, or the difference where that is judged, is what it must be; `undefined` where nothing was measured. */
export function isMet(result: Result, target: Target): boolean | undefined {
  const { atLeast = -Infinity, atMost = Infinity, atMostMore } = target;
  const median = (atMostMore === undefined ? judgedRatio(result, target) : differenceOf(result, target))?.median;
  if (median === undefined) return undefined;
  return atMostMore === undefined ? median >= atLeast && median <= atMost : median <= atMostMore;
}
