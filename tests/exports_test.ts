import { assertEquals } from "@std/assert";
import { read } from "./_support/docs.ts";

/** They stand in for the platform's classes of these names and for the types that belong to them, and do what those do. */
const DROP_INS = [
  "WebSocket",
  "WebSocketCloseInfo",
  "WebSocketConnection", // what Deno's `WebSocketStream` opens has the two streams and the same facts
  "WebSocketError",
  "WebSocketOptions",
  "WebSocketStream",
  "WebSocketStreamOptions",
];

/** What `deno doc --json` says of modules. */
interface Documentation {
  readonly nodes: Readonly<Record<string, { readonly symbols: readonly { readonly name: string }[] }>>;
}

async function deno(args: string[]): Promise<{ stdout: string; stderr: string }> {
  const options = { args, cwd: new URL("..", import.meta.url), env: { NO_COLOR: "1" } };
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), options).output();
  return { stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Every name, of a type or a value, that an entry point exports. */
async function exportedNames(): Promise<string[]> {
  const { exports }: { exports: Record<string, string> } = JSON.parse(read("deno.json"));
  const { stdout } = await deno(["doc", "--json", ...Object.values(exports)]);
  const { nodes }: Documentation = JSON.parse(stdout);
  const names = Object.values(nodes).flatMap(({ symbols }) => symbols.map(({ name }) => name));
  return [...new Set(names)].filter((name) => name !== "default").sort();
}

/** Which of these names the DOM's types or Deno's give to a type or a value: the type checker finds them. */
async function globalNames(names: readonly string[]): Promise<string[]> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-exports-" });
  try {
    const lines = names.flatMap((name, i) => [`type T${i} = ${name};`, `type V${i} = typeof ${name};`]);
    await Deno.writeTextFile(`${folder}/names.ts`, `${lines.join("\n")}\nexport {};\n`);
    const compilerOptions = { lib: ["dom", "dom.iterable", "dom.asynciterable", "deno.window", "deno.unstable"] };
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ compilerOptions }));
    const { stderr } = await deno(["check", "--config", `${folder}/deno.json`, `${folder}/names.ts`]);
    const missing = new Set<number>();
    for (const [, line] of stderr.matchAll(/Cannot find name '\w+'[^]*?names\.ts:(\d+):/g)) missing.add(Number(line));
    return names.filter((_, i) => !missing.has(2 * i + 1) || !missing.has(2 * i + 2));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("no export of an entry point has the name of a DOM or Deno global, except the classes that replace them", async () => {
  const names = await exportedNames();
  assertEquals(await globalNames([...names, "CloseEvent", "EventTarget", "fetch"]), [
    ...DROP_INS,
    "CloseEvent",
    "EventTarget",
    "fetch",
  ]);
});
