import { assertEquals, assertRejects } from "@std/assert";
import { connect, HandshakeError } from "../../mod.ts";
import { deno } from "../_support/child.ts";
import { within } from "../_support/deadline.ts";
import { soon } from "../_support/wait.ts";

// Without the lock file, into which their packages must not get, and with what npm's Oak asks its environment.
const EXAMPLES = {
  deno_serve: { name: "Deno.serve", permissions: [] },
  hono: { name: "Hono", permissions: [] },
  oak: { name: "Oak", permissions: ["--allow-env"] },
};

for (const [file, { name, permissions }] of Object.entries(EXAMPLES)) {
  Deno.test(`examples/side_by_side/${file}.ts: ${name} and WebSockets share one port, and a message posted to one reaches the other`, async () => {
    const run = ["run", "--no-prompt", "--quiet", "--no-check", "--allow-net=127.0.0.1", ...permissions];
    await using child = deno(...run, `examples/side_by_side/${file}.ts`, "0");
    const [, url] = await within(child.said(/(http:\S+)\//), 60_000, "The start, download included,");
    const ask = async (path: string, init?: RequestInit) => {
      const response = await fetch(`${url}${path}`, init);
      return [response.status, await response.text()];
    };
    assertEquals(await ask("/"), [200, `${name} is here\n`]);
    assertEquals((await ask("/nowhere"))[0], 404);
    assertEquals(await ask("/news", { method: "POST", body: "nobody hears" }), [200, "0 told\n"]);

    const [ada, bob] = [await connect(`${url}/live`), await connect(`${url}/live`)];
    // What is answered behind the opening has seen the subscription; the platform's own sockets have no ping to wait for.
    const heard = [ada, bob].map((socket) => socket[Symbol.asyncIterator]());
    for (let told = ""; told !== "2 told\n";) {
      told = String((await ask("/news", { method: "POST", body: "It rains" }))[1]);
    }
    await ada.send("It pours");
    for await (const message of { [Symbol.asyncIterator]: () => heard[1]! }) {
      if (message === "It pours") break;
      assertEquals(message, "It rains");
    }
    assertEquals((await soon(heard[0]!.next(), "The news")).value, "It rains");
    await Promise.all([ada.close(), bob.close()]);

    assertEquals(
      (await assertRejects(() => connect(`${url}/`), HandshakeError)).status,
      name === "Deno.serve" ? 200 : 404,
    );
    const foreign = connect(`${url}/live`, { headers: { Origin: "https://evil.example" } });
    assertEquals((await assertRejects(() => foreign, HandshakeError)).status, 403);
  });
}
