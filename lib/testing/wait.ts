/**
 * Waiting in tests: for an event with a deadline, or for a condition a turn at a time. Never for a length of time. The timers
 * are the real ones even where a test has put `fakeTime` in their place.
 *
 * When a deadline passes, the machine is measured before the test fails: on one that is three times slower, because of what else it
 * does or by itself, every deadline is three times longer.
 *
 * @module
 */
import { defer, nextTask } from "../async.ts";
import { slowness } from "./slowness.ts";

/** Far more milliseconds than anything in memory or on loopback takes. */
export const DEADLINE = 5_000;

/** How many turns {@linkcode settle} waits: five times what the longest path in memory takes, which a test counts. */
export const SETTLE_TURNS = 25;

/** Every so many turns {@linkcode settle} waits for a timer too, as what it waits for may use timers of 0 ms. */
const TURNS_PER_TIMER = 5;

const { setTimeout, clearTimeout } = globalThis;
const now = performance.now.bind(performance);

/**
 * Waits for a promise, but not for long: what hangs fails with its name. A slow machine gets more time.
 *
 * @example A promise that must resolve
 * ```ts
 * import { soon } from "@sluice/websocket/testing";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * assertEquals(await soon(Promise.resolve(1), "The number"), 1);
 * await assertRejects(() => soon(new Promise(() => {}), "The answer", 10), Error, "The answer took more than 10 ms");
 * ```
 *
 * @typeParam T What it resolves to.
 * @param promise What to wait for.
 * @param what Names what did not happen.
 * @param deadline Milliseconds of real time, on a machine that is fast and idle.
 * @returns What the promise resolves to.
 * @throws {ExpectationError} If the deadline passes.
 */
export async function soon<T>(promise: PromiseLike<T>, what: string, deadline: number = DEADLINE): Promise<T> {
  const late = defer<never>();
  const fail = () => late.reject(tooLate(what, deadline));
  let timer = setTimeout(() => timer = setTimeout(fail, allowance(deadline)), deadline);
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

/**
 * Waits many turns of the event loop, at least five times as many as the longest path of this library takes in memory: whatever
 * could happen there without more input has happened. What comes from elsewhere (a socket, a file, `crypto.subtle`, a compression stream) is not waited for: use {@linkcode soon} or {@linkcode until}.
 *
 * @example That nothing was sent
 * ```ts
 * import { connectedPair, settle } from "@sluice/websocket/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const got: unknown[] = [];
 * await using pair = await connectedPair({ handler: { message: (_, data) => void got.push(data) } });
 * await settle();
 * assertEquals(got, []);
 * await pair.client.send("hello");
 * await settle();
 * assertEquals(got, ["hello"]);
 * ```
 */
export async function settle(): Promise<void> {
  for (let turns = 1; turns <= SETTLE_TURNS; turns++) {
    await (turns % TURNS_PER_TIMER === 0 ? turn() : nextTask());
  }
}

/**
 * Waits until a condition holds, where no event says so. It is looked at once in every turn of the event loop.
 *
 * @example A counter
 * ```ts
 * import { until } from "@sluice/websocket/testing";
 *
 * let count = 0;
 * const timer = setInterval(() => count++, 1);
 * await until(() => count === 3, "The third count");
 * clearInterval(timer);
 * ```
 *
 * @param condition What must hold. It may be asynchronous.
 * @param what Names what did not happen.
 * @param deadline Milliseconds of real time, on a machine that is fast and idle.
 * @throws {ExpectationError} If the deadline passes.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  deadline: number = DEADLINE,
): Promise<void> {
  const start = now();
  let allowed = deadline;
  for (let measured = false; !await condition();) {
    if (now() - start > allowed) {
      if (measured) throw tooLate(what, deadline);
      allowed += allowance(deadline);
      measured = true;
    }
    await turn();
  }
}

/** What a deadline that has passed is short of on this machine. */
function allowance(deadline: number): number {
  return deadline * (slowness() - 1);
}

function tooLate(what: string, deadline: number): ExpectationError {
  return new ExpectationError(`${what} took more than ${deadline} ms`);
}

/** A peer did something else than was expected, or nothing in time. */
export class ExpectationError extends Error {
  /** The error's name. */
  override readonly name = "ExpectationError";
}
