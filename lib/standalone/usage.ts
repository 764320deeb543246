/**
 * The text of `--help`.
 *
 * @module
 */
import { helpLine } from "./command_line.ts";
import { DEFAULT_OPTIONS, isOption, OPTION_GROUPS, OPTIONS, type Options } from "./options.ts";

/** The help: a line for each option, with its default in parentheses. */
export function usage(): string {
  const groups = OPTION_GROUPS.map(([title, specs]) =>
    `\n${title}:\n${Object.keys(specs).filter(isOption).map(line).join("")}`
  );
  return `${HEAD}${groups.join("")}${FOOT}`;
}

function line(name: keyof Options): string {
  return helpLine(name, OPTIONS[name], { initial: DEFAULT_OPTIONS[name], width: WIDTH });
}

/** The width of the column of names, which is that of the longest name. */
const WIDTH = "--max-streamed-message-bytes BYTES".length;

const HEAD = `Usage: deno task serve [OPTION]...
Serves WebSockets, and a console to try them with in a browser.
`;

const FOOT = `
Use --no- to turn off a flag of the configuration file, as in --no-deflate. Paths are relative to the current
folder, and Deno needs permission to read them: deno run --allow-net --allow-read=DIR lib/standalone/main.ts
For --workers Deno needs --unstable-net, and --allow-read for the server's own files.
The client is the same program: deno run --allow-net lib/standalone/main.ts client --help

Exit status: 0 after a signal to stop, 1 if it cannot listen, 2 for an invalid option.
`;
