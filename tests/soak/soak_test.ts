import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { denoOutput } from "../_support/child.ts";
import { emptyTally, judge, type Outcome } from "./_tally.ts";

const SOAK = ["run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-run", "tests/soak/main.ts"];

Deno.test("a soak of 3 s with 40 connections loses nothing, keeps memory flat and leaves no connection behind", async () => {
  const { code, stdout, stderr } = await denoOutput(...SOAK, "--seconds", "3", "--connections", "40");
  assertEquals(stderr, "");
  assertStringIncludes(stdout, "\npassed: nothing lost, memory flat, nobody left\n");
  assertMatch(
    stdout,
    /\nmessages: \d{3,} sent, \d{3,} echoed, \d+ given up by clients that dropped out, 0 lost, 0 wrong/,
  );
  assertEquals(code, 0);
});

for (const flags of [[], ["--deflate"]]) {
  Deno.test(
    `a message of 64 MiB comes back whole through both sides in bounded memory ${flags.join()}`.trimEnd(),
    async () => {
      const { code, stdout, stderr } = await denoOutput(...SOAK, "--big", "--size", "64", ...flags);
      assertEquals(stderr, "");
      assertStringIncludes(stdout, "passed: every byte came back, in bounded memory\n", stdout);
      assertEquals(code, 0);
    },
  );
}

Deno.test("an unknown option or a bad value of the soak is one line that names it and exit code 2", async () => {
  for (
    const [args, named] of [
      [["--second", "1"], "--second"],
      [["--connections", "0"], "--connections 0"],
      [["--big", "--size", "x"], "--size x"],
    ] as const
  ) {
    const { code, stderr } = await denoOutput(...SOAK, ...args);
    assertEquals(code, 2);
    assertMatch(stderr, /^soak: [^\n]+\n$/);
    assertStringIncludes(stderr, named);
  }
});

const MiB = 1024 * 1024;

/** A soak in which all is well, but for what is given. */
function outcome(tally: Partial<Outcome["tally"]> = {}, rest: Partial<Outcome> = {}): Outcome {
  return {
    tally: { ...emptyTally(), sent: 10, echoed: 7, abandoned: 3, ...tally },
    warm: 64 * MiB,
    end: 144 * MiB,
    left: 0,
    faults: {},
    code: 0,
    ...rest,
  };
}

Deno.test("the check passes if every message is accounted for and memory grew by no more than noise", () => {
  assertEquals(judge(outcome()), []);
});

Deno.test("the check names what is wrong", () => {
  const cases: [Outcome, string][] = [
    [outcome({ lost: 2, echoed: 5 }), "2 messages were lost"],
    [outcome({ wrong: 1, echoed: 6 }), "1 echoes were wrong"],
    [outcome({ echoed: 6 }), "not every message is accounted for"],
    [outcome({ sent: 0, echoed: 0, abandoned: 0 }), "no message was sent"],
    [outcome({}, { end: 144 * MiB + 1 }), "memory is not flat: 144.0 MiB at the end is more than 144.0 MiB"],
    [outcome({}, { left: 1 }), "the server still has 1 connections"],
    [outcome({}, { faults: { oops: 2 } }), 'the server reported faults of its own: {"oops":2}'],
    [outcome({}, { code: 1 }), "the server ended with exit code 1"],
  ];
  for (const [given, complaint] of cases) assertEquals(judge(given), [complaint]);
});
