/**
 * Schemas with the interface of Standard Schema, of no library.
 *
 * @module
 */
import type { SchemaResult, StandardSchema } from "../../lib/typed/mod.ts";

/** Makes a schema of what validates. */
export function schema<Input, Output>(
  validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>,
): StandardSchema<Input, Output> {
  return { "~standard": { version: 1, vendor: "test", validate } };
}

/** `{ n: number }`, which becomes `{ n: bigint }`. */
export const COUNT = schema<{ n: number }, { n: bigint }>((value) =>
  typeof value === "object" && value !== null && "n" in value && Number.isInteger(value.n)
    ? { value: { n: BigInt(Number(value.n)) } }
    : { issues: [{ message: "Expected a whole number", path: ["n"] }] }
);

/** The same, later. */
export const LATE_COUNT = schema<{ n: number }, { n: bigint }>(async (value) => {
  await Promise.resolve();
  return COUNT["~standard"].validate(value);
});
