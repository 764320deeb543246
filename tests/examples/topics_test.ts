import { assertEquals, assertRejects } from "@std/assert";
import { connect, HandshakeError } from "../../mod.ts";
import { deno } from "../_support/child.ts";

Deno.test("examples/topics.ts sends messages to the other members of a room, the recent ones first, and refuses an invalid room", async () => {
  await using child = deno("run", "--allow-net=127.0.0.1", "examples/topics.ts", "0");
  const [, url] = await child.said(/(ws:\S+)/);
  const ada = await connect(`${url}/room/1`);
  const heard = ada[Symbol.asyncIterator]();
  await ada.send("hello");
  await ada.ping(); // answered behind the message: it was published
  const bob = await connect(`${url}/room/1`);
  const overheard = bob[Symbol.asyncIterator]();
  await bob.send("hi");
  const texts = [];
  for (const messages of [heard, heard, heard, overheard, overheard, overheard]) {
    texts.push((await messages.next()).value);
  }
  assertEquals(texts, ["(1 here)", "(2 here)", "hi", "(1 here)", "hello", "(2 here)"]);
  await Promise.all([ada.close(), bob.close()]);
  await child.said(/\/room\/1 opens\n\/room\/1 is empty\n/);
  assertEquals((await assertRejects(() => connect(`${url}/`), HandshakeError)).status, 404);
});
