/**
 * A server that Nitro has built, with `./crossws` in the place of crossws' adapter for Deno, as docs/how-to/other-servers.md says.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { connect, HandshakeError } from "../../mod.ts";
import { unless } from "../_support/needs.ts";
import { ORIGIN_REFUSED, overlook } from "../_support/printed.ts";
import { soon } from "../_support/wait.ts";
import { createProject } from "../runtimes/_project.ts";

overlook(ORIGIN_REFUSED);

const FILES: Readonly<Record<string, string>> = {
  "nitro.config.ts": `export default defineNitroConfig({
  preset: "deno-server",
  compatibilityDate: "2025-01-01",
  experimental: { websocket: true },
  alias: { "crossws/adapters/deno": "@sluice/websocket/crossws" },
});`,
  "routes/index.ts": `export default defineEventHandler(() => "Hello");`,
  "routes/chat.ts": `export default defineWebSocketHandler({
  open(peer) {
    peer.subscribe("chat");
    peer.send("welcome");
  },
  message: (peer, message) => peer.publish("chat", "heard: " + message.text()),
});`,
};

const project = await createProject();
Deno.test.afterAll(() => project.remove());
const missing = await project.install("nitropack@2") ? undefined : "npm cannot install nitropack";

Deno.test({
  ...unless(missing, "a server that Nitro builds for Deno runs its routes of crossws on our adapter"),
  async fn() {
    await Deno.mkdir(`${project.folder}/routes`);
    for (const [name, text] of Object.entries(FILES)) await Deno.writeTextFile(`${project.folder}/${name}`, text);
    await project.run("node", "node_modules/nitropack/dist/cli/index.mjs", "build");

    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", "--no-lock", "-A", ".output/server/index.mjs"],
      cwd: project.folder,
      env: { NITRO_PORT: "0", NITRO_HOST: "127.0.0.1" },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    try {
      let text = "";
      while (!/Listening .*:\d+\s/.test(text)) {
        const { done, value } = await soon(output.read(), "The start of Nitro's server");
        if (done) throw new Error(`Nitro's server has ended: ${text}`);
        text += value;
      }
      const host = `127.0.0.1:${/:(\d+)\s/.exec(text)?.[1]}`;
      assertEquals(await (await fetch(`http://${host}/`)).text(), "Hello");
      await using ann = await connect(`ws://${host}/chat`);
      await using bob = await connect(`ws://${host}/chat`);
      const [fromAnn, fromBob] = [ann, bob].map((socket) => socket[Symbol.asyncIterator]());
      for (const messages of [fromAnn, fromBob]) {
        assertEquals((await soon(messages!.next(), "The welcome")).value, "welcome");
      }
      await ann.send("hello");
      assertEquals((await soon(fromBob!.next(), "The message")).value, "heard: hello");
      // crossws' own adapter for Deno accepts every origin.
      const origin = { headers: { origin: "https://other.example" } };
      const error = await assertRejects(() => connect(`ws://${host}/chat`, origin), HandshakeError);
      assertEquals(error.status, 403);
    } finally {
      child.kill("SIGKILL");
      await child.status;
      await output.cancel();
    }
  },
});
