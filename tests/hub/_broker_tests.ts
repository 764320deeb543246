/**
 * What every broker with a server of its own must do, against the real server.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { denoOutput } from "../_support/child.ts";
import { unless } from "../_support/needs.ts";
import { installed, listens } from "./_servers.ts";

/** A broker's server: its name, its program in Debian, and the port where `.ci/run` starts one. */
export interface ServerKind {
  readonly kind: "nats" | "redis";
  readonly title: string;
  readonly program: string;
  readonly port: number;
}

/** Registers the tests. */
export async function testBroker({ kind, title, program, port }: ServerKind): Promise<void> {
  const play = async (name: string, port = 0) => {
    const permissions = ["--allow-net=127.0.0.1", "--allow-env", "--allow-read", `--allow-run=${program}`];
    const args = ["run", "--quiet", "--no-prompt", "--no-check", ...permissions];
    const { code, stdout, stderr } = await denoOutput(...args, "tests/hub/_broker_play.ts", kind, name, `${port}`);
    assert(code === 0, stderr);
    return JSON.parse(stdout);
  };
  const missing = installed(kind) ? undefined : `${program} is not installed`;
  const own = (title: string, fn: () => Promise<void>) => Deno.test({ ...unless(missing, title), fn });

  const exchanged = {
    byTopic: true,
    bytes: "0,255",
    large: 1_000_000,
    all: true,
    counts: [9, 11, 0],
    refused: 0,
    lost: 0,
    errors: [],
  };

  own(
    `A8: over ${title} any string is a topic of its own, by its name and by all topics, behind its prefix`,
    async () => {
      assertEquals(await play("exchange"), exchanged);
    },
  );

  const absent = await listens(port) ? undefined : "none runs there; .ci/run starts it";
  Deno.test({
    ...unless(absent, `over the ${title} on port ${port}, messages go from hub to hub`),
    fn: async () => assertEquals(await play("exchange", port), exchanged),
  });

  own(`A10: over ${title} garbage of others is refused and counted, and the next message arrives`, async () => {
    assertEquals(await play("garbage"), { refused: 1, state: "closed" });
  });

  own(
    `A9: ${title} killed and started again under load: no message comes twice or out of order, only messages published meanwhile or in transit are lost, and then it works again`,
    async () => {
      const { states, errors, outside, duplicates, disorder, ...numbers } = await play("faults");
      // deno-lint-ignore no-console -- the numbers are part of what is promised
      console.log(`${title}, killed twice under load:`, JSON.stringify({ ...numbers, duplicates, disorder }));
      assertEquals({ duplicates, disorder, outside }, { duplicates: 0, disorder: 0, outside: 0 });
      assertEquals(states, ["up", "down", "up", "down", "up", "closed"]);
      assertEquals(numbers.received + numbers.missing, numbers.sent);
      // The queue of 1000 was full each time, and what it dropped was counted.
      assert(numbers.lost > 0 && numbers.away.every((away: number) => away > 1_000), JSON.stringify(numbers));
      assert(errors.length >= 2 && errors.length <= 20, JSON.stringify(errors));
    },
  );

  own(
    `A9: ${title} that hangs delays no publisher: the newest messages wait, the others are counted; after pongTimeout it is dropped, and used again when it answers`,
    async () => {
      const { during, lost, received, states } = await play("stall");
      assertEquals({ during, lost }, { during: ["up", "up"], lost: 900 });
      assertEquals(received, [0, ...Array.from({ length: 100 }, (_, i) => 901 + i)]);
      assertEquals(states, ["up", "down", "up", "closed"]);
    },
  );
}
