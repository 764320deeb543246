import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { connect, HandshakeError, serve } from "../../mod.ts";
import crossws, { type CrosswsOptions, type CrosswsPeer } from "../../lib/adapters/crossws.ts";
import { fromFetch } from "../../lib/adapters/fetch.ts";
import { deno, denoOutput } from "../_support/child.ts";
import { within } from "../_support/deadline.ts";
import { soon } from "../_support/wait.ts";

for (const server of ["serve", "Deno.serve", "node:http"]) {
  Deno.test(`crossws' hooks in an application of h3 on ${server}: upgrade, open, message, close, error, topics, refusals`, async () => {
    const permissions = ["--allow-net=127.0.0.1", "--allow-env", "--allow-read"];
    const run = ["run", "--no-prompt", "--quiet", "--no-check", ...permissions];
    await using child = deno(...run, "tests/adapters/_crossws.ts", server);
    const [, port] = await within(child.said(/listening on (\d+)/), 60_000, "The start, download included,");
    assertEquals(await (await fetch(`http://127.0.0.1:${port}/`)).text(), "h3 is here");

    const url = `ws://127.0.0.1:${port}/rooms`;
    const dial = async (name: string) => {
      const socket = await connect(`${url}/${name}`, { protocols: ["v1", "v2"] });
      const messages = socket[Symbol.asyncIterator]();
      const next = async () => (await soon(messages.next(), "A message")).value;
      return { socket, next, hello: JSON.parse(String(await next())) };
    };
    const ann = await dial("ann");
    assertEquals([ann.socket.protocol, ann.socket.headers.get("x-room")], ["v2", "1"]);
    assertEquals(ann.hello, { room: "lobby", peers: 1, address: "127.0.0.1", namespace: "rooms" });
    const bob = await dial("bob");
    assertEquals([bob.hello.peers, await ann.next()], [2, "bob is here"]);
    await ann.socket.send("hello");
    await ann.socket.send(new Uint8Array([1, 2]));
    assertEquals([await ann.next(), await ann.next()], ["hello", new Uint8Array([1, 2])]);
    await ann.socket.send("all");
    assertEquals([await ann.next(), await ann.next(), await bob.next()], [new Uint8Array(2), "all", new Uint8Array(2)]);
    await bob.socket.send("leave");
    assertEquals(await bob.next(), "leave");
    await ann.socket.send("all");
    assertEquals([await ann.next(), await ann.next()], [new Uint8Array(2), "all"]);

    await bob.socket.send("end");
    assertEquals((await soon(bob.socket.closed, "The end")).closeCode, 4000);
    await within(child.said(/closed: 4000/), 5_000, "The hook close");
    await ann.socket.send("throw");
    assertEquals((await soon(ann.socket.closed, "The end")).closeCode, 1011);
    await within(child.said(/error: thrown on purpose\nclosed: /), 5_000, "The hook error");

    const refused: number[] = [];
    for (const path of ["rooms/closed", "rooms/away", "nowhere", ""]) {
      const dialing = connect(`ws://127.0.0.1:${port}/${path}`);
      refused.push((await assertRejects(() => dialing, HandshakeError)).status);
    }
    assertEquals(refused, [403, 410, 404, 404]);
  });
}

/** A server of ours with an adapter. */
function start(options: CrosswsOptions) {
  const ws = crossws(options);
  const { handler, ...app } = fromFetch(ws.fetch);
  const server = serve({ port: 0, hostname: "127.0.0.1", ...app }, handler);
  return { ws, url: server.url, server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

Deno.test("global hooks and a request's hooks both run; the namespace is the path unless something else chooses it", async () => {
  const called: string[] = [];
  const ended = Promise.withResolvers<void>();
  await using app = start({
    hooks: { open: (peer: CrosswsPeer) => void called.push(`all ${peer.namespace}`) },
    resolve: (request) => ({
      open: () => void called.push(`own ${new URL(request.url).pathname}`),
      close: () => ended.resolve(),
    }),
    handleProtocols: (offered) => [...offered].at(-1),
  });
  const socket = await connect(`${app.url}/a`, { protocols: ["x", "y"] });
  await socket.ping();
  assertEquals([socket.protocol, called, [...app.ws.peers.keys()]], ["y", ["all /a", "own /a"], ["/a"]]);
  await app.ws.close(4001, "enough");
  const { closeCode, reason } = await socket.closed;
  await ended.promise;
  assertEquals([closeCode, reason, app.ws.peers.size], [4001, "enough", 0]);
});

Deno.test("a topic belongs to its namespace; publish without a namespace reaches all of them", async () => {
  await using app = start({ hooks: { open: (peer: CrosswsPeer) => peer.subscribe("news") } });
  const [one, other] = [await connect(`${app.url}/1`), await connect(`${app.url}/2`)];
  await Promise.all([one.ping(), other.ping()]);
  app.ws.publish("news", "for 1", { namespace: "/1" });
  app.ws.publish("news", 7);
  const heard = await Promise.all([one, other].map(async (socket) => {
    const first = (await soon(socket[Symbol.asyncIterator]().next(), "A message")).value;
    await socket.close();
    return first;
  }));
  assertEquals(heard, ["for 1", "7"]);
});

Deno.test("a request without hooks is refused with 404, and so is a request that does not ask for a WebSocket when there is no application", async () => {
  await using app = start({ resolve: () => undefined });
  assertEquals((await assertRejects(() => connect(app.url), HandshakeError)).status, 404);
  const response = await fetch(app.url.replace("ws", "http"));
  assertEquals([response.status, await response.text()], [404, "Not found\n"]);
});

Deno.test("the crossws option sync is refused with a message that says what to use instead, and so is an unknown option", () => {
  const sync = { hooks: {}, sync: () => ({}) };
  assertThrows(() => crossws(sync), TypeError, "pass a hub with a broker");
  // @ts-expect-error: there is no such option
  assertThrows(() => crossws({ hook: {} }), TypeError, 'did you mean "hooks"?');
});

Deno.test("the types of h3's application are compatible", async () => {
  const { code, stderr } = await denoOutput("check", "examples/h3.ts");
  assertEquals(code, 0, stderr);
});
