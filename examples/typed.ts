// deno-lint-ignore-file no-console -- an example prints
// Typed messages with Zod, and requests with responses: a small bank. With `talk`, a client sends requests, and exits.
//
//   deno run --allow-net examples/typed.ts [port] [talk]

import { connect, serve } from "@sluice/websocket";
import { RequestError, requests } from "@sluice/websocket/typed";
import { z } from "npm:zod@^4";

const Asked = z.discriminatedUnion("do", [
  z.object({ do: z.literal("pay"), from: z.string(), to: z.string(), cents: z.int().positive() }),
  z.object({ do: z.literal("balance"), of: z.string() }),
]);
const Balance = z.object({ cents: z.int() });

const accounts = new Map([["Ada", 1000], ["Bob", 0]]);

const server = serve({
  port: Number(Deno.args[0] ?? 8080),
  hostname: "127.0.0.1",
  maxMessageBytes: 4 * 1024,
  onListen(addr) {
    if ("port" in addr) console.log(`A bank on ws://127.0.0.1:${addr.port}`);
  },
}, async (socket) => {
  const client = requests(socket, {
    askedSchema: Asked,
    answer(asked): z.infer<typeof Balance> {
      if (asked.do === "pay") {
        const [from, to] = [balance(asked.from), balance(asked.to)];
        if (from < asked.cents) throw new RequestError(`${asked.from} has only ${from} cents`);
        accounts.set(asked.from, from - asked.cents).set(asked.to, to + asked.cents);
        return { cents: from - asked.cents };
      }
      return { cents: balance(asked.of) };
    },
  });
  await client.closed;
});

function balance(name: string): number {
  const cents = accounts.get(name);
  if (cents === undefined) throw new RequestError(`There is no account of ${name}`);
  return cents;
}

if (Deno.args[1] === "talk") {
  const bank = requests(await connect(server.url), { answerSchema: Balance, requestTimeout: 5_000 });
  const ask = async (asked: z.input<typeof Asked>) => {
    try {
      console.log(`${asked.do}: ${(await bank.request(asked)).cents} cents`);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      console.log(`${asked.do}: ${error.message}`);
    }
  };
  await ask({ do: "pay", from: "Ada", to: "Bob", cents: 300 });
  await ask({ do: "pay", from: "Ada", to: "Bob", cents: 800 });
  await ask({ do: "pay", from: "Ada", to: "Bob", cents: -1 });
  await ask({ do: "balance", of: "Bob" });
  await bank.close();
  await server.shutdown();
}
