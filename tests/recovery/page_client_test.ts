import { assertEquals } from "@std/assert";
import { serve } from "../../lib/server/serve.ts";
import { until } from "../_support/wait.ts";
import { recoverableHub, TestLog } from "./_support.ts";

const page = Deno.readTextFileSync(new URL("../../docs/explanation/what-is-guaranteed.md", import.meta.url));
const [, script = ""] = /```js\n([^]*?)```/.exec(page) ?? [];

Deno.test("the client of the documentation has about twenty lines", () => {
  assertEquals(script.trim().split("\n").length <= 25, true);
});

Deno.test({
  name:
    "the client of the documentation receives every message once and in order despite dropped connections, and reports a lost log",
  async fn() {
    const log = new TestLog();
    await using hub = recoverableHub({ log });
    await using server = serve({ port: 0, hostname: "127.0.0.1", protocols: "sluice.v1" }, hub.handlers());
    const sockets: WebSocket[] = [];
    let over = false;
    class NotedWebSocket extends WebSocket {
      constructor(url: string, protocols: string) {
        if (over) throw new Error("The test is over");
        super(url, protocols);
        sockets.push(this);
      }
    }
    const quick = (connect: () => void) => over ? 0 : setTimeout(connect, 1);
    const heard: string[] = [];
    const reloads: string[] = [];
    const run = new Function(
      "WebSocket",
      "setTimeout",
      "url",
      "onMessage",
      "onReload",
      `${script}
      catchUp(url, ["news"], onMessage, onReload);`,
    );
    run(
      NotedWebSocket,
      quick,
      server.url,
      (_: string, text: string) => heard.push(text),
      (topic: string) => reloads.push(topic),
    );
    await until(() => hub.count("news") === 1, "The subscription");
    for (let i = 0; i < 60; i++) {
      await hub.publish("news", `${i}`, { durable: true });
      if (i % 20 !== 10) continue;
      await until(() => heard.length > i - 5, "Some messages");
      for (const socket of server.connections) socket.abort();
    }
    await until(() => heard.length === 60, "All messages");
    assertEquals(heard, Array.from({ length: 60 }, (_, i) => `${i}`));
    assertEquals(sockets.length, 4);

    await log.wipe();
    await until(() => reloads.length === 1, "The word that the log is lost");
    await hub.publish("news", "again", { durable: true });
    await until(() => heard.at(-1) === "again", "The next message");
    over = true;
    const closed = new Promise((resolve) => sockets.at(-1)!.addEventListener("close", resolve));
    sockets.at(-1)!.close();
    await closed;
  },
});
