/**
 * The package that npm installs: `pack.ts` makes it, npm installs it into an empty folder, and programs use it as a user does, in
 * Node and in Bun, and under `tsc`.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { connect, serve, type ServeOptions, type WebSocketServer } from "../../mod.ts";
import { unless } from "../_support/needs.ts";
import { cert, key } from "../_support/tls.ts";
import { soon } from "../_support/wait.ts";
import { connectProxy, listen } from "../client/_support.ts";
import { createProject, type Project } from "./_project.ts";

const project: Project = await createProject();
Deno.test.afterAll(() => project.remove());

/** The programs that run JavaScript. Bun's binary is in a package of its own for each platform: its script would only move it. */
const RUNTIMES: readonly { name: string; program: string; missing?: string }[] = [
  { name: "Node", program: "node" },
  await project.install("bun@1.4.5")
    ? { name: "Bun", program: findBun() }
    : { name: "Bun", program: "", missing: "npm cannot install it here" },
];

const NO_FRAMEWORKS = await project.install("hono@4.13.19", "@hono/node-server@2.1.9", "h3@2.0.8", "crossws@0.4.17")
  ? undefined
  : "npm cannot install Hono and h3 here";

function findBun(): string {
  const [platform] = Array.from(Deno.readDirSync(`${project.folder}/node_modules/@oven`), ({ name }) => name).sort();
  return `${project.folder}/node_modules/@oven/${platform}/bin/bun`;
}

/** What the programs talk to. */
function echo(options: ServeOptions): WebSocketServer {
  return serve({
    protocols: ["chat"],
    perMessageDeflate: true,
    upgrade: ({ path }) => path === "/missing" ? new Response("Not here\n", { status: 404 }) : undefined,
    ...options,
  }, async (socket) => {
    if (socket.url.endsWith("/close")) await socket.close(4001, "as you like");
    for await (const message of socket) await socket.send(message);
  });
}

const HERE = { hostname: "127.0.0.1", port: 0 };

for (const { name, program, missing } of RUNTIMES) {
  Deno.test({
    ...unless(missing, `${name}: every entry point loads`),
    fn: async () => assertEquals(await project.run(program, "entries.mjs"), "ok\n"),
  });

  Deno.test({
    ...unless(missing, `${name}: the codec, the streams, both handshakes and compression, in memory`),
    fn: async () => assertEquals(await project.run(program, "codec.mjs"), "ok\n"),
  });

  Deno.test({
    ...unless(missing, `${name}: WebSocketServer and WebSocket match npm's ws`),
    fn: async () => assertEquals(await project.run(program, "ws.mjs"), "ok\n"),
  });

  Deno.test({
    ...unless(missing, `${name}: servers and clients over given sockets, and over HTTP/2`),
    fn: async () => assertEquals(await project.run(program, "sockets.mjs"), "ok\n"),
  });

  Deno.test({
    ...unless(
      missing,
      `${name}: the client connects over TCP, TLS, a Unix socket and a proxy, and reports errors`,
    ),
    async fn() {
      const path = `${project.folder}/${name}.sock`;
      await using plain = echo(HERE);
      await using secure = echo({ ...HERE, cert, key });
      await using _unix = echo({ path });
      await using proxy = connectProxy();
      const nobody = listen();
      nobody.close();
      const given = {
        url: plain.url,
        secureUrl: secure.url,
        path,
        proxy: proxy.url,
        nobody: `ws://127.0.0.1:${nobody.addr.port}`,
        caCert: cert,
      };
      assertEquals(await project.run(program, "client.mjs", JSON.stringify(given)), "ok\n");
    },
  });

  Deno.test({
    ...unless(missing, `${name}: WebSocket and WebSocketStream`),
    async fn() {
      await using server = echo(HERE);
      assertEquals(await project.run(program, "web_classes.mjs", server.url), "ok\n");
    },
  });

  Deno.test({
    ...unless(
      missing ?? NO_FRAMEWORKS,
      `${name}: Hono on @hono/node-server, and h3 with crossws' hooks, on Sluice's connections`,
    ),
    fn: async () => assertEquals(await project.run(program, "adapters.mjs"), "ok\n"),
  });

  Deno.test({
    ...unless(missing, `${name}: a node:http server serves WebSockets beside its own answers, and shuts down`),
    async fn() {
      const child = new Deno.Command(program, {
        args: ["server.mjs"],
        cwd: project.folder,
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      const line = async () => (await soon(output.read(), `A line of ${name}`)).value?.trim();
      try {
        const port = /^listening on (\d+)$/.exec(await line() ?? "")?.[1];
        const http = await fetch(`http://127.0.0.1:${port}/`);
        assertEquals(await http.text(), "an ordinary answer");
        const socket = await connect(`ws://127.0.0.1:${port}/echo`, { protocols: "chat", perMessageDeflate: true });
        assertEquals(socket.protocol, "chat");
        const other = await connect(`ws://127.0.0.1:${port}/echo`);
        const incoming = socket[Symbol.asyncIterator]();
        for (const message of ["größer", Uint8Array.of(1, 2), "x".repeat(1 << 20)]) {
          await socket.send(message);
          assertEquals((await soon(incoming.next(), "The echo")).value, message);
        }
        assertEquals((await soon(other[Symbol.asyncIterator]().next(), "The news")).value, "größer");
        await child.stdin.close();
        assertEquals((await soon(socket.closed, "The close")).closeCode, 1001);
        other.abort();
        assertEquals(await line(), "0 left");
        assertEquals((await soon(child.status, "The end")).code, 0);
      } finally {
        try {
          child.kill("SIGKILL");
        } catch { /* it has ended */ }
        await child.status;
        await output.cancel();
      }
    },
  });
}

assert(await project.install("typescript@5.9.3", "@types/node@20"), "npm cannot install TypeScript");

for (
  const [program, types, module] of [
    ["consumer.ts", [], "NodeNext"],
    ["consumer.ts", [], "ESNext"],
    ["consumer_node.ts", ["node"], "NodeNext"],
  ] as const
) {
  Deno.test(`tsc --strict, ${module} modules: ${program} and the declarations that it imports type-check`, async () => {
    const compilerOptions = {
      strict: true,
      noEmit: true,
      target: "ES2022",
      lib: ["ES2022", "DOM"],
      types,
      module,
      moduleResolution: module === "ESNext" ? "Bundler" : module,
    };
    await Deno.writeTextFile(`${project.folder}/tsconfig.json`, JSON.stringify({ compilerOptions, files: [program] }));
    assertEquals(await project.run("node", "node_modules/typescript/bin/tsc"), "");
  });
}
