/**
 * `docs/reference/ws.md`: its table is written from the tests of this folder, where each statement of ws' documentation is a call of
 * `statement`, `ourStatement` or `differs`. `deno task docs:ws` writes it anew.
 *
 * @module
 */
const ROOT = new URL("../../", import.meta.url);
const PAGE = new URL("docs/reference/ws.md", ROOT);
const BEGIN = "<!-- statements -->";
const END = "<!-- end of statements -->";

/** A statement, and whether it holds. */
export interface Statement {
  /** The heading that it is under. */
  readonly section: string;
  /** What it says, in our words. */
  readonly says: string;
  /** What there is in its place, where it does not hold. */
  readonly why: string | undefined;
}

/** Every statement of the tests, in the order of the files and of the lines. */
export function statements(): Statement[] {
  const folder = new URL("tests/ws/", ROOT);
  const files = Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) => name.endsWith("_test.ts"));
  return files.sort().flatMap((file) => {
    const source = Deno.readTextFileSync(new URL(file, folder));
    const names = new Map(
      Array.from(source.matchAll(/^const (\w+) = "([^"]+)";$/gm), ([, name, text]) => [name, text]),
    );
    const text = '("(?:[^"\\\\]|\\\\.)*"|[A-Z]+)';
    const call = new RegExp(`^(statement|differs)\\(\\s*${text},\\s*${text},(?:\\s*${text},?\\s*\\);)?`, "gm");
    return Array.from(source.matchAll(call), ([, kind, section, says, why]) => {
      const read = (given: string) => names.get(given) ?? JSON.parse(given);
      return { section: read(section!), says: read(says!), why: kind === "differs" ? read(why!) : undefined };
    });
  });
}

/** The page, with the table as the tests have it. */
export function page(): string {
  const all = statements();
  const holding = all.filter(({ why }) => why === undefined).length;
  const cell = (text: string) => text.replaceAll("|", "\\|");
  const sections = [...new Set(all.map(({ section }) => section))].sort();
  const rows = sections.flatMap((section) =>
    all.filter((statement) => statement.section === section).map(({ says, why }) => [
      section.startsWith("WS_ERR") || /[(.]/.test(section) ? `\`${section}\`` : section,
      cell(says),
      why === undefined ? "yes" : cell(`no: ${why}`),
    ])
  );
  const lines = [["part of the API", "statement", "holds"], ["--", "--", "--"], ...rows].map((row) =>
    `| ${row.join(" | ")} |`
  );
  const table = `**${holding} of ${all.length}** statements hold.\n\n${lines.join("\n")}`;
  const text = Deno.readTextFileSync(PAGE);
  const [before, rest = ""] = text.split(BEGIN);
  return `${before}${BEGIN}\n\n<!-- deno-fmt-ignore-start -->\n\n${table}\n\n<!-- deno-fmt-ignore-end -->\n\n${END}${
    rest.split(END)[1] ?? ""
  }`;
}

if (import.meta.main) Deno.writeTextFileSync(PAGE, page());
