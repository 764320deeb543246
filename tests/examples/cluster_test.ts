import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { account, type Away, type Witness } from "../../examples/cluster/ledger.ts";
import { missingPrograms } from "../../examples/cluster/programs.ts";
import { connect } from "../../mod.ts";
import { deno, denoOutput } from "../_support/child.ts";
import { launch, NO_CHROMIUM } from "../_support/chromium.ts";
import { within } from "../_support/deadline.ts";
import { unless } from "../_support/needs.ts";

const programs = missingPrograms();
const missing = programs.length === 0 ? undefined : `not installed: ${programs.join(", ")}`;
const FLAGS = ["run", "--quiet", "--no-prompt", "--no-check", "--allow-all"];
const RUN = [...FLAGS, "examples/cluster/run.ts"];

Deno.test({
  ...unless(
    missing,
    "T13, T14, A9: behind nginx, a server killed, the other one drained and NATS killed cost what was in flight; " +
      `nothing comes twice, all clients come back and catch up`,
  ),
  async fn() {
    const { code, stdout } = await denoOutput(...RUN, "--quick", "--clients", "8");
    assertEquals(code, 0, stdout);
    const rows = [...stdout.matchAll(/^\| (\S.*?) +\| +(\d.*) \|$/gm)].map(([, title, rest]) => {
      const [messages, due, received, caughtUp, lost, unexplained, duplicates, reconnects] = rest!.split("|").map(
        Number,
      );
      return { title, messages, due, received, caughtUp, lost, unexplained, duplicates, reconnects };
    });
    const titles = ["nothing", "server a, SIGKILL", "nothing, pages reload", "server b, SIGTERM"];
    assertEquals(rows.map(({ title }) => title), [...titles, "nothing, pages reload", "NATS, SIGKILL", "all"]);
    for (const { messages = 0, due, received = 0, lost = 0, unexplained, duplicates } of rows) {
      assert(messages > 0, stdout);
      assertEquals([due, received + lost, unexplained, duplicates], [messages * 8, due, 0, 0], stdout);
    }
    const [quiet, killed, reloaded, drained, again, broker] = rows;
    assertEquals([quiet, reloaded, again].map((row) => row?.lost), [0, 0, 0]);
    assertEquals([quiet, reloaded, again, broker].map((row) => row?.reconnects), [0, 8, 8, 0]);
    for (const row of [killed, drained]) assert(row!.reconnects! > 0 && row!.caughtUp! > 0, stdout);
    assertMatch(stdout, /server b: drains [1-8] connections\n/);
    // deno-lint-ignore no-console -- the numbers are part of what is promised
    console.log(`A cluster:\n${stdout.slice(stdout.indexOf("| away"))}`);
  },
});

Deno.test({
  ...unless(
    missing,
    "examples/cluster/run.ts --stay serves the chat page through nginx, with a cookie that keeps a browser on its server; " +
      `a message goes from one server to the other; Ctrl+C ends all of it`,
  ),
  async fn() {
    await using child = deno(...RUN, "--stay");
    const [, sticky = "", balanced = ""] = await within(
      child.said(/(http:\S+)\/ .* (http:\S+)\/ /),
      20_000,
      "The start",
    );
    const page = await fetch(sticky);
    assertMatch(await page.text(), /<title>Lobby<\/title>/);
    const cookie = page.headers.getSetCookie().map((field) => field.split(";")[0]).join();
    assertMatch(cookie, /^sluice=[0-9a-f]{32}$/);
    const again = await fetch(sticky, { headers: { cookie } });
    assertEquals([await again.text() === "", again.headers.getSetCookie()], [false, []]);
    const health = await fetch(`${balanced}/health`);
    assertEquals([health.status, await health.text() === ""], [404, false]);

    const enter = async (url: string, name = "") => {
      const socket = await connect(`${url.replace("http", "ws")}/lobby?name=${name}`, { headers: { cookie } });
      const heard = socket[Symbol.asyncIterator]();
      const next = async () => JSON.parse(String((await within(heard.next())).value));
      const until = async (wanted: (message: Record<string, unknown>) => boolean) => {
        for (;;) {
          const message = await next();
          if (wanted(message)) return message;
        }
      };
      return { socket, until, server: (await next()).server, live: (await next()).live };
    };
    const home = [await enter(sticky), await enter(sticky), await enter(sticky)];
    assertEquals(new Set(home.map(({ server }) => server)).size, 1);
    const other = await enter(balanced, "Bob");
    const one = await enter(balanced, "Ada");
    assert(one.server !== other.server);
    // Each server knows the names of both.
    await other.until(({ came }) => Array.isArray(came) && came.includes("Ada"));
    await one.socket.send("hello");
    const { name, text } = await other.until(({ id }) => id !== undefined);
    assertEquals([name, text], ["Ada", "hello"]);
    await Promise.all([...home, one, other].map(({ socket }) => socket.close()));

    child.process.kill("SIGINT");
    assertEquals((await within(child.process.status)).code, 0);
    for (const url of [sticky, balanced]) {
      await assertRejects(() => Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) }));
    }
  },
});

Deno.test({
  ...unless(
    missing ?? NO_CHROMIUM,
    "the page of examples/cluster asks for a name and keeps it, shows its server and who is here, sends the typed text, and " +
      `shows names and messages as text, and the last messages once`,
  ),
  async fn() {
    await using child = deno(...RUN, "--stay");
    const [, url = ""] = await within(child.said(/(http:\S+)\/ \(sticky\)/), 20_000, "The start");
    await using browser = await launch();
    const texts = (list: string) =>
      `[...document.querySelectorAll("${list} li")].map(({ children }) => [...children].map((part) => part.textContent).join(": ")).join()`;
    const shows = (people: string, messages: string) =>
      `document.querySelector("#status").textContent.startsWith("On server ") && ${texts("ul")} === "${people}" && ` +
      `${texts("ol")} === "${messages}"`;
    const enter = (form: string, value: string) =>
      `document.querySelector("${form} input").value = "${value}", document.querySelector("${form}").requestSubmit()`;
    const ada = await browser.open(`${url}/`);
    await ada.evaluate(enter("#join", "<i>Ada</i>"));
    await ada.until(shows("<i>Ada</i>", ""));
    await ada.evaluate(enter("#say", "<b>hello</b>"));
    await ada.until(shows("<i>Ada</i>", "<i>Ada</i>: <b>hello</b>"));
    const bob = await browser.open(`${url}/`);
    assertEquals(await bob.evaluate(`document.querySelector("#join input").value`), "<i>Ada</i>");
    await bob.evaluate(enter("#join", "Bob"));
    for (const page of [bob, ada]) await page.until(shows("<i>Ada</i>,Bob", "<i>Ada</i>: <b>hello</b>"));
    // A tab that is reloaded joins again with its name.
    await ada.evaluate(`location.reload()`);
    await ada.until(shows("<i>Ada</i>,Bob", "<i>Ada</i>: <b>hello</b>"));
  },
});

Deno.test("the ledger of examples/cluster accepts a loss only if the message's server went away, or the broker between two servers", () => {
  const client = (server: string): Witness => {
    const said = [{ text: server, server, at: 1 }];
    const heard = new Map(said.map(({ text }) => [text, { caughtUp: false }]));
    const moves = [{ at: 0, server }];
    return { said, heard, moves };
  };
  const losses = (away: Away) => {
    const phase = { title: "", away, from: 0, well: 2, duplicates: 0, reconnects: 0, back: "" };
    const rows = account([phase], [client("a"), client("a"), client("b")]);
    return rows.map(({ messages, due, received, lost, unexplained }) => [messages, due, received, lost, unexplained]);
  };
  // Everybody has heard what is said on the own server; what goes from one to the other is missing, twice each way.
  assertEquals(losses({ kind: "nothing" }), [[3, 9, 5, 0, 4]]);
  assertEquals(losses({ kind: "broker" }), [[3, 9, 5, 4, 0]]);
  assertEquals(losses({ kind: "server", server: "b" }), [[3, 9, 5, 2, 2]]);
});

Deno.test("T13: examples/cluster/server.ts runs without its broker, and on SIGTERM answers 503 on /health, closes with 1001, and ends", async () => {
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port: nobody } = probe.addr;
  probe.close();
  const options = ["--port", "0", "--nats", `127.0.0.1:${nobody}`, "--drain-delay", "300"];
  await using child = deno(...FLAGS, "examples/cluster/server.ts", ...options);
  const [, address] = await within(child.said(/listens on (\S+)/), 20_000, "The start");
  const health = async () => {
    const response = await fetch(`http://${address}/health`);
    const { draining, broker, connections } = await response.json();
    return [response.status, draining, broker, connections];
  };
  const socket = await connect(`ws://${address}/lobby`);
  assertEquals(await health(), [200, false, "down", 1]);
  await socket.send("hello");
  const heard: unknown[] = [];
  for await (const message of socket) {
    const { here, name, text } = JSON.parse(String(message));
    if (here !== undefined) heard.push(here);
    if (text !== undefined) heard.push(name, text);
    if (text !== undefined) break;
  }
  assertEquals(heard, [["guest"], "guest", "hello"]);

  child.process.kill("SIGTERM");
  await child.said(/drains 1 connections/);
  assertEquals(await health(), [503, true, "down", 1]);
  const { closeCode, reason } = await within(socket.closed);
  assertEquals([closeCode, reason], [1001, "This server restarts"]);
  assertEquals((await within(child.process.status)).code, 0);
});

for (const log of ["redis", "jetstream"] as const) {
  const absent = missingPrograms(log);
  Deno.test({
    ...unless(
      absent.length === 0 ? undefined : `not installed: ${absent.join(", ")}`,
      `examples/cluster/chaos.ts: with a log in ${log}, servers, log and nginx killed and stalled and connections cut: ` +
        "durable messages reach every client of their room, once and in order",
    ),
    async fn() {
      const args = ["--clients", "20", "--seconds", "8", "--log", log, "--seed", "1"];
      const { code, stdout } = await denoOutput(...FLAGS, "examples/cluster/chaos.ts", ...args);
      assertEquals(code, 0, stdout);
      const count = (row: string) => Number(new RegExp(`^${row} +(\\d+)$`, "m").exec(stdout)?.[1]);
      assertEquals([count("lost"), count("twice"), count("out of order"), count("refused")], [0, 0, 0, 0], stdout);
      assert(count("processes killed") >= 2 && count("subscriptions recovered") > 0, stdout);
      assertEquals(count("deliveries"), 10 * count("durable messages"), stdout);
    },
  });
}
