// deno-lint-ignore-file no-console -- it answers the test that runs it
/**
 * Fills a history of 16 MiB with small messages until it forgets, and prints the bytes of memory that it takes.
 *
 * @module
 */
import { History } from "../../lib/hub/history.ts";
import { HubMessage } from "../../lib/hub/hub_message.ts";
import type { Message } from "../../lib/pipeline/messages/message.ts";

const MESSAGES = 150_000;
const [shape] = Deno.args;

const connection = {
  encoding: "",
  encode: (data: unknown) => new TextEncoder().encode(`12${data}`),
  sendEncoded() {},
};

function make(id: number): HubMessage {
  const topic = shape === "topics" ? `topic ${id}` : "topic";
  const data: Message = shape === "text" || shape === "topics" ? `${id}` : Uint8Array.of(id);
  const message = new HubMessage({ id, topic, data, options: undefined });
  if (shape === "encoded") message.encodedFor(connection);
  return message;
}

function used(): number {
  const collect: unknown = Reflect.get(globalThis, "gc"); // --v8-flags=--expose-gc
  if (typeof collect !== "function") throw new Error("It needs --v8-flags=--expose-gc");
  collect();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}

const history = new History({ messages: MESSAGES, bytes: 16 * 1024 * 1024 });
const before = used();
for (let id = 0; id < MESSAGES; id++) history.add(make(id));
console.log(used() - before);
if (history.bytes === 0) throw new Error("It is empty"); // which also keeps it alive up to here
