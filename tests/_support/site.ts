/**
 * The documentation as a static site: `deno task docs` builds it into `docs/site`, with VitePress from npm. The pages are those of the
 * repository, as they are; only links to files that are no pages lead to copies of the files.
 *
 * @module
 */
import { buildApi, pages, read } from "./docs.ts";

const ROOT = new URL("../../", import.meta.url);

/** The generator, and what draws the diagrams. */
const PACKAGES = ["vitepress@1.6.4", "vitepress-plugin-mermaid@2.0.17", "mermaid@11"];

/** The pages outside of `docs`, in the order of the side bar. */
const PROJECT = ["SECURITY.md", "CONTRIBUTING.md", "tests/README.md", "bench/README.md", "CHANGELOG.md"];

/** The groups of the side bar: a title, and the folder below `docs` that the pages are in. */
const GROUPS = [["How-to guides", "how-to"], ["Reference", "reference"], ["Explanation", "explanation"]] as const;

/** VitePress' own theme, with room for tables. */
const THEME = `import DefaultTheme from "vitepress/theme";
import "./wide.css";
export default DefaultTheme;
`;
const STYLE = `:root { --vp-layout-max-width: 1680px; }
.VPDoc.has-aside .content-container { max-width: 960px !important; }
.vp-doc td, .vp-doc th { padding: 6px 10px; vertical-align: top; }
`;

/**
 * Builds the site.
 *
 * @param output The folder to build into. What it holds is replaced.
 */
export async function buildSite(output: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-site-" });
  try {
    await writePages(folder);
    await run(folder, "npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", folder, ...PACKAGES);
    await run(folder, `${folder}/node_modules/.bin/vitepress`, "build", folder, "--outDir", output);
    await buildApi(`${output}/api`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Writes all pages that can be reached from the README, the files that they link to, and VitePress' configuration.
 *
 * @param folder The folder to write into.
 */
export async function writePages(folder: string): Promise<void> {
  const todo = ["README.md", ...pages(), ...PROJECT, "examples/README.md"];
  const done = new Set<string>();
  for (const page of todo) {
    if (done.has(page)) continue;
    done.add(page);
    const text = read(page).replace(/\]\(([^)\s]+)\)/g, (link, target: string) => {
      const [path = "", fragment] = target.split("#");
      if (path === "" || /^[a-z]+:/.test(path)) return link;
      const below = new URL(path, new URL(page, ROOT)).href.slice(ROOT.href.length).replace(/\/$/, "");
      if (/\.(?:svg|png)$/.test(below)) return link;
      const leads = pageFor(below);
      if (leads === undefined) return `](/source/${below}.txt)`;
      todo.push(leads);
      return `](/${leads}${fragment === undefined ? "" : `#${fragment}`})`;
    });
    await write(
      `${folder}/${page === "README.md" ? "index.md" : page}`,
      text.replaceAll("](/README.md", "](/index.md"),
    );
    for (const [, below] of text.matchAll(/\]\(\/source\/([^)]+)\.txt\)/g)) await copySource(below!, folder);
    for (const [, image] of text.matchAll(/\]\(([^)\s]+\.(?:svg|png))\)/g)) {
      const from = new URL(image!, new URL(page, ROOT));
      await write(`${folder}/${from.href.slice(ROOT.href.length)}`, await Deno.readFile(from));
    }
  }
  await write(`${folder}/.vitepress/config.mjs`, configuration());
  await write(`${folder}/.vitepress/theme/index.mjs`, THEME);
  await write(`${folder}/.vitepress/theme/wide.css`, STYLE);
}

/** The page that a path below the root leads to: itself, or the README of a folder. `undefined` for a file that is no page. */
function pageFor(below: string): string | undefined {
  if (below.endsWith(".md")) return below;
  try {
    Deno.statSync(new URL(`${below}/README.md`, ROOT));
    return `${below}/README.md`;
  } catch {
    return undefined;
  }
}

/** Copies a file, or the list of a folder's files, as text that every browser shows. */
async function copySource(below: string, folder: string): Promise<void> {
  const path = new URL(below, ROOT);
  const { isDirectory } = await Deno.stat(path);
  const text = isDirectory
    ? Array.from(Deno.readDirSync(path), ({ name }) => `${below}/${name}\n`).toSorted().join("")
    : await Deno.readTextFile(path);
  await write(`${folder}/public/source/${below}.txt`, text);
}

function configuration(): string {
  const link = (page: string) => ({ text: titleOf(page), link: `/${page}` });
  const sidebar = [
    { text: "Start", items: [{ text: "Overview", link: "/" }, link("docs/tutorial.md"), link("examples/README.md")] },
    ...GROUPS.map(([text, folder]) => ({ text, items: pages(`docs/${folder}/`).map(link) })),
    { text: "Project", items: PROJECT.map(link) },
  ];
  const api = { text: "API", link: "/api/index.html", target: "_self" };
  const config = {
    title: "Sluice",
    description: "WebSockets as web-standard streams, for Deno",
    lang: "en",
    cleanUrls: false,
    head: [["link", { rel: "icon", href: "data:," }]],
    themeConfig: {
      nav: [{ text: "Tutorial", link: "/docs/tutorial.md" }, { text: "Documentation", link: "/docs/README.md" }, api],
      sidebar: [...sidebar, { text: "API reference", items: [api] }],
      outline: [2, 3],
      search: { provider: "local" },
    },
  };
  return `import { withMermaid } from "vitepress-plugin-mermaid";
export default withMermaid(${JSON.stringify(config, null, 2)});
`;
}

function titleOf(page: string): string {
  return /^# (.+)$/m.exec(read(page))?.[1]?.replaceAll("`", "") ?? page;
}

async function write(path: string, content: string | Uint8Array): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  await (typeof content === "string" ? Deno.writeTextFile(path, content) : Deno.writeFile(path, content));
}

async function run(cwd: string, command: string, ...args: string[]): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args, cwd }).output();
  if (success) return;
  const decoder = new TextDecoder();
  throw new Error(`${command} failed:\n${decoder.decode(stdout)}${decoder.decode(stderr)}`);
}

if (import.meta.main) {
  await buildSite(new URL("docs/site", ROOT).pathname);
  // deno-lint-ignore no-console -- a task says where its work is
  console.log("docs/site/index.html");
}
