/**
 * Measures how slow the machine is at the moment. The timeouts of tests are extended accordingly.
 *
 * @module
 */

/**
 * The steps of the work below that one core does per millisecond on the machine for which the timeouts were chosen, an idle AMD
 * EPYC.
 */
const REFERENCE = 400_000;

/** Milliseconds of work. A shorter time says little, because a scheduler prefers a process that has just slept. */
const WORK = 300;

/** No test waits longer than this many times its timeout. */
const MOST = 10;

/** The result of the work. A compiler would remove work without a result. */
export let result = 0;

const realTime = performance.now.bind(performance);

/**
 * Measures how many times slower this machine is, under its present load, than the one for which the timeouts were chosen.
 *
 * @param now The clock: real time.
 * @returns A number from 1 to 10. Measuring takes a third of a second.
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
