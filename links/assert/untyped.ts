import { assertEquals as equals } from "npm:deno-std@1.4.0/assert/equals.js";
import { assertNotEquals as notEquals } from "npm:deno-std@1.4.0/assert/not_equals.js";
import { assertStrictEquals as strictEquals } from "npm:deno-std@1.4.0/assert/strict_equals.js";
import { assertNotStrictEquals as notStrictEquals } from "npm:deno-std@1.4.0/assert/not_strict_equals.js";
import { assertGreater as greater } from "npm:deno-std@1.4.0/assert/greater.js";
import { assertGreaterOrEqual as greaterOrEqual } from "npm:deno-std@1.4.0/assert/greater_or_equal.js";
import { assertLess as less } from "npm:deno-std@1.4.0/assert/less.js";
import { assertLessOrEqual as lessOrEqual } from "npm:deno-std@1.4.0/assert/less_or_equal.js";
import { assertMatch as match } from "npm:deno-std@1.4.0/assert/match.js";
import { assertStringIncludes as stringIncludes } from "npm:deno-std@1.4.0/assert/string_includes.js";
import { assertThrows as throws } from "npm:deno-std@1.4.0/assert/throws.js";
import { assertRejects as rejects } from "npm:deno-std@1.4.0/assert/rejects.js";
import { fail as failNow } from "npm:deno-std@1.4.0/assert/fail.js";
import type { AnyConstructor } from "./mod.ts";

/** Asserts that both are deeply equal. */
export const assertEquals: <T>(actual: T, expected: T, msg?: string) => void = equals;
/** Asserts that the two are not deeply equal. */
export const assertNotEquals: <T>(actual: T, expected: T, msg?: string) => void = notEquals;
/** Asserts that both are the same value. */
export const assertStrictEquals: <T>(actual: unknown, expected: T, msg?: string) => asserts actual is T = strictEquals;
/** Asserts that the two are not the same value. */
export const assertNotStrictEquals: <T>(actual: T, expected: T, msg?: string) => void = notStrictEquals;
/** Asserts that `actual > expected`. */
export const assertGreater: <T>(actual: T, expected: T, msg?: string) => void = greater;
/** Asserts that `actual >= expected`. */
export const assertGreaterOrEqual: <T>(actual: T, expected: T, msg?: string) => void = greaterOrEqual;
/** Asserts that `actual < expected`. */
export const assertLess: <T>(actual: T, expected: T, msg?: string) => void = less;
/** Asserts that `actual <= expected`. */
export const assertLessOrEqual: <T>(actual: T, expected: T, msg?: string) => void = lessOrEqual;
/** Asserts that `actual` matches `expected`. */
export const assertMatch: (actual: string, expected: RegExp, msg?: string) => void = match;
/** Asserts that `actual` contains `expected`. */
export const assertStringIncludes: (actual: string, expected: string, msg?: string) => void = stringIncludes;
/** Asserts that the call throws, an `ErrorClass` with `msgIncludes` where given, and returns what it threw. */
export const assertThrows: <E extends Error = Error>(
  fn: () => unknown,
  ErrorClass?: AnyConstructor<E>,
  msgIncludes?: string,
  msg?: string,
) => E = throws;
/** Asserts that the promise rejects, with an `ErrorClass` with `msgIncludes` where given, and resolves to the reason. */
export const assertRejects: <E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass?: AnyConstructor<E>,
  msgIncludes?: string,
  msg?: string,
) => Promise<E> = rejects;
/** Fails. */
export const fail: (msg?: string) => never = failNow;
