/**
 * Standard Schema, version 1: the interface that Zod, Valibot, ArkType and others share (https://standardschema.dev).
 *
 * @module
 */
import { isObject, type Kind, kind } from "../option_kinds.ts";

/**
 * A schema of any library that has Standard Schema's interface.
 *
 * @typeParam Input What goes in.
 * @typeParam Output What comes out: the same, or what the schema makes of it.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The interface. */
  readonly "~standard": StandardSchemaProps<Input, Output>;
}

/** What stands behind `~standard`. */
export interface StandardSchemaProps<Input, Output> {
  /** The version of the interface. */
  readonly version: 1;
  /** The library. */
  readonly vendor: string;
  /** Validates a value. */
  readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  /** The types, for the compiler alone. */
  readonly types?: { readonly input: Input; readonly output: Output } | undefined;
}

/** The value, or what is wrong. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  /** What is wrong, in words. */
  readonly message: string;
  /** Where in the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The type that a schema takes. */
export type SchemaInput<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>["input"];

/** The type that a schema gives. */
export type SchemaOutput<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>["output"];

/** A schema: an object of most libraries, a function of ArkType's. */
export const STANDARD_SCHEMA: Kind = kind("a schema with the interface of Standard Schema 1", isStandardSchema);

function isStandardSchema(value: unknown): boolean {
  if (!isObject(value) && typeof value !== "function") return false;
  const props: unknown = Reflect.get(value, "~standard");
  return isObject(props) && "version" in props && props.version === 1 && "validate" in props &&
    typeof props.validate === "function";
}

/** The first issue in words: `user.name: Expected a string`. Keys that the peer chose are cut and quoted. */
export function describeIssue([issue]: readonly SchemaIssue[]): string {
  if (issue === undefined) return "no reason given";
  const path = issue.path?.map((part) => keyOf(typeof part === "object" ? part.key : part)).join(".");
  return path === undefined || path === "" ? issue.message : `${path}: ${issue.message}`;
}

function keyOf(key: PropertyKey): string {
  const text = String(key);
  return /^\w{1,40}$/.test(text) ? text : JSON.stringify(text.slice(0, 40));
}
