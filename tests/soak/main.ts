/**
 * A soak: clients of every behaviour against our server in a process of its own, for as long as one likes:
 * `deno task soak --seconds 60 --connections 200`. It passes where no message is lost, memory is flat and no connection is left. With `--big`,
 * one large message instead: see `big.ts`.
 *
 * @module
 */
import { setTimeout } from "node:timers/promises";
import { print, readOptions, readPositive, readWhole, runProgram } from "../_support/command_line.ts";
import { below, SEED, seeded } from "../_support/random.ts";
import { type Play, playOn, PLAYS, type Scene, steady } from "./_plays.ts";
import { big, type BigOptions } from "./big.ts";
import { emptyTally, judge, mebibytes, shown, type Tally } from "./_tally.ts";
import type { ServerStats } from "./server.ts";

const USAGE = `Usage: deno task soak [options]

  --seconds N      seconds of traffic (60)
  --connections N  connections at a time (200)
  --seed S         what the clients do (the clock's)
  --big            instead of that, one message of 2 GiB there and back, in less than 64 MiB on each side
  --size N         MiB of the message (2048)
  --deflate        compress it
  --help           show this and exit
`;

/** Connections begun in a second, so that two cores and the ephemeral ports last. */
const RATE = 120;

/** How many come and go, and how many of those there are at most: what waits for its turn to connect is no connection. */
const COMING = { share: 0.5, most: 3 * RATE };

/** Seconds after which memory should grow no more: compiled code, pools and the heap's first growth come before. */
const warmUp = (seconds: number): number => Math.max(seconds / 5, Math.min(seconds / 2, 15));

/** Milliseconds that the clients have to leave, and the server to notice. */
const DRAIN = 30_000;

interface SoakOptions {
  seconds: number;
  connections: number;
  seed: number;
}

async function main(args: string[]): Promise<number> {
  const options = readSoakOptions(args);
  return await ("bytes" in options ? big(options) : soak(options));
}

function readSoakOptions(args: string[]): SoakOptions | BigOptions {
  const { seconds, connections, seed, size, deflate, ...values } = readOptions({
    args,
    options: {
      seconds: { type: "string", default: "60" },
      connections: { type: "string", default: "200" },
      seed: { type: "string", default: String(SEED) },
      big: { type: "boolean", default: false },
      size: { type: "string", default: "2048" },
      deflate: { type: "boolean", default: false },
    },
  });
  if (values.big) return { bytes: readWhole("size", size, 1) * 1024 * 1024, deflate };
  return {
    seconds: readPositive("seconds", seconds),
    connections: readWhole("connections", connections, 1),
    seed: readWhole("seed", seed),
  };
}

async function soak(options: SoakOptions): Promise<number> {
  const { seconds, seed } = options;
  await using server = startServer();
  const first = await server.next();
  const tally = emptyTally();
  const leaving = new AbortController();
  const clients = sendClients(first.port, options, tally, leaving.signal);

  const memory = [first.rss];
  const started = performance.now();
  const taken = () => (performance.now() - started) / 1000;
  const terminal = Deno.stdout.isTerminal();
  let peak = 0;
  let warm = first.rss;
  for (let second = 1; taken() < seconds;) {
    const { rss, connections } = await server.next();
    peak = Math.max(peak, connections);
    if (taken() <= warmUp(seconds)) warm = rss;
    if (taken() >= memory.length * seconds / 10) memory.push(rss);
    if (!terminal || taken() < second) continue;
    second = Math.floor(taken()) + 1;
    print(
      `\r${
        Math.round(seconds - taken())
      } s left, ${connections} connections, ${tally.echoed} of ${tally.sent} echoed, ` +
        `${tally.lost} lost, ${mebibytes(rss)}\x1b[K`,
    );
  }
  leaving.abort();
  await clients;
  const last = await drained(server);
  const code = await server.stop();
  if (terminal) print("\r\x1b[K");

  const { connections, sent, echoed, lost, wrong, abandoned, plays, errors } = tally;
  print(
    `${seconds} s, --seed ${seed}\n` +
      `connections: ${connections} made, ${peak} at a time, ${last.connections} left\n` +
      `messages: ${sent} sent, ${echoed} echoed, ${abandoned} given up by clients that dropped out, ` +
      `${lost} lost, ${wrong} wrong; the server saw ${last.messages}\n` +
      `behaviour: ${shown(plays)}\n` +
      `errors: ${shown(errors)}\n` +
      `server memory: ${mebibytes(first.rss)} at the start, ${mebibytes(warm)} after warm-up, ` +
      `each tenth ${memory.slice(1).map(mebibytes).join(", ")}, ${mebibytes(last.rss)} at the end\n`,
  );
  const complaints = judge({ tally, warm, end: last.rss, left: last.connections, faults: last.faults, code });
  for (const complaint of complaints) print(`FAILED: ${complaint}\n`);
  if (complaints.length === 0) print("passed: nothing lost, memory flat, nobody left\n");
  return complaints.length === 0 ? 0 : 1;
}

/** Half of the clients talk all the time, the others come and go. Resolves when all have left. */
async function sendClients(
  port: number,
  { connections, seed }: SoakOptions,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  let free = performance.now();
  const pause = (ms: number) => setTimeout(ms, undefined, { signal }).catch(() => {}); // over, or told to leave
  const turn = () => {
    free = Math.max(free, performance.now()) + 1000 / RATE;
    return pause(free - performance.now());
  };
  const names = Object.keys(PLAYS);
  const coming = Math.min(connections * COMING.share, COMING.most);
  await Promise.all(Array.from({ length: connections }, (_, i) => {
    const random = seeded(seed + i);
    const scene: Scene = { port, random, tally, signal, pause, turn };
    const next = (): [string, Play] => {
      const name = names[below(random, names.length)]!;
      return [name, PLAYS[name]!];
    };
    return playOn(scene, i < coming ? next : () => ["steady", steady]);
  }));
}

/** The server's state once no client is connected, or when that took too long. */
async function drained(server: Server): Promise<ServerStats> {
  const start = performance.now();
  for (;;) {
    const stats = await server.next();
    if (stats.connections === 0 || performance.now() - start > DRAIN) return stats;
  }
}

/** The server's process. */
interface Server extends AsyncDisposable {
  /** The next line that it says. */
  next(): Promise<ServerStats>;
  /** Asks it to end, and returns its exit code. */
  stop(): Promise<number>;
}

function startServer(): Server {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-net=127.0.0.1", new URL("server.ts", import.meta.url).href],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let said = "";
  const stop = async () => {
    try {
      process.kill("SIGTERM");
    } catch { /* it has ended by itself */ }
    while (!(await output.read()).done);
    return (await process.status).code;
  };
  return {
    async next() {
      for (let end = said.indexOf("\n"); end < 0; end = said.indexOf("\n")) {
        const { value, done } = await output.read();
        if (done) throw new Error(`The server ended with exit code ${(await process.status).code}`);
        said += value;
      }
      const line = said.slice(0, said.indexOf("\n"));
      said = said.slice(line.length + 1);
      return JSON.parse(line);
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

if (import.meta.main) Deno.exit(await runProgram({ name: "soak", usage: USAGE, run: main }));
