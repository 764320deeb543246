import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect, HandshakeError } from "../../mod.ts";
import { type Child, deno } from "../_support/child.ts";
import { launch } from "../_support/chromium.ts";
import { soon } from "../_support/wait.ts";
import { inChromium, openPage, problemsOf } from "./_page.ts";

const chat = (port = "0"): Child =>
  deno("run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-read=examples/chat", "examples/chat/server.ts", port);

/** Somebody in a room: what they hear, without ids and times. */
async function guest(url: string, name: string, room = "tea") {
  const socket = await connect(`${url.replace("http", "ws")}chat?${new URLSearchParams({ name, room })}`);
  const news = socket[Symbol.asyncIterator]();
  return {
    socket,
    async heard(): Promise<unknown> {
      const { id: _id, time: _time, ...rest } = JSON.parse(String((await soon(news.next(), "The news")).value));
      return rest;
    },
  };
}

const here = (count: number, came: string[] = [], left: string[] = []) => ({ type: "here", count, came, left });
const said = (name: string, text: string) => ({ type: "said", name, text });

Deno.test("examples/chat sends a room its history, its messages and its joins and leaves, and reaches no other room", async () => {
  await using child = chat();
  const [, url] = await child.said(/(http:\S+)/);
  const ada = await guest(url!, "Ada");
  assertEquals([await ada.heard(), await ada.heard()], [here(1), here(1, ["Ada"])]);
  await ada.socket.send("hello");
  assertEquals(await ada.heard(), said("Ada", "hello"));
  const stranger = await guest(url!, "Eve", "coffee");
  assertEquals([await stranger.heard(), await stranger.heard()], [here(1), here(1, ["Eve"])]);

  const before = await guest(url!, "Bob");
  assertEquals([await before.heard(), await before.heard()], [said("Ada", "hello"), here(2)]);
  assertEquals(await before.heard(), here(2, ["Bob"]));
  assertEquals(await ada.heard(), here(2, ["Bob"]));
  await before.socket.close(); // reloads: no news
  const bob = await guest(url!, "Bob");
  assertEquals([await bob.heard(), await bob.heard()], [said("Ada", "hello"), here(2)]);
  await bob.socket.send("  "); // says nothing
  await bob.socket.send("<b>hi</b>");
  for (const { heard } of [ada, bob]) assertEquals(await heard(), said("Bob", "<b>hi</b>"));

  await bob.socket.send(Uint8Array.of(1));
  assertEquals((await bob.socket.closed).closeCode, 1003);
  assertEquals(await ada.heard(), here(1, [], ["Bob"]));
  await stranger.socket.send("still nobody");
  assertEquals(await stranger.heard(), said("Eve", "still nobody"));
  await Promise.all([ada.socket.close(), stranger.socket.close()]);
});

Deno.test("examples/chat accepts no client without a name, and only its own page", async () => {
  await using child = chat();
  const [, url] = await child.said(/(http:\S+)/);
  const status = async (path: string) =>
    (await assertRejects(() => connect(`${url!.replace("http", "ws")}${path}`), HandshakeError)).status;
  assertEquals(await status("chat?name=%20&room=tea"), 400);
  assertEquals(await status(`chat?name=${"a".repeat(31)}&room=tea`), 400);
  assertEquals(await status("chat?name=Ada"), 400);
  assertEquals(await status("elsewhere?name=Ada&room=tea"), 404);
  const page = await fetch(url!);
  assertMatch(
    page.headers.get("content-security-policy") ?? "",
    /^default-src 'none'; script-src 'nonce-[0-9a-f-]{36}'/,
  );
  assertEquals((await page.text()).match(/\b(src|href)="(?!data:)|\{nonce\}|innerHTML/g), null);
  const missing = await fetch(`${url}server.ts`);
  await missing.body?.cancel();
  assertEquals(missing.status, 404);
});

Deno.test({
  ...inChromium("the page of examples/chat joins, says, hears, shows markup as text and comes back after a restart"),
  async fn() {
    let child = chat();
    try {
      const [, url, port] = await child.said(/(http:\S+:(\d+)\/)/);
      const bob = await guest(url!, "Bob");
      await bob.socket.send("<img src=x onerror=problems.push(1)>");
      await using browser = await launch();
      const page = await openPage(browser, `${url}?room=tea`);
      await page.evaluate(
        `$ = (id) => document.getElementById(id); $("name").value = "Ada"; $("join").requestSubmit()`,
      );
      const row = (text: string) =>
        page.until(`[...$("log").children].find((row) => row.innerText.includes(${JSON.stringify(text)}))?.className`);
      assertEquals(await row("<img src=x onerror=problems.push(1)>"), "other");
      await page.until(`$("count").textContent === "2 here"`);
      await page.evaluate(`$("text").value = "good morning"; $("say").requestSubmit()`);
      assertEquals(await row("good morning"), "own");

      await child[Symbol.asyncDispose]();
      await page.until(`$("state").textContent === "connecting again" && $("send").disabled`);
      child = chat(port!);
      await child.said(/(http:\S+)/);
      await page.until(`$("state").textContent === "connected" && !$("send").disabled`);
      await page.evaluate(`$("text").value = "still here"; $("say").requestSubmit()`);
      assertEquals(await row("still here"), "own");
      assertEquals(await problemsOf(page), []);
    } finally {
      await child[Symbol.asyncDispose]();
    }
  },
});
