// deno-lint-ignore-file no-console -- an example prints
// GraphQL with graphql-ws on the WebSocketServer of `./ws`: a query, a mutation and a subscription. With `talk` the client of
// graphql-ws asks, and ends.
//
//   deno run --allow-net --allow-env examples/graphql.js [port] [talk]

import { EventEmitter, on } from "node:events";
import { WebSocket, WebSocketServer } from "@sluice/websocket/ws";
import { buildSchema } from "npm:graphql@16";
import { createClient } from "npm:graphql-ws@6";
import { useServer } from "npm:graphql-ws@6/use/ws";

const schema = buildSchema(`
  type Query { messages: [String!]! }
  type Mutation { say(text: String!): Int! } # how many hear it
  type Subscription { said: String! }
`);
const news = new EventEmitter().setMaxListeners(0); // each subscription listens
const messages = [];

const roots = {
  query: { messages: () => messages },
  mutation: {
    say({ text }) {
      if (messages.push(text) > 20) messages.shift();
      news.emit("said", text);
      return news.listenerCount("said");
    },
  },
};
const { said } = schema.getSubscriptionType().getFields();
said.subscribe = () => on(news, "said");
said.resolve = ([text]) => text;

const server = new WebSocketServer({
  port: Number(Deno.args[0] ?? 8080),
  host: "127.0.0.1",
  path: "/graphql",
  maxPayload: 16 * 1024,
});
const graphql = useServer({ schema, roots }, server);
server.once("listening", async () => {
  const url = `ws://127.0.0.1:${server.address().port}/graphql`;
  console.log(`GraphQL on ${url}`);
  if (Deno.args[1] === "talk") await talk(url);
});

async function talk(url) {
  const client = createClient({ url, webSocketImpl: WebSocket });
  const ask = async (query, variables) => {
    for await (const { data, errors } of client.iterate({ query, variables })) return data ?? errors;
  };
  const heard = client.iterate({ query: "subscription { said }" });
  const first = heard.next();
  await ask("{ messages }"); // it is answered after the subscription has begun
  console.log(await ask("mutation ($text: String!) { say(text: $text) }", { text: "It rains" }));
  console.log((await first).value.data);
  await heard.return();
  console.log(await ask('mutation { say(text: "It still rains") }'));
  console.log(await ask("{ messages }"));
  await client.dispose();
  await graphql.dispose();
}
