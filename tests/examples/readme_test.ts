import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const EXAMPLES = new URL("../../examples/", import.meta.url);
const README = Deno.readTextFileSync(new URL("README.md", EXAMPLES));

Deno.test("examples/README.md has a row for each example, and for nothing else", () => {
  const linked = [...README.matchAll(/^\| \[([^\]]+)\]\(([^)]+)\)/gm)].map(([, name, path]) => {
    assertEquals(name, path);
    assert(Deno.statSync(new URL(path!, EXAMPLES)), path);
    return path!.split("/")[0]!;
  });
  const entries = Array.from(Deno.readDirSync(EXAMPLES), ({ name }) => name).filter((name) => name !== "README.md");
  assertEquals([...new Set(linked)].sort(), entries.sort());
});

Deno.test("examples/README.md starts each program with the command in its first lines", () => {
  const commands = [...README.matchAll(/`(deno run [^`]*?(examples\/\S+\.[jt]s))/g)];
  assert(commands.length > 10);
  for (const [, command, path] of commands) {
    // A command may go over two lines there.
    const head = Deno.readTextFileSync(new URL(`../${path}`, EXAMPLES)).replace(/ \\\n\/\/ +/g, " ");
    assertStringIncludes(head, command!, path);
  }
});
