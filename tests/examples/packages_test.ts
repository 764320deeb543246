/**
 * The examples with packages that are made for `ws`. Their clients are the packages' own. The programs run without the lock file,
 * into which the packages must not get.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { connect } from "../../mod.ts";
import { type Child, deno, runDeno } from "../_support/child.ts";
import { launch, NO_CHROMIUM } from "../_support/chromium.ts";
import { within } from "../_support/deadline.ts";
import { unless } from "../_support/needs.ts";
import { soon } from "../_support/wait.ts";
import { openPage, problemsOf } from "./_page.ts";

const ROOT = new URL("../../", import.meta.url);
const FILES = ["graphql.js", "socket_io/server.js", "socket_io/client.js", "yjs/server.js", "yjs/client.js"];

/** What is missing where Deno cannot get the packages of the examples. */
async function missingPackages(): Promise<string | undefined> {
  const sources = FILES.map((file) => Deno.readTextFileSync(new URL(`examples/${file}`, ROOT)));
  const packages = new Set(sources.flatMap((source) => source.match(/npm:[^"]+/g) ?? []));
  try {
    await runDeno(["cache", "--quiet", "--no-lock", ...packages], { cwd: ROOT, ms: 300_000 });
  } catch {
    return "npm cannot install the packages";
  }
}
const missing = await missingPackages();

/** Starts an example with the permissions that its head names. */
function start(file: string, ...args: string[]): Child {
  const permissions = ["--allow-net=127.0.0.1", "--allow-env"];
  if (file === "socket_io/server.js") permissions.push("--allow-read");
  return deno("run", "--no-prompt", "--quiet", ...permissions, `examples/${file}`, ...args);
}

/** Waits until a program prints something. */
function said(child: Child, pattern: RegExp): Promise<RegExpExecArray> {
  return within(child.said(pattern), 30_000, `What matches ${pattern}`);
}

Deno.test({
  ...unless(missing, "examples/graphql.js: a query, a mutation and a subscription with the client of graphql-ws"),
  async fn() {
    await using child = start("graphql.js", "0", "talk");
    await said(child, /ws:.*\/graphql\n{ say: 1 }\n{ said: "It rains" }\n{ say: 0 }\n.*"It rains", "It still rains"/);
    const { code } = await within(child.process.status, 10_000, "The end");
    assertEquals(code, 0);
  },
});

Deno.test({
  ...unless(missing, "examples/socket_io: two clients of Socket.IO exchange messages over WebSockets"),
  async fn() {
    await using server = start("socket_io/server.js", "0");
    const [, url = ""] = await said(server, /(http:\S+)\//);
    await using ann = start("socket_io/client.js", url);
    await said(ann, /1 in the room/);
    await said(ann, /connected by websocket/);
    await using bob = start("socket_io/client.js", url, "It rains");
    await said(bob, /2 in the room/);
    for (const child of [ann, bob]) await said(child, /It rains/);
  },
});

Deno.test({
  ...unless(
    missing,
    "examples/socket_io disconnects a client that joins no room, and drops messages from outside of a room",
  ),
  async fn() {
    await using server = start("socket_io/server.js", "0");
    const [, url = ""] = await said(server, /http:(\S+)/);
    /** A client that speaks Socket.IO's protocol by hand: 4 is a message of engine.io, 0 connects, 2 is an event. */
    const dial = async () => {
      const socket = await connect(`ws:${url}socket.io/?EIO=4&transport=websocket`);
      const packets = socket[Symbol.asyncIterator]();
      const next = async () => String((await soon(packets.next(), "A packet")).value);
      assertMatch(await next(), /^0{/);
      await socket.send("40");
      assertMatch(await next(), /^40{/);
      return { socket, next };
    };
    const [ann, bob] = [await dial(), await dial()];
    await ann.socket.send('420["join","lobby"]');
    assertEquals(await ann.next(), '430[{"here":1}]');
    await bob.socket.send('42["say","lobby","from outside"]');
    await bob.socket.send('420["join","lobby"]');
    assertEquals(await bob.next(), '430[{"here":2}]');
    await bob.socket.send('42["say","lobby","from inside"]');
    assertEquals(await ann.next(), '42["said","from inside"]');
    await bob.socket.send('420["join",1]');
    await soon(bob.socket.closed, "The end");
    await ann.socket.close();
  },
});

Deno.test({
  ...unless(
    missing ?? NO_CHROMIUM,
    "examples/socket_io: the page connects by WebSocket, sends and receives, in Chromium",
  ),
  async fn() {
    await using server = start("socket_io/server.js", "0");
    const [, url = ""] = await said(server, /(http:\S+)\//);
    await using ann = start("socket_io/client.js", url);
    await said(ann, /1 in the room/);
    await using browser = await launch();
    const page = await openPage(browser, `${url}/`);
    await page.until(`document.querySelector("#state").textContent.includes("2 in the room")`);
    await page.evaluate(
      `document.querySelector("input").value = "<b>hi</b>"; document.querySelector("button").click()`,
    );
    await said(ann, /<b>hi<\/b>/);
    await page.until(`document.querySelector("li")?.textContent === "<b>hi</b>"`);
    await page.until(`socket.io.engine.transport.name === "websocket"`);
    assertEquals(await problemsOf(page), []);
  },
});

Deno.test({
  ...unless(
    missing,
    "examples/yjs: an edit that a client makes while the server is away reaches all documents when it is back",
  ),
  async fn() {
    const before = start("yjs/server.js", "0");
    const [, url = ""] = await said(before, /(ws:\S+)/);
    await before[Symbol.asyncDispose]();
    await using ann = start("yjs/client.js", url, "milk");
    await said(ann, /milk\n(?:.*\n)*connecting\n/);
    await using server = start("yjs/server.js", new URL(url).port);
    await said(server, /ws:/);
    await said(ann, /\nconnected\n/);
    await using bob = start("yjs/client.js", url, "bread");
    for (const child of [ann, bob]) await said(child, /milk \| bread|bread \| milk/);
  },
});
