import { assertEquals } from "@std/assert";
import { testsFor } from "./_support/ok.ts";

const added = (...changed: string[]) => testsFor(changed)?.filter((path) => !testsFor([])!.includes(path));

Deno.test("deno task ok runs the tests of the changed folders, and the quick tests of the whole tree", () => {
  assertEquals(added("lib/hub/hub.ts", "docs/tutorial.md"), ["tests/hub"]);
  assertEquals(added("tests/client/connect_test.ts"), ["tests/client/connect_test.ts"]);
  assertEquals(added("tests/client/connect_test.ts", "lib/client/connect.ts"), ["tests/client"]);
  assertEquals(added("examples/chat/page.html", "bench/rows.ts", "tests/hub/_brokers.ts"), [
    "tests/bench",
    "tests/examples",
    "tests/hub",
  ]);
  for (const path of testsFor([])!) assertEquals(Deno.statSync(path).isFile, true, path);
});

Deno.test("deno task ok runs everything if a change may affect everything", () => {
  for (const path of ["deno.json", ".ci/run", "lib/errors.ts", "tests/_support/wait.ts"]) {
    assertEquals(testsFor(["lib/hub/hub.ts", path]), undefined, path);
  }
});
