/**
 * Waiting in tests: for an event with a timeout, or for a condition in each turn of the event loop, but never for a fixed time.
 * The timers are the real ones even if a test has installed `fakeTime`.
 *
 * When a timeout passes, the speed of the machine is measured before the test fails. On a machine that is three times slower, for
 * whatever reason, every timeout is three times longer.
 *
 * @module
 */
import { defer, nextTask } from "../async.ts";
import { slowness } from "./slowness.ts";

/** Far longer, in milliseconds, than anything in memory or on loopback takes. */
export const DEADLINE = 5_000;

/** How many turns {@linkcode settle} waits: five times as many as the longest path in memory takes, which a test counts. */
export const SETTLE_TURNS = 25;

/** After this many turns, {@linkcode settle} also waits for a timer, because the code under test may use timers of 0 ms. */
const TURNS_PER_TIMER = 5;

const { setTimeout, clearTimeout } = globalThis;
const now = performance.now.bind(performance);

/**
 * Waits for a promise for a limited time. A promise that hangs fails the test with a name. A slow machine gets more time.
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
 * @typeParam T The type of the result.
 * @param promise The promise to wait for.
 * @param what The name of what did not happen, for the error.
 * @param deadline Milliseconds of real time, on a fast and idle machine.
 * @returns The result of the promise.
 * @throws {ExpectationError} If the timeout passes.
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

/** Waits for one turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/**
 * Waits many turns of the event loop, at least five times as many as the longest path of this library takes in memory. Everything
 * that can happen in memory without more input has then happened. It does not wait for anything else (a socket, a file,
 * `crypto.subtle`, a compression stream): use {@linkcode soon} or {@linkcode until} for these.
 *
 * @example Check that nothing was sent
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
 * Waits until a condition is true, if there is no event to wait for. The condition is checked in every turn of the event loop.
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
 * @param condition The condition. It may be asynchronous.
 * @param what The name of what did not happen, for the error.
 * @param deadline Milliseconds of real time, on a fast and idle machine.
 * @throws {ExpectationError} If the timeout passes.
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

/** Returns how much longer a timeout must be on this machine. */
function allowance(deadline: number): number {
  return deadline * (slowness() - 1);
}

function tooLate(what: string, deadline: number): ExpectationError {
  return new ExpectationError(`${what} took more than ${deadline} ms`);
}

/** A peer did something unexpected, or nothing in time. */
export class ExpectationError extends Error {
  /** The error's name. */
  override readonly name = "ExpectationError";
}
