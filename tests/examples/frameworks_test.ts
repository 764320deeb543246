import { assertEquals } from "@std/assert";
import { connect } from "../../mod.ts";
import { deno } from "../_support/child.ts";
import { within } from "../_support/deadline.ts";
import { soon } from "../_support/wait.ts";

// Without the lock file, into which their packages must not get.
const EXAMPLES = [
  { file: "hono", page: "Hono is here\n", path: "/rooms/lobby", names: ["Ann", "Bob"] },
  { file: "h3", page: "h3 is here\n", path: "/chat", names: [] },
];

for (const { file, page, path, names } of EXAMPLES) {
  Deno.test(`examples/${file}.ts: a page and a chat in one application`, async () => {
    const run = ["run", "--no-prompt", "--quiet", "--no-check", "--allow-net=127.0.0.1", "--allow-env"];
    await using child = deno(...run, `examples/${file}.ts`, "0");
    const [, url] = await within(child.said(/(http:\S+)\//), 60_000, "The start, download included,");
    assertEquals(await (await fetch(`${url}/`)).text(), page);
    const dial = async (name = "") => {
      const socket = await connect(`${url}${path}?name=${name}`);
      const messages = socket[Symbol.asyncIterator]();
      return { socket, next: async () => String((await soon(messages.next(), "A message")).value) };
    };
    const ann = await dial(names[0]);
    if (file === "hono") assertEquals(await ann.next(), "Ann is here");
    else await ann.socket.ping();
    const bob = await dial(names[1]);
    const [hello, name] = [await ann.next(), names[1]];
    const who = name ?? hello.slice(0, 4);
    assertEquals(hello, `${who} is here`);
    await bob.socket.send("hello");
    assertEquals(await ann.next(), `${who}: hello`);
    await Promise.all([ann.socket.close(), bob.socket.close()]);
  });
}
