/**
 * `deno task npm [FOLDER]`: the package that Node, Bun and bundlers install, as a tarball in FOLDER or here. Every module becomes
 * JavaScript (ES2022) and declarations; nothing is bundled, so that an entry point loads what it needs and no more. npm brings
 * TypeScript: in Deno's lock file it would be downloaded by everybody.
 *
 * @module
 */
import { dirname, join } from "node:path/posix";
import config from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);

/** Entry points that are made of Deno's own calls. The others run on Node 20 and Bun. */
const FOR_DENO: readonly string[] = ["./deno-serve", "./handlers", "./standalone", "./workers"];

/** The entry points of the package, and their modules. */
const ENTRIES: readonly (readonly [name: string, path: string])[] = Object.entries(config.exports)
  .filter(([name]) => !FOR_DENO.includes(name));

/** What a page loads by its URL. */
const BROWSER_FILE = "lib/browser/sluice.js";

const TYPESCRIPT = "typescript@5.9.3";

/** Makes the tarball in a folder, and returns its path. */
export async function pack(folder: string): Promise<string> {
  const staging = await Deno.makeTempDir({ prefix: "sluice-npm-" });
  try {
    const packages = new Map<string, string>();
    for await (const path of sources("lib/")) await copySource(path, staging, packages);
    await copySource("mod.ts", staging, packages);
    await compile(staging);
    for (const file of ["README.md", "CHANGELOG.md", "LICENSE", BROWSER_FILE]) {
      await Deno.copyFile(new URL(file, ROOT), `${staging}/package/${file}`);
    }
    await Deno.writeTextFile(`${staging}/package/package.json`, JSON.stringify(manifest(packages), null, 2));
    const name = await npm(`${staging}/package`, "pack", "--silent", "--pack-destination", await Deno.realPath(folder));
    return join(folder, name.trim());
  } finally {
    await Deno.remove(staging, { recursive: true });
  }
}

async function* sources(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))) {
    if (isDirectory) yield* sources(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield `${folder}${name}`;
  }
}

/** Copies a module, with the specifiers that it has in the package, and notes what it imports from npm. */
async function copySource(path: string, staging: string, packages: Map<string, string>): Promise<void> {
  const source = await Deno.readTextFile(new URL(path, ROOT));
  // Not in comments: an example may import anything.
  const specifiers = /^(?! \*)(.*\b(?:from|import)\s*\(?\s*)"([^"]+)"/gm;
  const text = source.replace(specifiers, (_, before: string, specifier: string) => {
    const [, name, version] = /^npm:(@?[^@]+)@([^/]+)$/.exec(specifier) ?? [];
    if (name !== undefined && version !== undefined) packages.set(name, version);
    return `${before}"${name ?? specifier.replace(/^(\..*)\.ts$/, "$1.js")}"`;
  });
  // What a consumer's `lib` of ES2022 and DOM does not have.
  const library = /\b[aA]syncDispos(able|e)\b/.test(source)
    ? `/// <reference lib="esnext.disposable" preserve="true" />\n`
    : "";
  const target = join(staging, "source", path);
  await Deno.mkdir(dirname(target), { recursive: true });
  await Deno.writeTextFile(target, library + text);
}

/** Compiles the entry points and what they import. That the types hold is checked elsewhere, and here is no `Deno`. */
async function compile(staging: string): Promise<void> {
  const options = {
    target: "ES2022",
    lib: ["ESNext", "DOM", "DOM.Iterable", "DOM.AsyncIterable"],
    module: "NodeNext",
    verbatimModuleSyntax: true,
    declaration: true,
    noCheck: true,
    types: [],
    rootDir: "source",
    outDir: "package",
  };
  const project = { compilerOptions: options, files: ENTRIES.map(([, path]) => join("source", path)) };
  await Deno.writeTextFile(`${staging}/tsconfig.json`, JSON.stringify(project));
  await Deno.writeTextFile(`${staging}/package.json`, `{ "type": "module" }`);
  await npm(staging, "exec", "--yes", "--package", TYPESCRIPT, "--", "tsc", "--project", ".");
}

function manifest(packages: ReadonlyMap<string, string>): Record<string, unknown> {
  const { name, version, license } = config;
  const conditions = (path: string) => ({
    types: path.replace(/\.ts$/, ".d.ts"),
    default: path.replace(/\.ts$/, ".js"),
  });
  return {
    name,
    version,
    license,
    description: "WebSockets as web-standard streams",
    type: "module",
    sideEffects: false,
    engines: { node: ">=20.16 <21 || >=22.3" },
    exports: {
      ...Object.fromEntries(ENTRIES.map(([entry, path]) => [entry, conditions(path)])),
      "./sluice.js": `./${BROWSER_FILE}`,
    },
    // An application that uses a broker installs its client.
    peerDependencies: Object.fromEntries(packages),
    peerDependenciesMeta: Object.fromEntries(Array.from(packages.keys(), (name) => [name, { optional: true }])),
  };
}

async function npm(cwd: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("npm", { args, cwd, stdin: "null" }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`npm ${args.join(" ")} failed:\n${text.decode(stdout)}${text.decode(stderr)}`);
  return text.decode(stdout);
}

// deno-lint-ignore no-console -- the tarball's path is what this program is run for
if (import.meta.main) console.log(await pack(Deno.args[0] ?? "."));
