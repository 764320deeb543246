import { assertEquals, assertRejects } from "@std/assert";
import { StartError } from "../../lib/standalone/command_line.ts";
import { DEFAULT_OPTIONS } from "../../lib/standalone/options.ts";
import { startWorkers } from "../../lib/standalone/workers.ts";

Deno.test("--workers with client certificates is an error", async () => {
  const options = { ...DEFAULT_OPTIONS, workers: 2, tlsCert: "a", tlsKey: "b", tlsClientCa: "c" };
  const { exitCode, message } = await assertRejects(() => startWorkers(options), StartError);
  assertEquals([exitCode, message], [2, "Cannot use --workers with --tls-client-ca"]);
});
