import { assertEquals } from "@std/assert";
import { SYSTEMS } from "./_support/systems.ts";
import { readmeWithRows, ROWS, titlesByRow } from "./_support/rows.ts";

Deno.test("every row of the fault tables is named by a test", () => {
  const titles = titlesByRow();
  assertEquals(Object.keys(ROWS).filter((row) => !titles.has(row)), []);
});

Deno.test("no test names a row that is not in the tables", () => {
  assertEquals([...titlesByRow().keys()].filter((row) => !(row in ROWS)), []);
});

Deno.test("every item of the five earlier systems has an existing test", () => {
  const missing = SYSTEMS.filter(({ file, title }) =>
    title === "" || !Deno.readTextFileSync(new URL(file, import.meta.url)).includes(title)
  );
  assertEquals(missing, []);
});

Deno.test("tests/README.md matches the rows: `deno task rows` writes it", () => {
  assertEquals(Deno.readTextFileSync(new URL("README.md", import.meta.url)), readmeWithRows());
});
