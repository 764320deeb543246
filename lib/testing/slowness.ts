/**
 * How slow the machine is at the moment: deadlines of tests allow for it.
 *
 * @module
 */

/** Steps of the work below that a core does in a millisecond where the deadlines were chosen: one of an AMD EPYC, idle. */
const REFERENCE = 400_000;

/** Milliseconds of work. Less says little: a scheduler lets a process that has just slept go first. */
const WORK = 300;

/** No test waits longer than so many times its deadline. */
const MOST = 10;

/** What came of the work: a compiler leaves out work that has no result. */
export let result = 0;

const realTime = performance.now.bind(performance);

/**
 * Measures how many times slower this machine is, with all that runs on it now, than the one on which the deadlines were chosen.
 *
 * @param now The clock: real time.
 * @returns A number from 1 to 10. It takes a third of a second to find out.
 */
export function slowness(now: () => number = realTime): number {
  const start = now();
  let steps = 0;
  let hash = 0;
  do {
    for (let step = 0; step < REFERENCE; step++) hash = Math.imul(hash ^ step, 0x01000193);
    steps += REFERENCE;
  } while (now() - start < WORK);
  result = hash;
  return Math.min(Math.max(REFERENCE * (now() - start) / steps, 1), MOST);
}
