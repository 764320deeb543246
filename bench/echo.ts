// deno-lint-ignore-file no-console -- a benchmark prints
/**
 * Echo beside the peers, in one run: `deno task bench:echo [rounds]`. Prints the median of each server's messages per second and
 * its ratio to the first.
 *
 * @module
 */
import { drive, type Load } from "./load.ts";

/** How a server is started. */
type Command = readonly [program: string, ...args: string[]];

interface Work {
  readonly title: string;
  readonly load: Omit<Load, "port" | "warmup" | "duration">;
  /** The first one is what the others are compared with. */
  readonly servers: Readonly<Record<string, Command>>;
}

const deno = (...args: string[]): Command => [Deno.execPath(), "run", "--no-prompt", "--allow-net=127.0.0.1", ...args];
const ours = (api: string, ...more: string[]) => deno("bench/echo_server.ts", "--api", api, ...more);

/** `ws` for Node is installed beside nothing of ours. */
async function installWs(): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
  await Deno.writeTextFile(`${folder}/package.json`, "{}");
  const { success } = await new Deno.Command("npm", {
    args: ["install", "--silent", "--no-audit", "--no-fund", "ws@8.23.0"],
    cwd: folder,
    stdout: "null",
    stderr: "null",
  }).output();
  if (!success) throw new Error("npm could not install ws");
  return folder;
}

const modules = await installWs();
const small = {
  "Deno.upgradeWebSocket": deno("bench/peers/deno_builtin.ts"),
  "npm:ws on Node": ["node", "bench/peers/ws_node.cjs", modules],
  "Sluice, callbacks": ours("callbacks"),
  "Sluice, for await": ours("iterate"),
  "Sluice, streams": ours("streams"),
} satisfies Record<string, Command>;

/** About 1 KB, as an API sends it. */
const JSON_1K = new TextEncoder().encode(JSON.stringify(
  Array.from({ length: 9 }, (_, id) => ({
    id: 1000 + id * 37,
    name: `customer ${id * 7919 % 1000}`,
    email: `user${id * 104_729 % 10_000}@example.com`,
    active: id % 3 !== 0,
    score: id * 17.25,
  })),
));

const WORK: readonly Work[] = [
  {
    title: "16 connections, 64 outstanding, 32 bytes",
    load: { connections: 16, outstanding: 64, size: 32 },
    servers: small,
  },
  {
    title: "64 connections, 1 outstanding, 32 bytes",
    load: { connections: 64, outstanding: 1, size: 32 },
    servers: small,
  },
  {
    title: `16 connections, 8 outstanding, ${JSON_1K.length} bytes of JSON, deflated both ways, no context takeover`,
    load: { connections: 16, outstanding: 8, size: JSON_1K.length, text: true, deflate: JSON_1K },
    servers: {
      "npm:ws on Node": ["node", "bench/peers/ws_node.cjs", modules, "--deflate"],
      "Sluice, callbacks": ours("callbacks", "--deflate"),
      "Sluice, for await": ours("iterate", "--deflate"),
    },
  },
];
const ROUNDS = Number(Deno.args[0] ?? 3);

/** Starts a server and waits until it says where it listens. */
async function start([program, ...args]: Command): Promise<{ port: number; stop: () => Promise<void> }> {
  const child = new Deno.Command(program, { args, stdout: "piped", stderr: "inherit" }).spawn();
  let said = "";
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  while (!said.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`${program} ${args.join(" ")} ended: ${said}`);
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

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

for (const { title, load, servers } of WORK) {
  const rates = new Map(Object.keys(servers).map((name): [string, number[]] => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, command] of Object.entries(servers)) {
      const server = await start(command);
      rates.get(name)!.push(await drive({ ...load, port: server.port, warmup: 1500, duration: 2000 }));
      await server.stop();
    }
  }
  console.log(`\n${title}`);
  const base = median([...rates.values()][0]!);
  for (const [name, all] of rates) {
    const rate = median(all);
    console.log(
      `  ${name.padEnd(24)} ${Math.round(rate).toLocaleString("en").padStart(11)}/s  ${(rate / base).toFixed(2)}x`,
    );
  }
}
await Deno.remove(modules, { recursive: true });
