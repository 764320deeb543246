import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url);

/** Every source file of the library, by its path below the root. */
const SOURCES = new Map<string, string>();

function collect(folder: string): void {
  for (const entry of Deno.readDirSync(new URL(folder, ROOT))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory) collect(`${path}/`);
    else if (path.endsWith(".ts")) SOURCES.set(path, Deno.readTextFileSync(new URL(path, ROOT)));
  }
}
collect("lib/");
SOURCES.set("mod.ts", Deno.readTextFileSync(new URL("mod.ts", ROOT)));

/** What a file's code says, without comments: documentation may name anything. */
function code(source: string): string {
  return source.replace(/\/\*[^]*?\*\//g, "").replace(/(?<![:"])\/\/.*$/gm, "");
}

/** What a file imports: paths below the root, or specifiers of packages. */
function imports(path: string): string[] {
  const specifiers = code(SOURCES.get(path) ?? "").matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g);
  return Array.from(specifiers, ([, specifier]) => {
    if (!specifier!.startsWith(".")) return specifier!;
    return new URL(specifier!, new URL(path, ROOT)).href.slice(ROOT.href.length);
  });
}

/** What a file imports, itself included, types too. */
function graphOf(path: string, seen = new Set<string>()): Set<string> {
  if (!seen.has(path)) {
    seen.add(path);
    for (const imported of imports(path)) graphOf(imported, seen);
  }
  return seen;
}

/** The folders from the bottom up: a folder imports itself and those before it. */
const LAYERS = [
  "lib/builtin_modules.ts",
  "lib/once.ts",
  "lib/descriptors.ts",
  "lib/option_kinds.ts",
  "lib/errors.ts",
  "lib/options.ts",
  "lib/limits.ts",
  "lib/async.ts",
  "lib/deadlines.ts",
  "lib/log_error.ts",
  "lib/backoff.ts",
  "lib/pipeline/stage.ts",
  "lib/pipeline/stage_stream.ts",
  "lib/pipeline/bytes/",
  "lib/pipeline/frames/",
  "lib/pipeline/messages/",
  "lib/handshake/",
  "lib/extensions/",
  "lib/transport/",
  "lib/connection/",
  "lib/typed/",
  "lib/rate_limit/",
  "lib/hub/",
  "lib/presence/",
  "lib/server/",
  "lib/client/",
  "lib/recovery/",
  "lib/browser/",
  "lib/workers/",
  "lib/testing/",
  "lib/node/",
  "lib/ws/",
  "lib/http2/",
  "lib/adapters/",
  "lib/legacy/",
  "lib/handlers/",
  "lib/telemetry/",
  "lib/standalone/",
  "mod.ts",
];

const layerOf = (path: string) =>
  LAYERS.findIndex((layer) => path === layer || (layer.endsWith("/") && path.startsWith(layer)));

Deno.test("every source file belongs to a layer", () => {
  assertEquals([...SOURCES.keys()].filter((path) => layerOf(path) === -1), []);
});

Deno.test("imports point one way: bytes < frames < messages < handshake < extensions < transport < connection < hub < server, client < legacy < handlers < standalone", () => {
  const upward = [...SOURCES.keys()].flatMap((path) =>
    imports(path)
      .filter((imported) => SOURCES.has(imported) && layerOf(imported) > layerOf(path))
      .map((imported) => `${path} imports ${imported}`)
  );
  assertEquals(upward, []);
});

Deno.test("no two files import each other, directly or through other files, type imports included", () => {
  for (const path of SOURCES.keys()) {
    for (const imported of imports(path)) {
      assert(!graphOf(imported).has(path), `${path} and ${imported} import each other`);
    }
  }
});

/** What a file loads when it runs, itself included: types are not loaded. */
function valueGraph(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  const values = code(SOURCES.get(path) ?? "").replace(/^import type [^]*?;$/gm, "");
  for (const [, specifier] of values.matchAll(/\bfrom\s*"(\.[^"]+)"/g)) {
    valueGraph(new URL(specifier!, new URL(path, ROOT)).href.slice(ROOT.href.length), seen);
  }
  return seen;
}

Deno.test("only *_stream(s).ts touch streams in the pipeline, the handshake and the extensions", () => {
  const streams = /\b(ReadableStream|WritableStream|TransformStream)\b/;
  const touching = [...SOURCES].filter(([path, source]) =>
    /^lib\/(pipeline|handshake|extensions)\//.test(path) && !/_streams?\.ts$/.test(path) &&
    streams.test(code(source))
  );
  assertEquals(touching.map(([path]) => path), []);
});

Deno.test("only server, client, hub, workers, handlers and standalone name Deno", () => {
  const naming = [...SOURCES].filter(([path, source]) =>
    !/^lib\/(server|client|hub|workers|handlers|standalone)\//.test(path) && /\bDeno\./.test(code(source))
  );
  assertEquals(naming.map(([path]) => path), []);
});

Deno.test("code that runs outside Deno uses nothing that Node 20 lacks: lib/async.ts stands in for Promise.withResolvers", () => {
  const newer =
    /\bPromise\.(withResolvers|try)\b|\bPromiseWithResolvers\b|\bArray\.fromAsync\b|\b(from|to)(Hex|Base64)\(|\.transfer\(|\b(Async)?DisposableStack\b|\bnavigator\b|\bRegExp\.escape\b|\b(Map|Object)\.groupBy\b|\.(keys|values|entries)\(\)\.(?!next\b)\w/;
  const using = [...SOURCES].filter(([path, source]) =>
    !/^lib\/(handlers|standalone|workers)\//.test(path) && newer.test(code(source))
  );
  assertEquals(using.map(([path]) => path), []);
});

Deno.test("the stages use no clock, no timer and no randomness", () => {
  const impure = /\b(Date|performance|setTimeout|setInterval|queueMicrotask|Math\.random)\b/;
  const found = [...SOURCES].filter(([path, source]) =>
    (/^lib\/pipeline\/(bytes|frames|messages)\//.test(path) || /^lib\/(handshake|extensions)\//.test(path)) &&
    impure.test(code(source))
  );
  assertEquals(found.map(([path]) => path), []);
});

Deno.test("mod.ts and everything it loads are in this repository or built in: importing it by URL downloads nothing else", () => {
  assertEquals([...graphOf("mod.ts")].filter((path) => !SOURCES.has(path) && !path.startsWith("node:")), []);
});

Deno.test("the server's entry point loads no client and no hub, and the client's no server", () => {
  const loads = (entry: string, others: RegExp) => [...valueGraph(entry)].filter((path) => others.test(path));
  assertEquals(loads("lib/server/mod.ts", /^lib\/(client|hub|legacy|standalone|testing)\//), []);
  assertEquals(loads("lib/client/mod.ts", /^lib\/(server|hub|legacy|standalone|testing)\//), []);
});

Deno.test("mod.ts loads neither the legacy drafts nor the hub nor the command line nor the tools for tests", () => {
  assertEquals([...graphOf("mod.ts")].filter((path) => /^lib\/(legacy|hub|standalone|testing)\//.test(path)), []);
});

Deno.test("mod.ts and the hub load no node: module before one is needed: the first one adds 2 MB to the heap", () => {
  const loading = ["mod.ts", "lib/hub/mod.ts"].flatMap((entry) =>
    [...valueGraph(entry)].filter((path) =>
      /^(?:import|export) (?!type)(?:[^;]*from )?"node:/m.test(code(SOURCES.get(path)!))
    )
  );
  assertEquals(loading, []);
});

Deno.test("no module is loaded while clients are served: import() appears only where a program starts, and where Node dials instead of Deno", () => {
  const importing = [...SOURCES].filter(([, source]) => /(?<!typeof )\bimport\(/.test(code(source))).map(([path]) =>
    path
  );
  assertEquals(importing.sort(), [
    "lib/client/node_dialer.ts",
    "lib/handlers/handler_directory.ts",
    "lib/standalone/main.ts",
  ]);
});

Deno.test("the pure layers type-check with a browser's types alone", async () => {
  const config = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(
      config,
      JSON.stringify({
        compilerOptions: {
          lib: ["esnext", "dom", "dom.iterable", "dom.asynciterable"],
          strict: true,
          exactOptionalPropertyTypes: true,
          noUncheckedIndexedAccess: true,
        },
      }),
    );
    const pure = [...SOURCES.keys()].filter((path) =>
      /^lib\/(pipeline|handshake|extensions)\//.test(path) &&
      !imports(path).some((imported) => imported.startsWith("node:"))
    );
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", "--config", config, ...pure],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    assert(success, new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(config);
  }
});

/** A file of fewer lines may be tested with a neighbour: one in its folder that imports it, or that it imports. */
const CRUMB = 40;

Deno.test("every source file that runs has a test file; a very short one may share a neighbour's", () => {
  const runs = (path: string) => /^(export (?!type|interface|\{|\*)|if )/m.test(code(SOURCES.get(path)!));
  const testOf = (path: string) => path.replace(/^lib\//, "tests/").replace(/\.ts$/, "_test.ts");
  const folderOf = (path: string) => path.slice(0, path.lastIndexOf("/"));
  const isTested = (path: string) => exists(testOf(path));
  const isTestedBeside = (path: string) =>
    SOURCES.get(path)!.split("\n").length <= CRUMB &&
    [...SOURCES.keys()].some((other) =>
      other !== path && folderOf(other) === folderOf(path) && isTested(other) &&
      (imports(other).includes(path) || imports(path).includes(other))
    );
  const untested = [...SOURCES.keys()].filter((path) => runs(path) && !isTested(path) && !isTestedBeside(path));
  assertEquals(untested, []);
});

Deno.test("every folder of lib says what is in it: in the comment of its mod.ts, or in a README", () => {
  const folders = new Set(
    [...SOURCES.keys()].flatMap((path) =>
      path.split("/").slice(1, -1).map((_, i) => path.split("/").slice(0, i + 2).join("/"))
    ),
  );
  const silent = ["lib", ...folders].filter((folder) => !exists(`${folder}/mod.ts`) && !exists(`${folder}/README.md`));
  assertEquals(silent, []);
});

function exists(path: string): boolean {
  try {
    return Deno.statSync(new URL(path, ROOT)).isFile;
  } catch {
    return false;
  }
}
