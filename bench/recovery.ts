// deno-lint-ignore-file no-console -- it prints its table
/**
 * What topics that catch up cost: processor time of the server for each delivery, beside that of the plain hub, in many short runs
 * that alternate. Others may use the machine: the least of each is what counts.
 *
 *   deno run -A bench/recovery.ts [--rounds 15] [--subscribers 200] [--log memory,redis,jetstream]
 *
 * @module
 */
import { parseArgs } from "node:util";
import { startServer } from "../tests/hub/_servers.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "15" },
    subscribers: { type: "string", default: "200" },
    log: { type: "string", default: "memory,redis,jetstream" },
  },
});
const [rounds, subscribers] = [Number(values.rounds), Number(values.subscribers)];

/** Messages of a run, published so many in one go, of so many characters. */
const LOADS = [[1_000, 1, 32], [4_000, 16, 32], [1_000, 1, 1_024], [2_000, 16, 1_024]] as const;

interface Subject extends AsyncDisposable {
  measure(load: readonly number[]): Promise<number>;
}

/** Starts a server, and subscribers that read and do nothing else. */
async function subject(log: string, at = ""): Promise<Subject> {
  const args = ["run", "--quiet", "--no-check", "--allow-all", "bench/recovery_server.ts", "--log", log];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args, "--at", at],
    cwd: new URL("..", import.meta.url),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const input = child.stdin.getWriter();
  const say = async () => Number((await output.read()).value);
  const port = await say();
  const sockets = await Promise.all(Array.from({ length: subscribers }, () => join(port, log !== "none")));
  return {
    async measure(load) {
      await input.write(new TextEncoder().encode(`${load.join(" ")}\n`));
      return await say();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.close();
      child.kill("SIGKILL");
      await output.cancel();
      await child.status;
    },
  };
}

/** A raw connection, which is cheaper than a client. */
async function join(port: number, recovers: boolean): Promise<Deno.Conn> {
  const socket = await Deno.connect({ hostname: "127.0.0.1", port });
  const protocol = recovers ? "Sec-WebSocket-Protocol: sluice.v1\r\n" : "";
  const head = `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${protocol}\r\n`;
  await socket.write(new TextEncoder().encode(head));
  const buffer = new Uint8Array(65_536);
  await socket.read(buffer);
  if (recovers) {
    const text = new TextEncoder().encode('{"type":"subscribe","topic":"room"}');
    await socket.write(new Uint8Array([0x81, 0x80 | text.length, 0, 0, 0, 0, ...text]));
    await socket.read(buffer);
  }
  void (async () => {
    try {
      while (await socket.read(buffer) !== null);
    } catch {
      // It was closed.
    }
  })();
  return socket;
}

const table: string[] = [
  "| messages of a turn | size | log | µs a delivery | to the plain hub |",
  "| --: | --: | --- | --: | --: |",
];
for (const log of values.log.split(",")) {
  const folder = await Deno.makeTempDir();
  await using broker = log === "redis"
    ? await startServer("redis", "--dir", folder)
    : log === "jetstream"
    ? await startServer("nats", "-js", "-sd", folder)
    : undefined;
  const at = log === "redis" ? `redis://127.0.0.1:${broker?.port}` : `127.0.0.1:${broker?.port}`;
  await using plain = await subject("none");
  await using recovering = await subject(log, at);
  for (const load of LOADS) {
    let [with_, without] = [Infinity, Infinity];
    for (let round = -2; round < rounds; round++) {
      const [one, other] = [await plain.measure(load), await recovering.measure(load)];
      if (round >= 0) [without, with_] = [Math.min(without, one), Math.min(with_, other)];
    }
    const [messages, burst, size] = load;
    const each = (time: number) => (time / (messages * subscribers)).toFixed(3);
    table.push(`| ${burst} | ${size} | none | ${each(without)} | 1 |`);
    table.push(`| ${burst} | ${size} | ${log} | ${each(with_)} | ${(with_ / without).toFixed(3)} |`);
    console.log(table.slice(-2).join("\n"));
  }
  await Deno.remove(folder, { recursive: true }).catch(() => {});
}
console.log(`\n${subscribers} subscribers, the least of ${rounds} runs each, alternating\n\n${table.join("\n")}`);
Deno.exit(0);
