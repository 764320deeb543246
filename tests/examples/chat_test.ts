import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connect, HandshakeError } from "../../mod.ts";
import { recovering } from "../../lib/recovery/client.ts";
import { type Child, deno } from "../_support/child.ts";
import { launch } from "../_support/chromium.ts";
import { soon } from "../_support/wait.ts";
import { inChromium, openPage, problemsOf } from "./_page.ts";

const chat = (port = "0"): Child =>
  deno("run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-read=examples/chat", "examples/chat/server.ts", port);

/** A guest in a room: what it hears, without times. */
function guest(url: string, name: string, room = "tea") {
  const client = recovering(`${url.replace("http", "ws")}chat?${new URLSearchParams({ name, room })}`, {
    acknowledge: true,
  });
  const events = client[Symbol.asyncIterator]();
  return {
    client,
    async heard(): Promise<Record<string, unknown>> {
      for (;;) {
        const { value: event, done } = await soon(events.next(), "The news");
        if (done) throw new Error(`${name} is disconnected`);
        if (event.type !== "message" && event.type !== "direct") continue;
        const { time: _time, ...rest } = JSON.parse(String(event.data));
        if (rest.type !== "welcome") return rest;
        client.subscribe(room, rest.history);
      }
    },
    /** Sends a text, and reads until it comes back. */
    async says(text: string): Promise<void> {
      void client.send(text);
      while ((await this.heard()).text !== text);
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  };
}

const here = (count: number, came: string[] = [], left: string[] = []) => ({ type: "here", count, came, left });
const said = (name: string, text: string) => ({ name, text });

Deno.test("examples/chat sends a room its history, its messages and its joins and leaves, and reaches no other room", async () => {
  await using child = chat();
  const [, url] = await child.said(/(http:\S+)/);
  await using ada = guest(url!, "Ada");
  assertEquals([await ada.heard(), await ada.heard()], [here(1), here(1, ["Ada"])]);
  void ada.client.send("hello");
  assertEquals(await ada.heard(), said("Ada", "hello"));
  await using stranger = guest(url!, "Eve", "coffee");
  assertEquals([await stranger.heard(), await stranger.heard()], [here(1), here(1, ["Eve"])]);

  await using before = guest(url!, "Bob");
  assertEquals([await before.heard(), await before.heard()], [here(2), here(2, ["Bob"])]);
  assertEquals(await before.heard(), said("Ada", "hello"));
  assertEquals(await ada.heard(), here(2, ["Bob"]));
  await before.client.close(); // reloads: no news
  await using bob = guest(url!, "Bob");
  assertEquals([await bob.heard(), await bob.heard()], [here(2), said("Ada", "hello")]);
  void bob.client.send("  "); // says nothing
  void bob.client.send("<b>hi</b>");
  for (const { heard } of [ada, bob]) assertEquals(await heard(), said("Bob", "<b>hi</b>"));

  void bob.client.send(Uint8Array.of(1));
  assertEquals((await bob.client.closed).closeCode, 1003);
  assertEquals(await ada.heard(), here(1, [], ["Bob"]));
  void stranger.client.send("still nobody");
  assertEquals(await stranger.heard(), said("Eve", "still nobody"));
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
  ...inChromium(
    "the page of examples/chat joins, says, hears, shows markup as text, gets what it missed while offline, and says what a restart lost",
  ),
  async fn() {
    let child = chat();
    try {
      const [, url, port] = await child.said(/(http:\S+:(\d+)\/)/);
      await using bob = guest(url!, "Bob");
      await bob.says("<img src=x onerror=problems.push(1)>");
      await using browser = await launch();
      const page = await openPage(browser, `${url}?room=tea`);
      await page.evaluate(
        `globalThis.offline = false;
        globalThis.WebSocket = class extends WebSocket {
          constructor(url, protocols) {
            super(offline ? new URL("/refused", url) : url, protocols);
            globalThis.current = this;
          }
        };
        $ = (id) => document.getElementById(id); $("name").value = "Ada"; $("join").requestSubmit()`,
      );
      const row = (text: string) =>
        page.until(`[...$("log").children].find((row) => row.innerText.includes(${JSON.stringify(text)}))?.className`);
      assertEquals(await row("<img src=x onerror=problems.push(1)>"), "other");
      await page.until(`$("count").textContent === "2 here"`);
      await page.evaluate(`$("text").value = "good morning"; $("say").requestSubmit()`);
      assertEquals(await row("good morning"), "own");

      // While the page is offline, Bob writes.
      await page.evaluate(`offline = true; current.close(4000)`);
      await page.until(`$("state").textContent === "connecting again"`);
      await bob.says("missed you");
      await page.evaluate(`offline = false; dispatchEvent(new Event("online"))`);
      assertEquals(await row("missed you"), "other");
      const rows = (text: string) =>
        page.evaluate(`[...$("log").children].filter((row) => row.innerText.includes(${JSON.stringify(text)})).length`);
      assertEquals([await rows("good morning"), await rows("missed you"), await rows("be missing")], [1, 1, 0]);

      // A server that was restarted has lost the messages, and the page says so.
      await child[Symbol.asyncDispose]();
      await page.until(`$("state").textContent === "connecting again" && $("send").disabled`);
      child = chat(port!);
      await child.said(/(http:\S+)/);
      await page.until(`$("state").textContent === "connected" && !$("send").disabled`);
      assertEquals(await row("Messages may be missing here"), "note");
      await page.evaluate(`$("text").value = "still here"; $("say").requestSubmit()`);
      assertEquals(await row("still here"), "own");
      assertEquals(await problemsOf(page), []);
    } finally {
      await child[Symbol.asyncDispose]();
    }
  },
});
