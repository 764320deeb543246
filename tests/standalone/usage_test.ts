import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { kebabCase } from "../../lib/standalone/command_line.ts";
import { OPTIONS } from "../../lib/standalone/options.ts";
import { usage } from "../../lib/standalone/usage.ts";

Deno.test("the help has a line for each option, with its default, in columns", () => {
  const lines = usage().split("\n").filter((line) => line.startsWith("  --"));
  assertEquals(
    lines.map((line) => line.split(" ")[2]).toSorted(),
    Object.keys(OPTIONS).map((name) => `--${kebabCase(name)}`).toSorted(),
  );
  const column = lines[0]!.indexOf("port; 0 chooses");
  for (const line of lines) {
    assert(line[column] !== " " && line[column - 1] === " ", line);
    assert(line.length <= 110, line);
  }
  assertStringIncludes(usage(), "(8080)");
  assertStringIncludes(usage(), "(16777216)");
});

Deno.test("the help names the unit of each limit: MS, BYTES or N", () => {
  for (const line of usage().split("\n").filter((line) => line.startsWith("  --"))) {
    const [, name = "", placeholder] = line.trim().split(/[- ]*--| +/);
    if (/-(timeout|interval)$/.test(name)) assertEquals(placeholder, "MS", line);
    if (/-bytes$/.test(name)) assertEquals(placeholder, "BYTES", line);
  }
});

Deno.test("the help begins with the usage and ends with the exit status", () => {
  assert(usage().startsWith("Usage: deno task serve [OPTION]...\n"));
  assertStringIncludes(usage().trimEnd().split("\n").at(-1)!, "Exit status: 0");
});
