/**
 * Libraries that are handed a `WebSocket` constructor, handed ours. Prints, as JSON, what came of it. Argument: the library. It is
 * a process of its own, run without the lock file, and names its packages where Deno does not look: see `tests/node/_framework.ts`.
 *
 * @module
 */
import { WebSocket } from "../../../mod.ts";

/** The constructor, and the sockets that it was called for. */
const sockets: WebSocket[] = [];
class Ours extends WebSocket {
  constructor(...args: ConstructorParameters<typeof WebSocket>) {
    super(...args);
    sockets.push(this);
  }
}

const LIBRARIES: Record<string, () => Promise<unknown>> = {
  /** Its client with our class, its server on `npm:ws`: a query, a subscription to its end, one that is left, and an error. */
  async "graphql-ws"() {
    const { createClient } = await load("npm:graphql-ws@^6.0.0");
    const { useServer } = await load("npm:graphql-ws@^6.0.0/use/ws");
    const { buildSchema } = await load("npm:graphql@^17.0.0");
    const server = await wsServer({ handleProtocols: () => "graphql-transport-ws" });
    let left = 0;
    const ending = useServer({
      schema: buildSchema("type Query { hello: String! } type Subscription { count(to: Int!): Int! }"),
      roots: {
        query: { hello: () => "wörld" },
        subscription: {
          async *count({ to }: { to: number }) {
            try {
              for (let count = 1; count <= to; count++) yield { count };
            } finally {
              left++;
            }
          },
        },
      },
    }, server);

    const states: string[] = [];
    const client = createClient({
      url: urlOf(server),
      webSocketImpl: Ours,
      keepAlive: 50,
      on: {
        connecting: () => states.push("connecting"),
        opened: () => states.push("opened"),
        connected: () => states.push("connected"),
        closed: ({ code, wasClean }: CloseEvent) => states.push(`closed ${code} ${wasClean}`),
      },
    });
    const results = async (query: string, most = Infinity): Promise<unknown[]> => {
      const values: unknown[] = [];
      for await (const { data, errors } of client.iterate({ query })) {
        values.push(data ?? errors[0].message);
        if (values.length === most) break;
      }
      return values;
    };
    const told = {
      query: await results("{ hello }"),
      all: await results("subscription { count(to: 3) }"),
      some: await results("subscription { count(to: 1000000) }", 2),
      error: await results("{ unknown }").catch(([{ message }]) => message),
      // Over one connection it takes turns.
      together: (await Promise.all([results("{ hello }"), results("subscription { count(to: 2) }")])).flat().length,
    };
    await client.dispose();
    while (sockets.some(({ readyState }) => readyState !== WebSocket.CLOSED)) await turn();
    await ending.dispose();
    return { ...told, left, states, sockets: sockets.length, protocol: sockets[0]?.protocol };
  },

  /** It reconnects, and sends then what was sent before: a server that ends the first connection. */
  async partysocket() {
    const { default: ReconnectingWebSocket } = await load("npm:partysocket@^1.0.3/ws");
    const server = await wsServer();
    let connections = 0;
    server.on(
      "connection",
      (socket: { on: EventTarget["addEventListener"]; send(data: string): void; terminate(): void }) => {
        const connection = ++connections;
        socket.on("message", (data) => connection === 1 ? socket.terminate() : socket.send(`${connection}: ${data}`));
      },
    );
    const log: string[] = [];
    const socket = new ReconnectingWebSocket(urlOf(server), [], {
      WebSocket: Ours,
      minReconnectionDelay: 1,
      maxReconnectionDelay: 10,
    });
    socket.addEventListener("open", () => {
      log.push("open");
      socket.send("hello");
    });
    socket.addEventListener("close", ({ code }: CloseEvent) => log.push(`close ${code}`));
    const message = new Promise((resolve) =>
      socket.addEventListener("message", ({ data }: MessageEvent) => resolve(data))
    );
    socket.send("early"); // which it keeps until the connection is open
    const received = await message;
    socket.close(4000, "done");
    while (sockets.some(({ readyState }) => readyState !== WebSocket.CLOSED)) await turn();
    await new Promise((resolve) => server.close(resolve));
    return { received, log, sockets: sockets.length };
  },
};

// deno-lint-ignore no-explicit-any -- a package that is named at run time has no types
function load(specifier: string): Promise<any> {
  return import(specifier);
}

// deno-lint-ignore no-explicit-any -- as above
async function wsServer(options: Record<string, unknown> = {}): Promise<any> {
  const { WebSocketServer } = await load("npm:ws@^8.18.0");
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, ...options });
  await new Promise((resolve) => server.once("listening", resolve));
  return server;
}

function urlOf(server: { address(): { port: number } }): string {
  return `ws://127.0.0.1:${server.address().port}/`;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

// deno-lint-ignore no-console -- the test reads it
console.log(JSON.stringify(await LIBRARIES[Deno.args[0] ?? ""]?.()));
