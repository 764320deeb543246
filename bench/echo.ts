// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * Echo of small messages, ours beside `Deno.upgradeWebSocket` in one run: `deno task bench:echo`.
 *
 * @module
 */
import { drive } from "./load.ts";

const CONTENDERS: Record<string, string[]> = {
  "Deno.upgradeWebSocket": ["bench/peers/deno_builtin.ts"],
  "Sluice, callbacks": ["bench/echo_server.ts", "--api", "callbacks"],
  "Sluice, for await": ["bench/echo_server.ts", "--api", "iterate"],
  "Sluice, streams": ["bench/echo_server.ts", "--api", "streams"],
};
const WORK = [
  { connections: 16, outstanding: 64, size: 32 },
  { connections: 64, outstanding: 1, size: 32 },
];
const ROUNDS = Number(Deno.args[0] ?? 3);

/** Starts a server and waits until it says where it listens. */
async function start(args: string[]): Promise<{ port: number; stop: () => Promise<void> }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-net=127.0.0.1", ...args],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let said = "";
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  while (!said.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`${args[0]} ended: ${said}`);
    said += value;
  }
  const port = Number(/listening on (\d+)/.exec(said)?.[1]);
  const stop = async () => {
    child.kill();
    await reader.cancel();
    await child.status;
  };
  return { port, stop };
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

for (const work of WORK) {
  const rates = new Map(Object.keys(CONTENDERS).map((name): [string, number[]] => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, args] of Object.entries(CONTENDERS)) {
      const server = await start(args);
      rates.get(name)!.push(await drive({ ...work, port: server.port, warmup: 1500, duration: 2000 }));
      await server.stop();
    }
  }
  console.log(`\n${work.connections} connections, ${work.outstanding} outstanding, ${work.size} bytes`);
  const base = median(rates.get("Deno.upgradeWebSocket")!);
  for (const [name, all] of rates) {
    const rate = median(all);
    console.log(
      `  ${name.padEnd(24)} ${Math.round(rate).toLocaleString("en")} messages/s  ${(rate / base).toFixed(2)}x`,
    );
  }
}
