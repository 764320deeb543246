/**
 * A release can be made: the changelog has the version, and the workflow publishes it with no more rights than that takes.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { read } from "./_support/docs.ts";

const { version }: { version: string } = JSON.parse(read("deno.json"));

Deno.test("the changelog has a dated heading for the version of deno.json, and no section without an entry", () => {
  const text = read("CHANGELOG.md");
  const headings = Array.from(text.matchAll(/^## (.*)$/gm), ([, heading]) => heading!);
  if (headings[0] === "Unreleased") headings.shift();
  assert(headings[0]?.startsWith(`${version} – `), headings[0]);
  for (const heading of headings) assert(/^\d+\.\d+\.\d+ – \d{4}-\d\d-\d\d$/.test(heading), heading);
  for (const section of text.split(/^(?=### )/m).slice(1)) assert(section.includes("\n- "), section);
});

const WORKFLOWS = ["ci", "release"].map((name) => [name, read(`.github/workflows/${name}.yml`)] as const);

Deno.test("workflows pin actions by commit, give them no credentials, and run the commands of CONTRIBUTING.md", () => {
  for (const [name, text] of WORKFLOWS) {
    for (const [, action] of text.matchAll(/\buses: (.*)/g)) {
      assert(/^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action!), `${name}: ${action}`);
    }
    assertEquals(text.match(/actions\/checkout@/g)?.length, text.match(/persist-credentials: false/g)?.length, name);
    assert(text.includes(`run: sudo env "PATH=$PATH" bash .ci/run\n`), name);
    assert(!/\bsecrets\b|\bwrite-all\b|pull_request_target/.test(text), name);
  }
});

Deno.test("a release is published by its own job, after the checks: only that job has an identity, and no job has write access", () => {
  const release = WORKFLOWS[1]![1];
  assertEquals(release.match(/^permissions: (.*)$/m)?.[1], "{}");
  const [check, publish] = release.split(/^ {2}publish:\n/m);
  assert(!check!.includes("id-token") && check!.includes(".ci/run"));
  assert(publish!.startsWith("    needs: check\n"));
  assertEquals(release.match(/^ +[\w-]+: write$/gm), ["      id-token: write"]);
  const commands = Array.from(publish!.matchAll(/\brun: (.*)/g), ([, command]) => command);
  assertEquals(commands, ["npx -y deno@2.9.6 publish"]);
});

Deno.test("a release is refused unless its tag is the version", async () => {
  const [, command] = /run: (test "\$GITHUB_REF_NAME" .*)/.exec(WORKFLOWS[1]![1]) ?? [];
  assert(command !== undefined);
  const tags = [`v${version}`, version, `v1${version}`, `v${version}-rc.1`, `v${version.replace(".", "x")}`, "v", ""];
  const accepted = await Promise.all(tags.map(async (tag) => {
    const shell = new Deno.Command("bash", {
      args: ["-ec", command],
      env: { GITHUB_REF_NAME: tag },
      cwd: new URL("..", import.meta.url),
    });
    return (await shell.output()).success;
  }));
  assertEquals(accepted, tags.map((tag) => tag === `v${version}`));
});
