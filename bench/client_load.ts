/**
 * Clients: the client is the process that is measured, and one fast server answers it.
 *
 * @module
 */
import type { Message } from "./frames.ts";
import { type Command, MEASURED_CORE, type Running, spawn } from "./server_process.ts";
import type { Measurement, Timing } from "./stopwatch.ts";

/** What a client sends. */
export interface ClientLoad {
  /** Messages under way on its one connection. */
  readonly outstanding: number;
  /** What each of them is, as the server answers it: a client sends it whole. */
  readonly message: Message;
}

/** Runs a client of `clients/` against a server, and returns the messages echoed per second. */
export async function runClient(
  client: Command,
  { outstanding, message }: ClientLoad,
  server: Running,
  { warmup, duration }: Timing,
): Promise<Measurement> {
  const size = message.payload.length;
  const settings = { port: server.port, pid: server.pid, outstanding, size, warmup, duration };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]);
  if (message.text) args.push("--text");
  const child = spawn([...client, ...args], MEASURED_CORE);
  const late = setTimeout(() => child.kill("SIGKILL"), warmup + duration + 20_000);
  const { success, stdout } = await child.output();
  clearTimeout(late);
  if (!success) throw new Error(`${client.join(" ")} failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
