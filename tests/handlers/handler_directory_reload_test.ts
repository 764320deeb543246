import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect } from "../../lib/client/connect.ts";
import { HandshakeError } from "../../lib/errors.ts";
import { loadHandlers } from "../../lib/handlers/mod.ts";
import { settle, soon } from "../_support/wait.ts";
import { folder, served } from "./_support.ts";

/** A handler that sends a text, and the number of connections that its module had. */
const says = (text: string) => `
  let count = 0;
  export async function transferData({ stream }) {
    await stream.sendMessage("${text} " + ++count);
    await stream.receiveMessage();
    await stream.sendMessage("still ${text}");
  }
`;

Deno.test("reload serves new and changed files, drops removed ones, and keeps the state of the others", async () => {
  await using root = await folder({ "a_wsh.js": says("a"), "b_wsh.js": says("b"), "map.txt": "/x /a" });
  await using handlers = await served({ root: root.path, mapFile: `${root.path}/map.txt` });
  const first = async (resource: string) => {
    await using socket = await connect(handlers.server.url + resource);
    return (await socket[Symbol.asyncIterator]().next()).value;
  };
  assertEquals([await first("/a"), await first("/b"), await first("/x")], ["a 1", "b 1", "a 2"]);

  const open = await connect(`${handlers.server.url}/b`);
  const messages = open[Symbol.asyncIterator]();
  assertEquals((await messages.next()).value, "b 2");

  await root.write("b_wsh.js", says("B"));
  await root.write("c/d_wsh.js", says("d"));
  await root.write("map.txt", "/y /c/d");
  await handlers.directory.reload();
  assertEquals([await first("/a"), await first("/b"), await first("/c/d"), await first("/y")], [
    "a 3",
    "B 1",
    "d 1",
    "d 2",
  ]);
  await assertRejects(() => first("/x"), HandshakeError);

  await open.send("go on");
  assertEquals((await messages.next()).value, "still b", "an open connection keeps its handler");
  await open.close();

  await Deno.remove(`${root.path}/a_wsh.js`);
  await handlers.directory.reload();
  assertEquals(handlers.directory.resources, ["/b", "/c/d", "/y"]);
  assertEquals(handlers.warnings, []);
});

Deno.test("A5: a file that is broken at a reload keeps its last good version, with a warning, until it is fixed", async () => {
  await using root = await folder({ "a_wsh.js": says("one") });
  await using handlers = await served({ root: root.path });
  const first = async () => {
    await using socket = await connect(`${handlers.server.url}/a`);
    return (await socket[Symbol.asyncIterator]().next()).value;
  };
  await root.write("a_wsh.js", "export function");
  await handlers.directory.reload();
  assertEquals(await first(), "one 1");
  assertMatch(handlers.warnings.join("\n"), /^[^\n]*\/a_wsh\.js is kept as it was: [^\n]*$/);

  await root.write("a_wsh.js", says("two"));
  await handlers.directory.reload();
  assertEquals(await first(), "two 1");
});

Deno.test("a reload that fails rejects and changes nothing, and the next one works", async () => {
  await using root = await folder({ "a_wsh.js": says("a"), "map.txt": "" });
  const mapFile = `${root.path}/map.txt`;
  const directory = await loadHandlers({ root: root.path, mapFile });
  await Deno.remove(mapFile);
  await assertRejects(() => directory.reload(), Deno.errors.NotFound);
  assertEquals(directory.resources, ["/a"]);

  await root.write("map.txt", "/b /a");
  await directory.reload();
  assertEquals(directory.resources, ["/a", "/b"]);
});

Deno.test("of two concurrent reloads the later call counts, however long the first takes", async () => {
  await using root = await folder({ "a_wsh.js": says("old") });
  await using handlers = await served({ root: root.path });
  const [loading, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  Object.assign(globalThis, { slowHandler: { loading: loading.resolve, gate: gate.promise } });
  await root.write("a_wsh.js", `slowHandler.loading(); await slowHandler.gate; ${says("slow")}`);
  const first = handlers.directory.reload();
  await soon(loading.promise, "The first reload");
  await root.write("a_wsh.js", says("new"));
  const second = handlers.directory.reload();
  await Promise.race([second, settle()]); // where it did not wait for the first, it is done here
  gate.resolve();
  await soon(Promise.all([first, second]), "Both reloads");
  await using socket = await connect(`${handlers.server.url}/a`);
  assertEquals((await socket[Symbol.asyncIterator]().next()).value, "new 1");
  Reflect.deleteProperty(globalThis, "slowHandler");
});
