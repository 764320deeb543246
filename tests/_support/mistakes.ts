/**
 * Mistakes at a call: whatever takes options is called with an unknown one, and with each of its own in a value of another kind.
 *
 * @module
 */
import { assert, assertRejects } from "@std/assert";
import type { Kind } from "../../lib/option_kinds.ts";

/** A call that takes options, and what it takes. */
export interface Taking {
  /** As errors name it. */
  readonly call: string;
  /** What it takes. */
  readonly kinds: object;
  /** Options without which it cannot be called. */
  readonly needed?: object;
  /** Calls it: it throws, or rejects. */
  // deno-lint-ignore no-explicit-any -- a call in JavaScript
  invoke(options: any): unknown;
}

const NUMBERS = [NaN, -1, 0.5, -Infinity, "1", 1n];

/** Asserts that every invalid option throws at the call, with the name of the option. */
export async function assertMistakes({ call, kinds, needed = {}, invoke }: Taking): Promise<void> {
  const fails = (options: object, says: string) =>
    assertRejects(
      async () => void await invoke({ ...needed, ...options }),
      Error,
      says,
      JSON.stringify(Object.keys(options)),
    );
  await fails({ nonsense: 1 }, `${call} has no option "nonsense"`);
  await assertRejects(async () => void await invoke(null), TypeError);
  for (const [name, { takes }] of Object.entries<Kind>({ ...kinds })) {
    if (takes === "anything") continue;
    const values: unknown[] = takes.startsWith("a whole number") ? [...NUMBERS] : [Symbol("wrong")];
    if (takes.includes("in milliseconds")) values.push(2 ** 31);
    if (!takes.includes("Infinity") && takes.startsWith("a whole number")) values.push(Infinity);
    for (const value of values) {
      const error = await fails({ [name]: value }, name);
      assert(error instanceof TypeError || error instanceof RangeError, `${call} ${name}: ${error}`);
    }
  }
}
