/**
 * The command-line client as a user runs it.
 *
 * @module
 */
import { within } from "../../_support/deadline.ts";

/** Deno's own words, up to the client's first option. */
export const CLIENT: readonly string[] = [
  ...["run", "--quiet", "--no-prompt", "--allow-net=127.0.0.1", "lib/standalone/main.ts", "client"],
];

/** What became of the client. */
export interface ClientOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly bytes: Uint8Array;
}

/** Runs the client to its end, in pipes; `input` is what it reads, and no more comes behind it. */
export async function runClient(
  args: readonly string[],
  { input = "", words = CLIENT, env = {} }: {
    input?: string | Uint8Array<ArrayBuffer>;
    words?: readonly string[];
    env?: Record<string, string>;
  } = {},
): Promise<ClientOutput> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...words, ...args],
    cwd: new URL("../../..", import.meta.url),
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  try {
    const writer = child.stdin.getWriter();
    await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
    await writer.close();
  } catch {
    // It ended before it read that.
  }
  try {
    const { code, stdout, stderr } = await within(output, 20_000, `client ${args.join(" ")}`);
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, stdout: text(stdout), stderr: text(stderr), bytes: stdout };
  } catch (error) {
    child.kill();
    await output;
    throw error;
  }
}
