import { assertEquals, assertNotEquals } from "@std/assert";
import { MUTANTS, mutate } from "./mutant_list.ts";

Deno.test("each of 30 mutants still changes one line of the library: `deno task mutants` runs them", () => {
  assertEquals(MUTANTS.length, 30);
  for (const mutant of MUTANTS) {
    const source = Deno.readTextFileSync(new URL(`../../lib/${mutant.file}`, import.meta.url));
    assertNotEquals(mutate(source, mutant), source);
  }
});
