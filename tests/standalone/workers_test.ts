import { assertEquals, assertRejects } from "@std/assert";
import { linkBroker } from "../../lib/hub/linked_broker.ts";
import { DEFAULT_OPTIONS } from "../../lib/standalone/options.ts";
import { StartError } from "../../lib/standalone/command_line.ts";
import { sharePings, startWorkers } from "../../lib/standalone/workers.ts";
import { FakeTime } from "../_support/fake_time.ts";
import { settle } from "../_support/wait.ts";
import { FakeServer } from "../hub/_brokers.ts";

Deno.test("a ping finds its connection in whichever worker it is, and nobody's ends when all have said so", async () => {
  using time = new FakeTime();
  const server = new FakeServer();
  const pinged: string[] = [];
  const workers = Array.from({ length: 3 }, (_, index) => {
    const broker = linkBroker(server.link(), { pingInterval: 0 });
    const ping = (id: string) => {
      pinged.push(`${index} ${id}`);
      return Promise.resolve(id === `of ${index}` ? index : undefined);
    };
    return { broker, sockets: sharePings(broker, 2, { resources: () => ["/echo"], ping }) };
  });
  await settle();
  assertEquals(await workers[0]!.sockets.ping("of 0"), 0);
  assertEquals(pinged, ["0 of 0"]);
  assertEquals(await workers[0]!.sockets.ping("of 2"), 2);
  assertEquals(await workers[1]!.sockets.ping("of 0"), 0);
  assertEquals(await workers[1]!.sockets.ping("nobody's"), undefined);
  assertEquals(workers[0]!.sockets.resources(), ["/echo"]);

  await workers[2]!.broker.close(); // it crashed
  const silent = workers[0]!.sockets.ping("of 2");
  await time.advance(5_000);
  assertEquals(await silent, undefined);
  for (const { broker } of workers) await broker.close();
  assertEquals(time.timers, 0);
});

Deno.test("--workers with client certificates is a mistake", async () => {
  const options = { ...DEFAULT_OPTIONS, workers: 2, tlsCert: "a", tlsKey: "b", tlsClientCa: "c" };
  const { exitCode, message } = await assertRejects(() => startWorkers(options), StartError);
  assertEquals([exitCode, message], [2, "Cannot use --workers with --tls-client-ca"]);
});
