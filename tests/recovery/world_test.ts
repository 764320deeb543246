import { assertEquals } from "@std/assert";
import { playWorld } from "./_world.ts";

const SEEDS = 50;

Deno.test(`in ${SEEDS} simulations with lost connections, hubs and logs, every client gets the log's messages once and in order, or learns that the log restarted`, async () => {
  const first = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 1e9));
  const faults: string[] = [];
  let messages = 0;
  for (let seed = first; seed < first + SEEDS; seed++) {
    const world = await playWorld(seed);
    messages += world.messages;
    faults.push(...world.faults.map((fault) => `SEED=${seed}: ${fault}`));
  }
  assertEquals(faults, []);
  assertEquals(messages > 10 * SEEDS, true);
});
