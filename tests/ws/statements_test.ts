import { assert, assertEquals } from "@std/assert";
import { read } from "../_support/docs.ts";
import { page, statements } from "./_statements.ts";

Deno.test("docs/reference/ws.md lists every statement of the tests, with the count of passing ones: `deno task docs:ws` writes it", () => {
  assertEquals(read("docs/reference/ws.md"), page());
});

Deno.test("every call of statement and differs is found", () => {
  const calls = Array.from(Deno.readDirSync(new URL(".", import.meta.url)), ({ name }) => name)
    .filter((name) => name.endsWith("_test.ts"))
    .flatMap((name) => read(`tests/ws/${name}`).match(/^(statement|differs)\(/gm) ?? []);
  assertEquals(statements().length, calls.length);
  assert(calls.length > 80);
});
