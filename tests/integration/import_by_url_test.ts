/**
 * "Imported by URL" means: an empty folder, an empty cache, no configuration, and nothing fetched but our own files.
 *
 * @module
 */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { runDeno } from "../_support/child.ts";
import { LOOPBACK, urlOf } from "./_support.ts";

const ROOT = new URL("../../", import.meta.url);

/** Serves `mod.ts` and the sources below `lib/`, as a web server that knows nothing of Deno would, and keeps a log. */
function serveCheckout() {
  const log: { path: string; status: number }[] = [];
  const server = Deno.serve({ ...LOOPBACK, onListen: () => {} }, async (request) => {
    const path = new URL(request.url).pathname;
    const response = await respond(path);
    log.push({ path, status: response.status });
    return response;
  });
  return { log, base: urlOf(server.addr, "http"), [Symbol.asyncDispose]: () => server.shutdown() };
}

async function respond(path: string): Promise<Response> {
  if (!/^\/(mod|lib\/[\w/]+)\.ts$/.test(path)) return new Response("No", { status: 404 });
  try {
    const source = await Deno.readTextFile(new URL(`.${path}`, ROOT));
    return new Response(source, { headers: { "Content-Type": "application/typescript" } });
  } catch {
    return new Response("No", { status: 404 });
  }
}

/** An empty folder for a script and one for the cache, and a way to run Deno there with nothing else to know. */
async function emptyPlace() {
  const cwd = await Deno.makeTempDir({ prefix: "sluice-" });
  const cache = await Deno.makeTempDir({ prefix: "sluice-cache-" });
  return {
    cwd,
    run: (args: string[]) => runDeno(args, { cwd, clearEnv: true, env: { DENO_DIR: cache }, ms: 60_000 }),
    async [Symbol.asyncDispose](): Promise<void> {
      await Deno.remove(cwd, { recursive: true });
      await Deno.remove(cache, { recursive: true });
    },
  };
}

/** What `deno info --json` says of a module. */
interface ModuleInfo {
  readonly specifier: string;
  readonly kind: string;
  readonly error?: string;
  readonly dependencies?: readonly { readonly specifier: string }[];
}

/** Whether a module comes with Deno, as `node:zlib` does. */
const isBuiltIn = (specifier: string): boolean => specifier.startsWith("node:");

const script = (module: string) => `
import { connect, serve } from "${module}";

await using server = serve({ hostname: "127.0.0.1", port: 0 }, { message: (socket, data) => socket.send(data) });
if (!("port" in server.addr)) throw new TypeError("No port");
await using socket = await connect(\`ws://127.0.0.1:\${server.addr.port}/\`);
await socket.send("größer");
for await (const message of socket) {
  console.log(\`echoed: \${message}\`);
  break;
}
`;

const IN_NODE = `
import { accept, connect } from "./sluice.js";

const [there, back] = [new TransformStream(), new TransformStream()];
const [server, client] = await Promise.all([
  accept({ readable: there.readable, writable: back.writable }),
  connect("ws://example.com/", { conn: { readable: back.readable, writable: there.writable } }),
]);
await client.send("größer");
const { value } = await server[Symbol.asyncIterator]().next();
console.log("heard: " + value);
await client.close();
`;

Deno.test("a script that imports mod.ts by URL serves and connects, without configuration or any other download", async () => {
  await using checkout = serveCheckout();
  await using place = await emptyPlace();
  const { host } = new URL(checkout.base);
  await Deno.writeTextFile(`${place.cwd}/main.ts`, script(`${checkout.base}mod.ts`));

  const flags = ["--quiet", "--no-config", `--allow-import=${host}`];
  // `--check=all` checks the types of what was imported, too, under Deno's default options.
  const output = await place.run(["run", "--check=all", "--allow-net=127.0.0.1", "--no-prompt", ...flags, "main.ts"]);
  assertEquals(output, "echoed: größer\n");

  const fetched = checkout.log.map(({ path }) => path);
  assertEquals(checkout.log.filter(({ status }) => status !== 200), []);
  assertEquals(fetched.length, new Set(fetched).size);
  assertEquals(fetched[0], "/mod.ts");

  const info: { modules: ModuleInfo[] } = JSON.parse(
    await place.run(["info", "--json", "--no-config", `--allow-import=${host}`, `${checkout.base}mod.ts`]),
  );
  const modules = info.modules.map(({ specifier }) => specifier);
  assertGreater(modules.length, 20);
  // What the graph names is built in or was fetched: no module came from the cache or from anywhere else.
  const ours = modules.filter((specifier) => !isBuiltIn(specifier));
  assertEquals(ours.toSorted(), fetched.map((path) => new URL(path, checkout.base).href).toSorted());
  for (const { specifier, kind, error, dependencies = [] } of info.modules) {
    assertEquals([kind, error], [isBuiltIn(specifier) ? "node" : "esm", undefined], specifier);
    for (const dependency of dependencies) {
      const allowed = isBuiltIn(dependency.specifier) || /^\.\.?\//.test(dependency.specifier);
      assert(allowed, `${specifier} imports ${dependency.specifier}`);
    }
  }
});

Deno.test("deno bundle makes one file of mod.ts, which works by URL alone, and unchanged in Node", async () => {
  await using place = await emptyPlace();
  const bundle = `${place.cwd}/sluice.js`;
  await runDeno(["bundle", "--quiet", "--output", bundle, "mod.ts"], { cwd: ROOT });
  const code = await Deno.readTextFile(bundle);
  const imported = Array.from(code.matchAll(/^import\b.*?"([^"]+)";$|\bimport\("([^"]+)"\)/gm), ([, a, b]) => a ?? b!);
  assertEquals(imported.filter((specifier) => !isBuiltIn(specifier)), []);

  const paths: string[] = [];
  await using server = Deno.serve({ ...LOOPBACK, onListen: () => {} }, (request) => {
    paths.push(new URL(request.url).pathname);
    return new Response(code, { headers: { "Content-Type": "text/javascript" } });
  });
  const url = `${urlOf(server.addr, "http")}sluice.js`;
  await Deno.writeTextFile(`${place.cwd}/main.ts`, script(url));
  const flags = ["--quiet", "--no-config", `--allow-import=${new URL(url).host}`];
  const output = await place.run(["run", "--allow-net=127.0.0.1", "--no-prompt", ...flags, "main.ts"]);
  assertEquals([output, paths], ["echoed: größer\n", ["/sluice.js"]]);

  await Deno.writeTextFile(`${place.cwd}/main.mjs`, IN_NODE);
  const { stdout } = await new Deno.Command("node", { args: ["main.mjs"], cwd: place.cwd }).output();
  assertEquals(new TextDecoder().decode(stdout), "heard: größer\n");
});
