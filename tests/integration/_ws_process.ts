/**
 * A server of `npm:ws` in a process of its own.
 *
 * @module
 */
import { type Child, deno } from "../_support/child.ts";
import { within } from "../_support/deadline.ts";

/** Starts `peers/ws_server.ts`, which can then be killed. */
export async function wsProcess(port = 0): Promise<Child & { port: number }> {
  const net = ["--allow-net=127.0.0.1", "--allow-env", "--allow-read"];
  const child = deno("run", "--quiet", "--no-prompt", ...net, "tests/integration/peers/ws_server.ts", String(port));
  const [, said] = await within(child.said(/^Listening on (\d+)/), 20_000, "The port");
  return { ...child, port: Number(said), [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}
