/**
 * `deno task ok`: checks what the changes since `main` touch, in a minute or two. With `--all`, or where everything may be touched,
 * it checks all that CI checks.
 *
 * @module
 */

/** Tests that look at the whole tree, and are quick. */
const ALWAYS = ["architecture", "language", "links", "rows", "api_reference", "limits", "readme", "release", "docs"];

/** The tests of changed files, below the root. `undefined` if the changes may touch everything. */
export function testsFor(changed: readonly string[]): string[] | undefined {
  const tests = new Set(ALWAYS.map((name) => `tests/${name}_test.ts`));
  for (const path of changed) {
    const [top, folder = ""] = path.split("/");
    if (/^(?:deno\.json|\.ci\/|tests\/_support\/|links\/)/.test(path)) return undefined;
    if (top === "lib" && path.split("/").length === 2) return undefined; // everything stands on these
    else if (top === "lib") tests.add(`tests/${folder}`);
    else if (top === "examples" || top === "bench") tests.add(`tests/${top}`);
    else if (path.endsWith("_test.ts")) tests.add(path);
    else if (top === "tests" && folder !== "README.md") tests.add(`tests/${folder}`);
  }
  return [...tests].filter((path) => ![...tests].some((other) => path.startsWith(`${other}/`))).toSorted();
}

async function run(command: string, ...args: string[]): Promise<void> {
  // deno-lint-ignore no-console -- it shows what it does
  console.log(`\n== ${command} ${args.join(" ")}`);
  const { code } = await new Deno.Command(command, { args, stdin: "inherit" }).spawn().status;
  if (code !== 0) Deno.exit(code);
}

async function lines(...args: string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command("git", { args }).output();
  return new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "");
}

if (import.meta.main) {
  const changed = [
    ...await lines("diff", "--name-only", "main"),
    ...await lines("ls-files", "-o", "--exclude-standard"),
  ];
  const tests = Deno.args.includes("--all") || changed.length === 0 ? undefined : testsFor(changed);
  if (tests === undefined) {
    await run("bash", ".ci/run");
  } else {
    await run("deno", "fmt", "--check");
    await run("deno", "lint");
    await run("deno", "check", "mod.ts", "lib", "tests", "examples", "bench");
    await run("deno", "test", "--no-prompt", "--no-check", "--lock=tests/deno.lock", "--allow-all", ...tests);
  }
}
