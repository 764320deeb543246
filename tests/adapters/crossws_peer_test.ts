import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { LimitError } from "../../lib/errors.ts";
import { toMessageData, topicsOf } from "../../lib/adapters/crossws_peer.ts";
import { soon } from "../_support/wait.ts";
import { peer } from "./_crossws_peer.ts";

Deno.test("sent values are converted as crossws does: objects to JSON, numbers to text, nothing to an empty text", () => {
  const bytes = new Uint8Array([1, 2, 3, 4]);
  assertEquals(["a", bytes, bytes.buffer].map(toMessageData), ["a", bytes, bytes.buffer]);
  assertEquals(toMessageData(new DataView(bytes.buffer, 1, 2)), bytes.subarray(1, 3));
  assertEquals([undefined, null, 7, true, 8n, { a: [1] }, [1, "b"]].map(toMessageData), [
    "",
    "",
    "7",
    "true",
    "8",
    '{"a":[1]}',
    '[1,"b"]',
  ]);
});

Deno.test("the same topic name in two namespaces means two topics, whatever characters the names contain", () => {
  const names = [["a", "b"], ["a,", "b"], ['a"', "b"], ["", "a"], ["a", ""]].map(([namespace = "", topic = ""]) =>
    topicsOf(namespace, topic)[0]
  );
  assertEquals(new Set(names).size, names.length);
  assertEquals(names.includes(topicsOf("x", "a")[1]), false);
});

Deno.test("a peer has its request, its address, a random id and its connection, and sends, pings, closes and drops", async () => {
  await using made = await peer();
  const { peer: own, client } = made;
  const { namespace, remoteAddress, context, websocket, bufferedAmount } = own;
  assertEquals([namespace, remoteAddress, context, bufferedAmount], ["/chat", "127.0.0.1", {}, 0]);
  assertEquals([websocket, own.request.url], [own.connection, "http://127.0.0.1/chat"]);
  assertEquals([own.id.length, String(own), `${own}`], [36, own.id, own.id]);
  await own.send({ a: 1 });
  own.ping();
  assertEquals((await soon(client[Symbol.asyncIterator]().next(), "A message")).value, '{"a":1}');
  own.close(4000, "enough");
  assertEquals((await soon(client.closed, "The end")).closeCode, 4000);
  own.ping(); // on a connection that has ended too
  await assertRejects(() => own.send("late"));

  await using other = await peer();
  other.peer.terminate();
  assertEquals((await soon(other.client.closed, "The end")).closeCode, 1006);
});

Deno.test("a peer's topics are those of the hub: it subscribes, publishes to the others and unsubscribes, and exceeding a limit leaves nothing behind", async () => {
  await using made = await peer({ maxTopicsPerConnection: 3 });
  const { peer: own, hub } = made;
  const [name, everywhere] = topicsOf("/chat", "news");
  own.subscribe("news");
  assertEquals([hub.count(name), hub.count(everywhere), [...own.topics]], [1, 1, ["news"]]);
  own.publish("news", "not to itself");
  assertEquals(hub.stats.delivered, 0);
  assertThrows(() => own.subscribe("more"), LimitError);
  assertEquals([[...hub.topics()].length, [...own.topics]], [2, ["news"]]);
  own.unsubscribe("news");
  assertEquals([[...hub.topics()].length, own.topics.size], [0, 0]);
});

Deno.test("waitForDrain resolves when the queue is short enough or the connection is not open, and rejects with its signal's reason", async () => {
  await using made = await peer();
  const { peer: own, client } = made;
  await own.waitForDrain();
  void own.send(new Uint8Array(4 << 20));
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(() => own.waitForDrain({ signal, pollInterval: 1 }), Error, "enough");
  const drained = own.waitForDrain({ threshold: 1024, pollInterval: 1 });
  for await (const _ of client) break;
  await soon(drained, "The end of the queue");
});
