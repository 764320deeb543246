/**
 * Schemas of three libraries from npm, in a process of its own and without the lock file: see `tests/node/_framework.ts`.
 *
 * @module
 */
import { MessageError } from "../../lib/errors.ts";
import { json, type StandardSchema } from "../../lib/typed/mod.ts";

// deno-lint-ignore no-explicit-any -- a package that is named at run time has no types
const load = (specifier: string): Promise<any> => import(specifier);

const { z } = await load("npm:zod@^4");
const v = await load("npm:valibot@^1");
const { type } = await load("npm:arktype@^2");

const schemas: StandardSchema[] = [
  z.object({ name: z.string(), age: z.number() }),
  v.object({ name: v.string(), age: v.number() }),
  type({ name: "string", age: "number" }),
];
for (const schema of schemas) {
  const codec = json(schema);
  const value = await codec.decode(`{"name":"Ada","age":36}`);
  let refused: unknown;
  try {
    await codec.decode(`{"name":"Ada","age":"36"}`);
  } catch (error) {
    if (error instanceof MessageError) refused = [error.closeCode, error.reason];
  }
  // deno-lint-ignore no-console -- the test reads it
  console.log(JSON.stringify({ value, refused }));
}
