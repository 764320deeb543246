import { assert, assertEquals } from "@std/assert";
import { denoOutput } from "../_support/child.ts";
import { unless } from "../_support/needs.ts";
import { installed } from "../hub/_servers.ts";

for (const [kind, title, program] of [["nats", "NATS", "nats-server"], ["redis", "Redis", "redis-server"]] as const) {
  Deno.test({
    ...unless(
      installed(kind) ? undefined : `${program} is not installed`,
      `over ${title} all servers have the same members: after a reload, after the broker was killed, and after a server was silent or closed`,
    ),
    async fn() {
      const permissions = ["--allow-net=127.0.0.1", "--allow-env", "--allow-read", `--allow-run=${program}`];
      const args = ["run", "--quiet", "--no-prompt", "--no-check", ...permissions];
      const { code, stdout, stderr } = await denoOutput(...args, "tests/presence/_presence_play.ts", kind);
      assert(code === 0, stderr);
      assertEquals(JSON.parse(stdout), {
        apart: [2, 1, 3, null],
        one: ["+ada:1", "~ada:2", "+bob:1", "~ada:3", "+carol:1", "-carol"],
        other: ["+ada:1", "~ada:2", "~ada:3", "+bob:1", "+carol:1", "-carol", "-bob"],
        members: { ada: 3 },
        errors: [],
      });
    },
  });
}
