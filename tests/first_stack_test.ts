import { assertEquals, assertStringIncludes } from "@std/assert";
import { read } from "./_support/docs.ts";
import { unless } from "./_support/needs.ts";

const NO_LIMIT = Deno.build.os === "linux" ? undefined : "it needs ulimit";

/** Asks an error for its stack when no file descriptor is free. In its first second Deno itself needs some, for its signals. */
const PROGRAM = `
await new Promise((resolve) => setTimeout(resolve, 1_200));
const files = [];
for (;;) {
  try {
    files.push(Deno.openSync("/dev/null"));
  } catch {
    break;
  }
}
const { stack } = new Error("late");
for (const file of files) file.close();
Deno.stdout.writeSync(new TextEncoder().encode(stack));
`;

/** Runs the program with few file descriptors, after a call. The module is in the same file: loading another one may hide the fault. */
async function run(call: string): Promise<{ success: boolean; printed: string }> {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(path, `${read("lib/first_stack.ts")}${call}${PROGRAM}`);
  const { success, stdout } = await new Deno.Command("bash", {
    args: ["-c", `ulimit -n 60; exec '${Deno.execPath()}' run --quiet --no-check --allow-read '${path}'`],
    env: { DENO_NO_UPDATE_CHECK: "1" },
    stderr: "null",
  }).output();
  await Deno.remove(path);
  return { success, printed: new TextDecoder().decode(stdout) };
}

Deno.test({
  ...unless(
    NO_LIMIT,
    "a stack trace needs no file descriptor once the first one was made, and ends Deno if it was not",
  ),
  async fn() {
    const [made, late] = await Promise.all([run("makeFirstStack();"), run("")]);
    assertStringIncludes(made.printed, "Error: late");
    assertEquals(late, { success: false, printed: "" }, "Deno has changed: makeFirstStack() can go");
  },
});
