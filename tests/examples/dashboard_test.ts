import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect, HandshakeError } from "../../mod.ts";
import { type Child, deno } from "../_support/child.ts";
import { launch } from "../_support/chromium.ts";
import { soon } from "../_support/wait.ts";
import { inChromium, openPage, problemsOf } from "./_page.ts";

const dashboard = (port = "0"): Child =>
  deno(
    "run",
    "--no-prompt",
    "--allow-net=127.0.0.1",
    "--allow-read=examples/dashboard",
    "examples/dashboard/server.ts",
    port,
  );

Deno.test("examples/dashboard pushes samples, and sends the recent ones at once to a new viewer", async () => {
  await using child = dashboard();
  const [, url] = await child.said(/http(:\S+)/);
  const watch = async () => {
    const socket = await connect(`ws${url}samples`);
    const samples = socket[Symbol.asyncIterator]();
    return { socket, next: async () => JSON.parse(String((await soon(samples.next(), "The next sample")).value)) };
  };
  const first = await watch();
  const echo = await connect(`ws${url}echo`);
  const echoed = echo[Symbol.asyncIterator]();
  for (let i = 0; i < 10; i++) {
    await echo.send(`${i}`);
    assertEquals((await echoed.next()).value, `${i}`);
  }
  const samples = [await first.next()];
  while (samples.at(-1).messagesPerSecond === 0) samples.push(await first.next());
  const { time, rss, heapUsed, connections } = samples.at(-1);
  assert(rss > heapUsed && heapUsed > 1e6, `${rss}, ${heapUsed}`);
  assertEquals(connections, 2);
  assert(Math.abs(Date.now() - time) < 60_000);

  const later = await watch();
  for (const sample of samples) {
    let old = await later.next();
    while (old.time < sample.time) old = await later.next(); // from before the first came
    assertEquals(old, sample);
  }
  await later.socket.send("hello");
  assertEquals((await later.socket.closed).closeCode, 1008);
  await Promise.all([first.socket.close(), echo.close()]);
  assertEquals((await assertRejects(() => connect(`ws${url}`), HandshakeError)).status, 404);
});

Deno.test({
  ...inChromium(
    "the page of examples/dashboard shows numbers and lines that move, makes traffic, and comes back after a restart",
  ),
  async fn() {
    let child = dashboard();
    try {
      const [, url, port] = await child.said(/(http:\S+:(\d+)\/)/);
      await using browser = await launch();
      const page = await openPage(browser, url!);
      const now = (id: string) => `document.querySelector("#${id} .now").textContent`;
      await page.until(
        `${now("memory")}.endsWith(" MiB") && ${now("connections")} === "1" && ${now("messages")} === "0"`,
      );
      const line = `document.querySelector("#messages path").getAttribute("d")`;
      const before = await page.evaluate(line);
      await page.evaluate(`document.getElementById("traffic").click()`);
      await page.until(
        `${now("connections")} === "2" && parseInt(${now("messages")}) > 0 && ${line} !== ${JSON.stringify(before)}`,
      );
      await page.evaluate(`document.getElementById("traffic").click()`);
      await page.until(`${now("connections")} === "1" && ${now("messages")} === "0"`);

      const state = `document.getElementById("state").textContent`;
      await child[Symbol.asyncDispose]();
      await page.until(`${state} === "connecting again"`);
      child = dashboard(port!);
      await child.said(/http:/);
      await page.until(`${state} === "live"`);
      assertEquals(await problemsOf(page), []);
    } finally {
      await child[Symbol.asyncDispose]();
    }
  },
});
