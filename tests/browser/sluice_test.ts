/**
 * The built file: that it is what the source makes, and what a page does with it in Chromium.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { serve, type WebSocketConnection } from "../../mod.ts";
import { json, type Requests, requests, typed } from "../../lib/typed/mod.ts";
import { buildForBrowsers, BUILT } from "../_support/browser.ts";
import { launch } from "../_support/chromium.ts";
import { inChromium, openPage } from "../examples/_page.ts";

Deno.test("lib/browser/sluice.js matches its source: `deno task browser` writes it", async () => {
  const built = await buildForBrowsers();
  const committed = await Deno.readTextFile(BUILT);
  assert(committed === built, "lib/browser/sluice.js is older than its source: run `deno task browser`");
});

Deno.test("lib/browser/sluice.js imports nothing, needs nothing from Deno or Node, and is smaller than 64 KiB", async () => {
  const code = await Deno.readTextFile(BUILT);
  assertEquals(code.match(/\bimport ?[("{]|\bfrom ?"|\bDeno\.\w+\(|\bprocess\.|\brequire\(/g), null);
  assert(code.length < 64 * 1024, `it has ${code.length} bytes`);
});

Deno.test({
  ...inChromium(
    "a page that loads lib/browser/sluice.js by its URL sends, hears, asks, answers, refuses and comes back",
  ),
  async fn() {
    const script = await Deno.readTextFile(BUILT);
    const closed: number[] = [];
    let echoes = 0;
    const handlers: Record<string, (socket: WebSocketConnection) => unknown> = {
      async "/echo"(socket) {
        const first = ++echoes === 1;
        for await (const value of typed(socket, json())) {
          await typed(socket, json()).send(value);
          if (first) return socket.abort();
        }
      },
      async "/ask"(socket) {
        const page: Requests = requests(socket, { answer: async (asked) => [asked, await page.request("who")] });
        await page.closed;
      },
      async "/bad"(socket) {
        await socket.send("{");
        closed.push((await socket.closed).closeCode);
      },
    };
    await using server = serve({
      port: 0,
      hostname: "127.0.0.1",
      http: ({ url }) =>
        url.endsWith("/sluice.js")
          ? new Response(script, { headers: { "Content-Type": "text/javascript" } })
          : new Response("<!doctype html><title>Sluice</title><link rel=icon href=data:,>", {
            headers: { "Content-Type": "text/html" },
          }),
    }, (socket) => handlers[new URL(socket.url).pathname]?.(socket));
    await using browser = await launch();
    const page = await openPage(browser, server.url.replace("ws", "http"));

    const echoed = await page.evaluate(`(async () => {
      const { json, reconnecting, typed } = globalThis.sluice = await import("/sluice.js");
      const states = [];
      const onState = ({ state }) => states.push(state);
      const peer = typed(reconnecting("/echo", { delay: { first: 1, most: 1 }, onState }), json());
      const values = peer[Symbol.asyncIterator]();
      const heard = [];
      for (const value of [{ text: "größer" }, [1, 2, 3]]) {
        await peer.send(value);
        heard.push((await values.next()).value);
        if (heard.length === 1) await new Promise((resolve) => {
          const look = () => states.filter((state) => state === "open").length === 2 ? resolve() : setTimeout(look, 5);
          look();
        });
      }
      await peer.close();
      return [heard, states];
    })()`);
    assertEquals(echoed, [[{ text: "größer" }, [1, 2, 3]], [
      "open",
      "waiting",
      "connecting",
      "open",
      "closed",
    ]]);

    const answered = await page.evaluate(`(async () => {
      const { reconnecting, requests } = sluice;
      const peer = requests(reconnecting("/ask"), { answer: (asked) => asked + ": a page" });
      const answer = await peer.request("hello");
      await peer.close();
      return answer;
    })()`);
    assertEquals(answered, ["hello", "who: a page"]);

    const refused = await page.evaluate(`(async () => {
      const { json, MessageError, reconnecting, typed } = sluice;
      const peer = typed(reconnecting("/bad"), json());
      try {
        for await (const value of peer) return value;
      } catch (error) {
        await peer.closed;
        return [error instanceof MessageError, error.name, error.message, peer.connection.state];
      }
    })()`);
    assertEquals(refused, [true, "MessageError", "Message is not JSON", "closed"]);
    assertEquals(closed, [4007]);
    assertEquals(await page.evaluate("problems"), []);
  },
});
