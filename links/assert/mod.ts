/**
 * `@std/assert` from npm's `deno-std`, with types for what this repository uses. See `links/README.md`.
 *
 * @module
 */
import { assert as check } from "npm:deno-std@1.4.0/assert/assert.js";
import { assertExists as exists } from "npm:deno-std@1.4.0/assert/exists.js";
import { assertInstanceOf as instanceOf } from "npm:deno-std@1.4.0/assert/instance_of.js";

export { AssertionError } from "npm:deno-std@1.4.0/assert/assertion_error.js";

/** A class, abstract or not. */
// deno-lint-ignore no-explicit-any -- a constructor's arguments do not matter here, and only `any` says so
export type AnyConstructor<T> = abstract new (...args: any[]) => T;

/** Asserts that `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  check(expr, msg);
}

/** Asserts that `actual` is neither `null` nor `undefined`. */
export function assertExists<T>(actual: T, msg?: string): asserts actual is NonNullable<T> {
  exists(actual, msg);
}

/** Asserts that `actual` is an instance of `expected`. */
export function assertInstanceOf<T>(actual: unknown, expected: AnyConstructor<T>, msg?: string): asserts actual is T {
  instanceOf(actual, expected, msg);
}

export {
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  fail,
} from "./untyped.ts";
