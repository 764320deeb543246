/**
 * `deno task bench:packages`: Socket.IO and y-websocket on `./ws` and on npm's `ws`, in Deno and in Node: the processor time that the
 * server takes for a message. The engines are measured in turn, each time in a new process, and the median of the rounds' ratios
 * is written to `bench/results/packages.md`.
 *
 * @module
 */
import { createRequire } from "node:module";
import { connect } from "../../mod.ts";
import type { WebSocketConnection } from "../../mod.ts";
import { pack } from "../../tests/runtimes/pack.ts";

const ROUNDS = Number(Deno.args[0] ?? 5);
const PACKAGES = ["socket.io@4.8.4", "y-websocket@2.1.0", "yjs@13", "ws@8.23.0"];
const RUNTIMES = { Deno: [Deno.execPath(), "run", "--quiet", "--no-lock", "-A"], Node: ["node"] } as const;
const ENGINES = ["ws", "sluice"] as const;

/** What is done, with how much of it is counted, and the least ratio that is wanted in each runtime. */
const WORKS = [
  { name: "Socket.IO, echo of 32 B, 16 connections × 16 outstanding", program: "socket.io", load: echoes },
  { name: "y-websocket, an update of a document to 8 others", program: "yjs", load: updates },
] as const;
const WANTED = { Deno: 3, Node: 1.5 } as const;

/** Messages that warm up the server until its code is compiled, and messages that are counted. */
const WARM_UP = 40_000;
const COUNTED = 80_000;

/** A server, and its processor time in milliseconds. */
interface Server extends AsyncDisposable {
  readonly url: string;
  processorTime(): number;
}

async function start(folder: string, runtime: keyof typeof RUNTIMES, work: string, engine: string): Promise<Server> {
  const [program, ...args] = RUNTIMES[runtime];
  const options: Deno.CommandOptions = {
    args: [...args, "server.mjs", work, engine],
    cwd: folder,
    stdin: "null",
    stdout: "piped",
  };
  const child = new Deno.Command(program, options).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let port: string | undefined; port === undefined; port = /listening on (\d+)\n/.exec(text)?.[1]) {
    const { done, value } = await lines.read();
    if (done) throw new Error(`The server of ${work} on ${engine} did not start`);
    text += value;
  }
  return {
    url: `ws://127.0.0.1:${/listening on (\d+)/.exec(text)![1]}`,
    processorTime() {
      // Fields 14 and 15, user and system, in ticks of 10 ms; the name before them may have spaces.
      const fields = Deno.readTextFileSync(`/proc/${child.pid}/stat`).replace(/^.*\) /, "").split(" ");
      return 10 * (Number(fields[11]) + Number(fields[12]));
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await lines.cancel();
    },
  };
}

/** Sends messages of Socket.IO, a new one for each that comes back, until so many have come. */
async function echoes(server: Server): Promise<(count: number) => Promise<void>> {
  const sockets = await Promise.all(Array.from({ length: 16 }, async () => {
    const socket = await connect(`${server.url}/socket.io/?EIO=4&transport=websocket`, { pingInterval: 0 });
    const messages = socket[Symbol.asyncIterator]();
    await messages.next(); // the engine's handshake
    await socket.send("40");
    await messages.next(); // the namespace's
    return { socket, messages };
  }));
  const message = `42["m","${"x".repeat(32)}"]`;
  return async (count) => {
    let sent = 0;
    await Promise.all(sockets.map(async ({ socket, messages }) => {
      let open = 0;
      const send = () => {
        while (open < 16 && sent < count) {
          open++;
          sent++;
          void socket.send(message);
        }
      };
      for (send(); open > 0; send()) {
        if ((await messages.next()).value === "2") void socket.send("3"); // the engine's ping
        else open--;
      }
    }));
  };
}

/** Sends updates of a document to one room, and waits until each has reached the other members. */
async function updates(server: Server): Promise<(count: number) => Promise<void>> {
  const members: WebSocketConnection[] = [];
  for (let i = 0; i < 9; i++) members.push(await connect(`${server.url}/room`, { pingInterval: 0 }));
  const [writer, ...readers] = members;
  const batches = readers.map((reader) => reader.batches.getReader());
  const { Doc } = createRequire(`${folder}/server.mjs`)("yjs");
  const doc = new Doc();
  const made: Uint8Array<ArrayBuffer>[] = [];
  doc.on("update", (update: Uint8Array<ArrayBuffer>) => made.push(Uint8Array.of(0, 2, update.length, ...update)));
  void writer!.readable.pipeTo(new WritableStream()).catch(() => {}); // what it has said comes back to it
  return async (count) => {
    const rounds = Math.floor(count / readers.length);
    for (let sent = 0; sent < rounds; sent += 8) {
      made.length = 0;
      for (let i = 0; i < 8; i++) doc.getText("t").insert(doc.getText("t").length, "x");
      for (const update of made) void writer!.send(update);
      await Promise.all(batches.map(async (reader) => {
        let come = 0;
        while (come < 8) {
          const { value = [] } = await reader.read();
          come += value.filter((message) => typeof message !== "string" && message[0] === 0 && message[1] === 2).length;
        }
      }));
    }
  };
}

/** The processor time of one message, in microseconds. */
async function measure(runtime: keyof typeof RUNTIMES, { program, load }: (typeof WORKS)[number], engine: string) {
  await using server = await start(folder, runtime, program, engine);
  const run = await load(server);
  await run(WARM_UP);
  const before = server.processorTime();
  await run(COUNTED);
  return 1_000 * (server.processorTime() - before) / COUNTED;
}

const folder = await Deno.makeTempDir({ prefix: "sluice-bench-" });
const lines: string[] = [];
try {
  await Deno.writeTextFile(`${folder}/package.json`, `{ "type": "module" }`);
  await Deno.copyFile(new URL("server.mjs", import.meta.url), `${folder}/server.mjs`);
  const args = ["install", "--silent", "--no-audit", "--no-fund", "--omit=optional", await pack(folder), ...PACKAGES];
  const { success } = await new Deno.Command("npm", { args, cwd: folder }).output();
  if (!success) throw new Error("npm cannot install the packages");
  for (const work of WORKS) {
    for (const runtime of ["Deno", "Node"] as const) {
      const rounds: number[][] = [];
      for (let i = 0; i < ROUNDS; i++) {
        const times: number[] = [];
        for (const engine of ENGINES) times.push(await measure(runtime, work, engine));
        rounds.push(times);
      }
      const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
      const [ws, ours] = [0, 1].map((engine) => median(rounds.map((times) => times[engine]!)));
      const ratios = rounds.map(([ws, ours]) => ws! / ours!).sort((a, b) => a - b);
      const cells = [
        work.name,
        runtime,
        `${ws!.toFixed(1)} µs`,
        `${ours!.toFixed(1)} µs`,
        `${median(ratios).toFixed(2)}× (${ratios[0]!.toFixed(2)} to ${ratios.at(-1)!.toFixed(2)})`,
        `${WANTED[runtime]}×`,
      ];
      lines.push(`| ${cells.join(" | ")} |`);
      // deno-lint-ignore no-console -- a benchmark prints
      console.log(lines.at(-1));
    }
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

await Deno.writeTextFile(
  new URL("../results/packages.md", import.meta.url),
  `# Packages on \`./ws\` and on npm's \`ws\`

\`deno task bench:packages\` writes this page. Processor time of the server for one message (for y-websocket: for one that
is delivered), the median of ${ROUNDS} rounds; the ratio is npm's \`ws\` to ours, in one round.

| work | in | on \`ws\` | on \`./ws\` | ratio | wanted |
| --- | --- | --- | --- | --- | --- |
${lines.join("\n")}
`,
);
