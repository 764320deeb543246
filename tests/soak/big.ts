/**
 * One message that is larger than memory should be: `deno task soak --big`. A client sends it while it is made, the server echoes it
 * while it arrives, and the client checks it while it comes back, in a process each. It passes where nothing is lost and neither
 * process grew by more than 64 MiB, garbage that V8 has not yet collected included.
 *
 * @module
 */
import { print } from "../_support/command_line.ts";
import { mebibytes } from "./_tally.ts";
import type { ClientSaying, Memory, ServerSaying } from "./big_peer.ts";

/** How large the message is. */
export interface BigOptions {
  /** Bytes of the message. */
  readonly bytes: number;
  /** Whether it is compressed on the wire. */
  readonly deflate: boolean;
}

const MiB = 1024 * 1024;

/** What a process may grow by, and what it may where every piece that zlib makes is garbage soon after. */
const MOST_GROWTH = { plain: 64 * MiB, deflate: 192 * MiB };

/** Milliseconds: 2 GiB take less than a tenth of it on two cores. */
const DEADLINE = 300_000;

/** Sends the message. Returns the exit code. */
export async function big({ bytes, deflate }: BigOptions): Promise<number> {
  const mode = deflate ? "deflate" : "plain";
  const memory: Record<string, { before?: Memory; after?: Memory }> = { server: {}, client: {} };
  let wrong: string | undefined = "the message did not come back";
  const signal = AbortSignal.timeout(DEADLINE);

  const client = async (url: string): Promise<void> => {
    for await (const saying of peer<ClientSaying>(["client", mode, url, `${bytes}`], signal)) {
      if ("bytes" in saying) print(`${mebibytes(saying.bytes)} of ${mebibytes(bytes)}\n`);
      else Object.assign(memory.client!, saying);
      if ("after" in saying) wrong = saying.wrong;
    }
  };
  let clientEnded: Promise<void> | undefined;
  for await (const saying of peer<ServerSaying>(["server", mode], signal)) {
    if ("url" in saying) clientEnded = client(saying.url);
    else Object.assign(memory.server!, saying);
  }
  await clientEnded;

  const complaints = wrong === undefined ? [] : [wrong];
  for (const [name, { before, after }] of Object.entries(memory)) {
    if (before === undefined || after === undefined) {
      complaints.push(`the ${name} did not come to its end`);
      continue;
    }
    const grown = after.peak - before.now;
    print(`${name}: ${mebibytes(before.now)} before, ${mebibytes(after.peak)} at most, ${mebibytes(grown)} more\n`);
    if (grown > MOST_GROWTH[mode]) complaints.push(`the ${name} grew by more than ${mebibytes(MOST_GROWTH[mode])}`);
  }
  for (const complaint of complaints) print(`FAILED: ${complaint}\n`);
  if (complaints.length === 0) print("passed: every byte came back, in bounded memory\n");
  return complaints.length === 0 ? 0 : 1;
}

/** Starts one end, and gives what it says until it ends. It may do anything: only so may it read its own memory in `/proc`. */
async function* peer<Saying>(args: readonly string[], signal: AbortSignal): AsyncGenerator<Saying> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", new URL("big_peer.ts", import.meta.url).href, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    signal,
  }).spawn();
  let said = "";
  for await (const text of process.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (said + text).split("\n");
    said = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line);
  }
  await process.status;
}
