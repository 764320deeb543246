/**
 * How costs grow with sizes: what is twice as large may cost twice as much, and no more.
 *
 * @module
 */

/** The greatest exponent: 1 is in proportion, and the rest is the measurement's. */
export const MOST_EXPONENT = 1.05;

/** The costs of several sizes. */
export interface Growth {
  readonly work: string;
  /** What a cost is. */
  readonly unit: "µs of processor time" | "bytes";
  readonly sizes: readonly number[];
  /** What all of each size cost. */
  readonly costs: readonly number[];
}

/** The exponent of the upper half of the sizes, by least squares of the logarithms: below it what is fixed hides what grows. */
export function exponentOf({ sizes, costs }: Pick<Growth, "sizes" | "costs">): number {
  const points = sizes.map((size, at) => [Math.log(size), Math.log(costs[at]!)] as const).slice(sizes.length >> 1);
  if (points.length < 2) throw new RangeError("An exponent takes three sizes");
  const mean = (of: 0 | 1) => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const covariance = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);
  return covariance / points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
}
