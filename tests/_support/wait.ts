/**
 * Waiting in tests: for an event with a deadline, or for a condition a turn at a time. Never for a length of time. The timers
 * are the real ones even where a test has put `FakeTime` in their place.
 *
 * @module
 */

/** Far more than anything here takes on a slow machine. */
const DEADLINE = 5_000;

const { setTimeout, clearTimeout } = globalThis;
const now = performance.now.bind(performance);

/** Waits for `promise`, but not for long. `what` names what did not happen. */
export async function soon<T>(promise: PromiseLike<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${what} took more than ${DEADLINE} ms`)), DEADLINE);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Several turns: whatever could happen in memory without more input has happened. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await turn();
}

/** Waits until `condition` holds, for what nobody announces. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = now() + DEADLINE;
  while (!condition()) {
    if (now() > end) throw new Error(`${what} took more than ${DEADLINE} ms`);
    await turn();
  }
}
