/**
 * Packages that are made for `ws`, as npm installs them, on ours: in Node and in Deno. A package named `ws` that hands on `./ws` is
 * in the place of npm's, so that packages that import it get ours too.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { unless } from "../_support/needs.ts";
import { until } from "../_support/wait.ts";
import { installed, listens } from "../hub/_servers.ts";
import { createProject } from "../runtimes/_project.ts";

/** Each program of `packages`, and what it is about. */
const PROGRAMS: Readonly<Record<string, string>> = {
  "socket_io.mjs": "Socket.IO: wsEngine, polling and its upgrade, rooms, binary data, answers, frames encoded once",
  "graphql_ws.mjs": "graphql-ws: useServer, makeServer, and its client with our class",
  "yjs.mjs": "y-websocket: two providers, the document and its awareness",
  "crossws.mjs": "crossws' adapter for Node, with the address and the drain event of `_socket`",
  "clients.mjs": "partysocket, reconnecting-websocket and STOMP come back to our server with our class",
};

/** Each program of `examples/packages`: what it is about, its arguments, and what it prints after its URL. */
const EXAMPLES: Readonly<Record<string, readonly [what: string, args: readonly string[], printed: readonly string[]]>> =
  {
    "engine_io.js": ["engine.io: a text and bytes", ["0", "talk"], ["It rains", "1,2,3"]],
    "trpc.js": ["tRPC: applyWSSHandler, a query and a subscription", ["0", "talk"], ["hello", "1", "2", "3"]],
    "mqtt.js": ["MQTT.js and aedes", ["0", "talk"], ["news/weather: It rains"]],
    "hocuspocus.js": ["Hocuspocus: two providers", ["0", "talk"], ["It rains"]],
    "fastify.js": [
      "@fastify/websocket, which imports ws itself",
      ["0", "talk"],
      ["hello", "a socket of Sluice", "It rains"],
    ],
    "express.js": ["express-ws, which imports ws itself", ["0", "talk"], ["hello", "a socket of Sluice", "It rains"]],
    "partysocket.js": ["partysocket connects again", ["0"], ["disconnected", "It rains"]],
    "reconnecting_websocket.js": ["reconnecting-websocket connects again", ["0"], ["disconnected", "It rains"]],
    "stomp.js": ["STOMP: @stomp/stompjs", [], ["/topic/news: It rains"]],
  };

/** crossws' adapter for Node refuses to start in Deno. */
const ONLY_IN_NODE: ReadonlySet<string> = new Set(["crossws.mjs"]);

const PACKAGES = [
  "@fastify/websocket@11",
  "@hocuspocus/provider@2",
  "@hocuspocus/server@2",
  "@nats-io/nats-core@3",
  "@stomp/stompjs@7",
  "@trpc/client@11",
  "@trpc/server@11",
  "aedes@0.51",
  "crossws@0.4",
  "engine.io-client@6",
  "engine.io@6",
  "express-ws@5",
  "express@5",
  "fastify@5",
  "graphql-ws@6",
  "graphql@16",
  "mqtt@5",
  "partysocket@1",
  "reconnecting-websocket@4",
  "socket.io-client@4",
  "socket.io@4",
  "y-websocket@2",
  "yjs@13",
];

const project = await createProject();
Deno.test.afterAll(() => project.remove());

const manifest = JSON.parse(await Deno.readTextFile(`${project.folder}/package.json`));
manifest.dependencies.ws = "file:./ws-shim";
manifest.overrides = { ws: "file:./ws-shim" };
await Deno.writeTextFile(`${project.folder}/package.json`, JSON.stringify(manifest));
await writeShim(`${project.folder}/ws-shim`);
const missing = await project.install("--omit=optional", ...PACKAGES) ? undefined : "npm cannot install the packages";
if (missing === undefined) {
  // Deno does not look through a link to a folder that no import of the program has named.
  await Deno.remove(`${project.folder}/node_modules/ws`);
  await writeShim(`${project.folder}/node_modules/ws`);
}
const programs = new URL("packages/", import.meta.url);
for (const { name } of Deno.readDirSync(programs)) {
  await Deno.copyFile(new URL(name, programs), `${project.folder}/${name}`);
}

const examples = new URL("../../examples/packages/", import.meta.url);
for (const { name } of Deno.readDirSync(examples)) {
  // The project has the packages already: `npm:mqtt@5` is `mqtt` there.
  const source = await Deno.readTextFile(new URL(name, examples));
  await Deno.writeTextFile(`${project.folder}/${name}`, source.replace(/"npm:(@?[^@"]+)@\d[\d.]*/g, '"$1'));
}

/** The package that docs/how-to/ws.md describes. */
async function writeShim(folder: string): Promise<void> {
  await Deno.mkdir(folder);
  const shim = { name: "ws", version: "8.99.0", type: "module", exports: "./index.js" };
  await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify(shim));
  await Deno.writeTextFile(
    `${folder}/index.js`,
    `export * from "@sluice/websocket/ws";\nexport { default, default as "module.exports" } from "@sluice/websocket/ws";\n`,
  );
}

const NO_NATS = installed("nats") ? undefined : "nats-server is not installed";

/** A NATS server that speaks WebSocket. */
async function startNats(): Promise<{ url: string } & AsyncDisposable> {
  const probe = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = probe.addr;
  probe.close();
  const config = `${project.folder}/nats.conf`;
  await Deno.writeTextFile(config, `listen: "127.0.0.1:-1"\nwebsocket { listen: "127.0.0.1:${port}", no_tls: true }\n`);
  const options: Deno.CommandOptions = { args: ["-c", config], stdin: "null", stdout: "null", stderr: "null" };
  const child = new Deno.Command("nats-server", options).spawn();
  await until(() => listens(port), "The start of nats-server", 10_000);
  return {
    url: `ws://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
    },
  };
}

const RUNTIMES = {
  Node: ["node"],
  Deno: [Deno.execPath(), "run", "--quiet", "--no-prompt", "--no-lock", "-A"],
} as const;

for (const [runtime, [command, ...args]] of Object.entries(RUNTIMES)) {
  const run = async (...program: string[]) => (await project.run(command, ...args, ...program)).trim().split("\n");
  for (const [program, what] of Object.entries(PROGRAMS)) {
    if (runtime === "Deno" && ONLY_IN_NODE.has(program)) continue;
    Deno.test({ ...unless(missing, `${runtime}: ${what}`), fn: async () => assertEquals(await run(program), ["ok"]) });
  }
  for (const [program, [what, options, printed]] of Object.entries(EXAMPLES)) {
    Deno.test({
      ...unless(missing, `${runtime}: examples/packages/${program}: ${what}`),
      async fn() {
        const lines = await run(program, ...options);
        assertEquals(lines.filter((line) => !/ on \w+:\/\//.test(line)), printed);
      },
    });
  }
  Deno.test({
    ...unless(missing ?? NO_NATS, `${runtime}: examples/packages/nats.js: NATS over a WebSocket, with our class`),
    async fn() {
      await using server = await startNats();
      assertEquals(await run("nats.js", server.url), ["news.weather: It rains"]);
    },
  });
}
