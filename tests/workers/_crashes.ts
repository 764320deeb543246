/**
 * Workers that crash, in a process of its own: the reports about them, as one line of JSON.
 *
 * @module
 */
import { until } from "../_support/wait.ts";
import { control } from "./_control.ts";

const plays: Record<string, () => Promise<{ errors: string[]; said: string[] }>> = {
  /** The second of two workers crashes twice, and then publishes. */
  async crash() {
    using workers = control();
    const { errors, said } = workers;
    await using server = await workers.start();
    const begun = () => said.filter((line) => line.startsWith("1 of")).length;
    for (const crash of [1, 2]) {
      workers.tell("1 throw");
      await until(() => errors.length === crash, "The crash");
      await until(() => begun() === 1 + crash && server.listening === 2, "The next worker");
    }
    workers.tell("1 publish");
    await until(() => said.includes("0 heard from 1"), "The message of the new worker");
    return { errors, said };
  },
  /** The workers' module is not there. */
  async missing() {
    using workers = control(new URL("_missing.ts", import.meta.url));
    await workers.start().catch((error: Error) => workers.errors.push(error.message));
    return { errors: workers.errors, said: workers.said };
  },
};

const told = await plays[Deno.args[0] ?? ""]?.();
Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(told)}\n`));
