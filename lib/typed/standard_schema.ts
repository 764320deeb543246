/**
 * Standard Schema, version 1: the interface that Zod, Valibot, ArkType and others share (https://standardschema.dev).
 *
 * @module
 */
import { isObject, type Kind, kind } from "../option_kinds.ts";

/**
 * A schema of any library that implements Standard Schema.
 *
 * @typeParam Input The input type.
 * @typeParam Output The output type, which may differ if the schema transforms values.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** The interface. */
  readonly "~standard": StandardSchemaProps<Input, Output>;
}

/** The property `~standard` of a schema. */
export interface StandardSchemaProps<Input, Output> {
  /** The version of the interface. */
  readonly version: 1;
  /** The library. */
  readonly vendor: string;
  /** Validates a value. */
  readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  /** The types, for the compiler only. */
  readonly types?: { readonly input: Input; readonly output: Output } | undefined;
}

/** The value, or what is wrong. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with a value. */
export interface SchemaIssue {
  /** The description of the problem. */
  readonly message: string;
  /** The path to it in the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The input type of a schema. */
export type SchemaInput<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>["input"];

/** The output type of a schema. */
export type SchemaOutput<Schema extends StandardSchema> = NonNullable<Schema["~standard"]["types"]>["output"];

/** The check for a schema: an object in most libraries, a function in ArkType. */
export const STANDARD_SCHEMA: Kind = kind("a schema with the interface of Standard Schema 1", isStandardSchema);

function isStandardSchema(value: unknown): boolean {
  if (!isObject(value) && typeof value !== "function") return false;
  const props: unknown = Reflect.get(value, "~standard");
  return isObject(props) && "version" in props && props.version === 1 && "validate" in props &&
    typeof props.validate === "function";
}

/** Describes the first issue: `user.name: Expected a string`. Keys that the peer chose are shortened and quoted. */
export function describeIssue([issue]: readonly SchemaIssue[]): string {
  if (issue === undefined) return "no reason given";
  const path = issue.path?.map((part) => keyOf(typeof part === "object" ? part.key : part)).join(".");
  return path === undefined || path === "" ? issue.message : `${path}: ${issue.message}`;
}

function keyOf(key: PropertyKey): string {
  const text = String(key);
  return /^\w{1,40}$/.test(text) ? text : JSON.stringify(text.slice(0, 40));
}
